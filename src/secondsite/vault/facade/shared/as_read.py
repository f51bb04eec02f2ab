"""A verb may name what its caller read of the machines: it is refused if one was moved since. What people
confirm is what they read, also where they heard of nothing that came after it."""

from collections.abc import Iterable

from ....domain import errors
from ....domain.lifecycle import Verb
from ...store import MachineRecord


def total(verb: Verb, machines: Iterable[MachineRecord]) -> int:
    """The numbers of these machines, added: each only rises, so the sum is the same only if all are. That of
    drills counts for their end alone: a drill that comes and goes hinders no failover."""
    ends_drills = verb is Verb.CLEANUP_TEST_FAILOVER
    return sum(each.generation + each.drill_generation * ends_drills for each in machines)


def require(verb: Verb, machines: Iterable[MachineRecord], read: int | None, what: str) -> None:
    """Raises ChangedMeanwhile unless it was read so; `read` None: whatever they are."""
    if read is not None and total(verb, machines) != read:
        raise errors.ChangedMeanwhile(f"{what}: this changed since it was read, and is not done.")
