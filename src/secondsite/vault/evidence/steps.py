"""What evidence says about a job and its steps. Secrets of the request are left out."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from pydantic import JsonValue, ValidationError

from ...domain.access.hidden import without_secrets
from ...domain.lifecycle import Verb
from ...domain.prediction.predicting import LIKE
from ...domain.prediction.timing import StepTime, downtime, parts
from ...ground.job_states import JobState, TaskState
from ...jobs.model import asking
from ...jobs.model.failures import Failure
from ...jobs.model.views import JobTree, JobView, TaskKind, TaskView
from ...wire import rest
from ...wire.control.scripts import ScriptResult
from ..steps import histories
from ..store import MachineRecord, RunTimeRecord, Transaction

Told = dict[str, JsonValue]
CHILDREN = "children"


def verb_of(job: JobView) -> str:
    return str(job.arguments.get("verb") or job.name)


def job(of: JobView) -> Told:
    return {
        "id": of.id,
        "verb": verb_of(of),
        "subject": of.subject_name,
        "attempt": of.attempt,
        "state": of.state.value,
        "asked_by": of.requested_by,
        "asked_at": of.created_at.isoformat(),
        "ended_at": when(of.ended_at),
        "asked": without_secrets({key: _asked(key, each) for key, each in of.arguments.items()}),
        "result": of.result,
        "problem": _problem(of.error),
    }


def step(task: TaskView) -> Told:
    return {
        "name": task.title,
        "kind": task.kind.value,
        "attempt": task.attempt,
        "state": task.state.value,
        "said": task.sentence,
        "partial": task.partial,
        "started_at": when(task.started_at),
        "ended_at": when(task.ended_at),
        "problem": _problem(task.error),
        "asks": _question(task),
        "answer": _answer(task),
        "script": _script(task),
    }


def facts(task: TaskView) -> rest.TaskFacts:
    """The facts of a task; facts of another release that cannot be read must not prevent evidence."""
    try:
        return rest.TaskFacts.model_validate(task.facts)
    except ValidationError:
        return rest.TaskFacts()


def when(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _asked(key: str, value: JsonValue) -> JsonValue:
    """The requests of a job's machines are kept with each machine: here only their ids."""
    if isinstance(value, list):
        return [_machine_id(each) if key == CHILDREN else _asked("", each) for each in value]
    return {name: _asked(name, each) for name, each in value.items()} if isinstance(value, dict) else value


def _machine_id(child: JsonValue) -> JsonValue:
    return child.get("machine_id") if isinstance(child, Mapping) else child


def _problem(error: Failure | None) -> JsonValue:
    return None if error is None else {"code": error.code, "message": error.message}


def _question(task: TaskView) -> JsonValue:
    asks = asking.asked(task).asks if "asks" in task.facts else None
    return None if asks is None else asks.instruction


def _answer(task: TaskView) -> JsonValue:
    """Who answered a question, when, and what they saw."""
    answer = asking.asked(task).answer if "answer" in task.facts else None
    return None if answer is None else answer.model_dump(mode="json")


def _script(task: TaskView) -> JsonValue:
    """How a script ended, and the end of its output."""
    if "exit_status" not in task.facts:
        return None
    try:
        return ScriptResult.model_validate(task.facts).model_dump(mode="json")
    except ValidationError:
        return None


# How long the runs of a job's machines took, and the predictions for them: kept with the job's evidence, for
# the next prediction.

PREDICTED = frozenset(map(str, LIKE))


RAN = frozenset({JobState.SUCCEEDED, JobState.PARTIALLY_SUCCEEDED})
"""States of jobs whose machine came up, even if a check or a hook failed then."""


def run_times(
    tx: Transaction, trees: Sequence[JobTree], records: Sequence[MachineRecord]
) -> Sequence[RunTimeRecord]:
    """The times of the runs that succeeded; none for a machine that is gone."""
    known = {each.id: each for each in records}
    runs = [each for each in trees if _counts(each) and each.job.subject in known]
    of = {str(each.job.subject): known[str(each.job.subject)] for each in runs}
    like = {verb for each in runs for verb in LIKE[Verb(verb_of(each.job))]}
    before = histories.Histories.read(tx, list(of.values()), like)
    return [_record(each, of[str(each.job.subject)], before) for each in runs]


def _counts(tree: JobTree) -> bool:
    return tree.job.state in RAN and verb_of(tree.job) in PREDICTED and any(_done(tree.tasks))


def _record(tree: JobTree, machine: MachineRecord, before: histories.Histories) -> RunTimeRecord:
    verb, steps = Verb(verb_of(tree.job)), list(_done(tree.tasks))
    assert tree.job.ended_at is not None
    return RunTimeRecord(
        job_id=tree.job.id, machine_id=machine.id, verb=verb, source_site=machine.source_site,
        target_site=machine.target_site, ended_at=tree.job.ended_at, parts=parts(steps),
        downtime=downtime(steps),
        predicted=before.predict(verb, machine).seconds,
    )  # fmt: skip


def _done(tasks: Sequence[TaskView]) -> Iterator[StepTime]:
    for each in tasks:
        if (
            each.kind is TaskKind.STEP
            and each.state is TaskState.SUCCEEDED
            and each.started_at
            and each.ended_at
        ):
            yield StepTime(each.key, each.started_at, each.ended_at)
