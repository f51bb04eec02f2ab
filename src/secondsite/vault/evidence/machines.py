"""What evidence says about each machine: what it was started from, what was lost, how long it took, and what
was seen of it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from ...domain.policies import ReplicationPolicy
from ...jobs.model.views import JobTree, JobView
from ...wire import rest
from ..steps.histories import as_it_went
from ..store import MachineRecord, Transaction
from . import steps
from .steps import Told


@dataclass(frozen=True, slots=True)
class EvidenceSources:
    """The machines' records, in the roles that they had when their jobs were asked for, and the present
    policies: read at once for all."""

    records: Mapping[str, MachineRecord]
    policies: Mapping[str, ReplicationPolicy]

    @classmethod
    def read(cls, tx: Transaction, trees: list[JobTree]) -> "EvidenceSources":
        asked = {each.job.subject: each.job.arguments for each in trees if each.job.subject}
        there = tx.machines.several(list(asked))
        records = {each.id: as_it_went(each, asked[each.id]) for each in there}
        return cls(records, {policy.name: policy for policy, _ in tx.policies.list()})

    def goal(self, machine_id: str | None) -> int | None:
        """The policy's RPO goal, in seconds."""
        policy = self._policy(machine_id)
        return None if policy is None else policy.rpo_threshold_seconds

    def rto_goal(self, machine_id: str | None) -> int | None:
        """The policy's RTO goal, in seconds; None without one."""
        policy = self._policy(machine_id)
        return None if policy is None else policy.rto_goal_seconds or None

    def _policy(self, machine_id: str | None) -> ReplicationPolicy | None:
        record = self.records.get(machine_id or "")
        return None if record is None else self.policies.get(record.policy)

    def sites(self, machine_id: str | None) -> tuple[str, ...]:
        """The machine's sites. Empty if the machine is gone: then only those who see the whole vault see its
        evidence."""
        record = self.records.get(machine_id or "")
        return () if record is None else (record.source_site, record.target_site)


def picture(tx: Transaction, job_id: str) -> str | None:
    """The SHA-256 of the picture of the screen of the machine that the job started."""
    found = tx.pictures.find(job_id)
    return None if found is None else hashlib.sha256(found.png).hexdigest()


def machine(known: EvidenceSources, of: JobTree, root: JobView, sha256: str | None) -> Told:
    """What evidence says about the machine of a job. `sha256` is that of its picture."""
    facts = [steps.facts(each) for each in of.tasks]
    chosen = next((each for each in reversed(facts) if each.taken_at is not None), rest.TaskFacts())
    proof = next((each.evidence for each in reversed(facts) if each.evidence is not None), None)
    goal, lost = known.goal(of.job.subject), _lost(facts, chosen, root)
    return {
        "id": of.job.subject,
        "name": of.job.subject_name,
        "sites": list(known.sites(of.job.subject)),
        "job": steps.job(of.job),
        "steps": [steps.step(each) for each in of.tasks],
        "point_id": chosen.point_id,
        "point_digest": None,
        "taken_at": steps.when(chosen.taken_at),
        "rpo_seconds": lost,
        "rpo_goal_seconds": goal,
        "within_goal": None if goal is None or lost is None else lost <= goal,
        "rto_started_seconds": _until(of, root, "start"),
        "rto_goal_seconds": known.rto_goal(of.job.subject),
        "rto_proven_seconds": _until(of, root, "prove") if proof is not None and proof.proven else None,
        "picture": None if sha256 is None else {"sha256": sha256},
        "proof": None if proof is None else proof.model_dump(mode="json"),
    }


def _lost(facts: list[rest.TaskFacts], chosen: rest.TaskFacts, root: JobView) -> float | None:
    """The seconds that the step reported as lost; for a drill, those that a failover at its time would have
    lost."""
    said = [each.loses_seconds for each in facts if each.loses_seconds is not None]
    if said or chosen.taken_at is None:
        return said[-1] if said else None
    return max(0.0, (root.created_at - chosen.taken_at).total_seconds())


def _until(of: JobTree, root: JobView, key: str) -> float | None:
    """Seconds from when the job was asked for until the last attempt at this step succeeded."""
    ends = [each.ended_at for each in of.tasks if each.key == key and each.state is rest.TaskState.SUCCEEDED]
    return None if not ends or ends[-1] is None else (ends[-1] - root.created_at).total_seconds()
