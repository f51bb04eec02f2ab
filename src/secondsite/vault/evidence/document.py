"""What evidence says of a job: all of it is read from its rows, nothing is asked."""

import json
from collections.abc import Iterator

from pydantic import JsonValue, ValidationError

from ...domain.access.evidence import FORMAT, VERSION
from ...jobs.model import asking
from ...jobs.model.views import JobTree, JobView, TaskView
from ...wire import rest
from .. import ports

Told = dict[str, JsonValue]
MOST_REQUESTS = 100


def document(tx: ports.Transaction, tree: JobTree, vault: str) -> Told:
    """Its `machines` are those of the job itself, or of all that it has started."""
    machines: list[JsonValue] = [_machine(tx, each, tree.job) for each in of_machines(tree)]
    return {
        "format": FORMAT,
        "version": VERSION,
        "vault": vault,
        "job": _job(tree.job),
        "requests": _requests(tx, tree.job.id),
        "steps": [_step(each) for each in tree.tasks],
        "machines": machines,
    }


def of_machines(tree: JobTree) -> Iterator[JobTree]:
    if tree.job.subject and not tree.children:
        yield tree
    for each in tree.children:
        yield from of_machines(each)


def verb_of(job: JobView) -> str:
    return str(job.arguments.get("verb") or job.name)


def _job(job: JobView) -> Told:
    return {
        "id": job.id,
        "verb": verb_of(job),
        "subject": job.subject_name,
        "attempt": job.attempt,
        "state": job.state.value,
        "asked_by": job.requested_by,
        "asked_at": job.created_at.isoformat(),
        "ended_at": None if job.ended_at is None else job.ended_at.isoformat(),
        "asked": job.arguments,
        "result": job.result,
        "problem": None if job.error is None else {"code": job.error.code, "message": job.error.message},
    }


def _requests(tx: ports.Transaction, job_id: str) -> list[JsonValue]:
    """Who asked for it, who approved it, who answered: what the audit log has of the job."""
    found = tx.audit.find(ports.AuditWanted(job_id=job_id, oldest_first=True), MOST_REQUESTS, None)
    return [
        {
            "number": each.number,
            "at": each.at.isoformat(),
            "who": each.who,
            "verb": each.verb,
            "outcome": each.outcome.value,
        }
        for each in found
    ]


def _machine(tx: ports.Transaction, of: JobTree, root: JobView) -> Told:
    facts = [_facts(each) for each in of.tasks]
    chosen = next((each for each in reversed(facts) if each.taken_at is not None), rest.TaskFacts())
    proof = next((each.evidence for each in reversed(facts) if each.evidence is not None), None)
    goal, lost = _goal(tx, of.job.subject), _lost(facts, chosen, root)
    return {
        "id": of.job.subject,
        "name": of.job.subject_name,
        "job": _job(of.job),
        "steps": [_step(each) for each in of.tasks],
        "point_id": chosen.point_id,
        "taken_at": None if chosen.taken_at is None else chosen.taken_at.isoformat(),
        "rpo_seconds": lost,
        "rpo_goal_seconds": goal,
        "within_goal": None if goal is None or lost is None else lost <= goal,
        "rto_started_seconds": _until(of, root, "start"),
        "rto_proven_seconds": _until(of, root, "prove") if proof is not None else None,
        "proof": None if proof is None else json.loads(proof.model_dump_json()),
    }


def _lost(facts: list[rest.TaskFacts], chosen: rest.TaskFacts, root: JobView) -> float | None:
    """What the step said that is lost; of a drill, what a failover that was asked for then would have lost."""
    said = [each.loses_seconds for each in facts if each.loses_seconds is not None]
    if said or chosen.taken_at is None:
        return said[-1] if said else None
    return max(0.0, (root.created_at - chosen.taken_at).total_seconds())


def _goal(tx: ports.Transaction, machine_id: str | None) -> int | None:
    """As the policy says when the evidence is made."""
    machine = tx.machines.by_id(machine_id) if machine_id else None
    policy = tx.policies.find(machine.policy) if machine is not None else None
    return None if policy is None else policy.rpo_threshold_seconds


def _until(of: JobTree, root: JobView, key: str) -> float | None:
    """From when it was asked for until the last attempt at this step succeeded."""
    ends = [each.ended_at for each in of.tasks if each.key == key and each.state is rest.TaskState.SUCCEEDED]
    return None if not ends or ends[-1] is None else (ends[-1] - root.created_at).total_seconds()


def _step(task: TaskView) -> Told:
    answer = asking.asked(task).answer if "answer" in task.facts else None
    return {
        "name": task.title,
        "kind": task.kind.value,
        "attempt": task.attempt,
        "state": task.state.value,
        "said": task.sentence,
        "partial": task.partial,
        "started_at": None if task.started_at is None else task.started_at.isoformat(),
        "ended_at": None if task.ended_at is None else task.ended_at.isoformat(),
        "problem": None if task.error is None else {"code": task.error.code, "message": task.error.message},
        "answer": None if answer is None else json.loads(answer.model_dump_json()),
    }


def _facts(task: TaskView) -> rest.TaskFacts:
    """Words of another release must not keep evidence from being made."""
    try:
        return rest.TaskFacts.model_validate(task.facts)
    except ValidationError:
        return rest.TaskFacts()
