"""A verb may name what its caller read of the machines: it is refused if one was moved since. What people
confirm is what they read, also where they heard of nothing that came after it."""

from collections.abc import Collection, Mapping, Sequence

from ....domain import errors
from ....domain.lifecycle import Verb
from ....domain.plans.run_selection import listed
from ....jobs.storage import search
from ...steps.authority import SHORT
from ...store import MachineRecord, Transaction

Read = Sequence[int]
"""The number of each machine that was read, in the order in which the request, or the plan, has them."""
OR_WITHOUT = "Read it again, and decide on its present state; or leave it out."
TOLD = 5
"""The most machines that a refusal tells by name."""


def by_machine(machines: Collection[str], read: Read) -> Mapping[str, int]:
    """What was read of each of them. Raises InvalidArgument unless it is as many numbers as machines."""
    if len(machines) != len(read):
        raise errors.InvalidArgument(
            f"As-Read has {len(read)} numbers for {len(machines)} machines.",
            do="Give one for each machine, in the order of the request, or of the plan.",
        )
    return dict(zip(machines, read, strict=True))


def require(tx: Transaction, verb: Verb, machines: Sequence[tuple[MachineRecord, int]]) -> None:
    """Raises ChangedMeanwhile, which names the machines that do not have the number that was read."""
    moved = [each for each, read in machines if _number(verb, each) != read]
    if moved:
        told = _told(tx, verb, moved[:TOLD])
        more = f" and {len(moved) - TOLD} more" if len(moved) > TOLD else ""
        raise errors.ChangedMeanwhile(
            f"Changed since it was read: {listed(told)}{more}. Nothing was done.",
            do=OR_WITHOUT if len(moved) < len(machines) else None,
        )


def _number(verb: Verb, machine: MachineRecord) -> int:
    """It only rises. That of drills counts for their end alone: a drill that comes and goes hinders no
    failover."""
    return machine.generation + machine.drill_generation * (verb is Verb.CLEANUP_TEST_FAILOVER)


def _told(tx: Transaction, verb: Verb, moved: Sequence[MachineRecord]) -> list[str]:
    """Each with its state, and the job that claimed it last."""
    last = {each.id: _last(verb, each) for each in moved}
    verbs = {job.id: job.name for job in search.by_ids(tx.session, [each for each in last.values() if each])}
    return [f"{each.name} is {each.state}{_by(verbs, last[each.id])}" for each in moved]


def _last(verb: Verb, machine: MachineRecord) -> str | None:
    is_of_drill = verb is Verb.CLEANUP_TEST_FAILOVER and machine.drill_claimed_by
    return machine.drill_claimed_by if is_of_drill else machine.claimed_by


def _by(verbs: Mapping[str, str], job_id: str | None) -> str:
    verb = verbs.get(job_id or "")
    return "" if verb is None else f", by {verb.replace('_', ' ')}, job {str(job_id)[:SHORT]}"
