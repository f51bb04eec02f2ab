"""What is known of the machines that capacity is planned for."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from .....domain import errors
from .....domain.prediction import capacity as domain
from .....domain.prediction.capacity import Load
from .....wire.common.machines import DiscoveredMachine, MachineDefinition
from .....wire.common.points import PointShape
from .....wire.control.statuses import ReplicaStatus
from .....wire.rest.predictions import CapacityQuery, Which
from ....store import MachineRecord, StatusRecord


@dataclass(frozen=True, slots=True)
class Subject:
    """A machine, by its id if it is protected this way, else by its hypervisor's; and what it takes in the
    target's store now."""

    load: Load
    id: str
    protected: bool = False
    there_bytes: int = 0


def wanted(found: Iterable[Subject], query: CapacityQuery) -> Sequence[Subject]:
    """Those that are named, or that the query means. Raises NotFound."""
    if not query.machine:
        return [each for each in found if not each.protected or query.which is not Which.UNPROTECTED]
    by_name: dict[str, list[Subject]] = {}
    for each in found:
        for key in {each.load.name, each.id}:
            by_name.setdefault(key, []).append(each)
    missing = [each for each in query.machine if each not in by_name]
    if missing:
        raise errors.NotFound(
            f"Site {query.source} has no machine '{missing[0]}'.",
            do=f"List them with 'secondsite machine list --site {query.source}'.",
        )
    return list({id(each): each for name in query.machine for each in by_name[name]}.values())


def protected(machine: MachineRecord, status: StatusRecord, query: CapacityQuery) -> Subject:
    """A protected machine. One whose replica is at another site, or has no point yet, is still to be
    copied."""
    load, replica = _load(machine.name, machine.definition, machine.disks), status.replica
    if replica is None:
        return Subject(load, machine.id, machine.target_site == query.target)
    load = replace(load, churn=_churn(replica))
    if machine.target_site != query.target:
        return Subject(load, machine.id)
    stored = _base_bytes(replica) if replica.points else None
    return Subject(replace(load, stored_bytes=stored), machine.id, True, replica.store_bytes)


def _load(name: str, of: MachineDefinition, disks: Collection[str] | None = None) -> Load:
    size = sum(each.size_bytes for each in of.disks if disks is None or each.key in disks)
    return Load(name, size, of.memory_bytes, of.vcpus)


def _churn(replica: ReplicaStatus) -> domain.Churn | None:
    return domain.churn([(each.taken_at, each.added_bytes) for each in _in_order(replica)])


def _base_bytes(replica: ReplicaStatus) -> int:
    """What the oldest point takes: all but the journal and what later points added."""
    later = sum(each.added_bytes for each in _in_order(replica)[1:])
    return max(0, replica.store_bytes - replica.journal_bytes - later)


def _in_order(replica: ReplicaStatus) -> list[PointShape]:
    return sorted(replica.points, key=lambda each: (each.epoch, each.seq))


def unprotected(machine: DiscoveredMachine) -> Subject:
    return Subject(_load(machine.name, machine.definition), machine.fabric_id)
