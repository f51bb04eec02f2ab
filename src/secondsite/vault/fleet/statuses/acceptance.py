"""Which statuses count: none of an appliance that does not have that side of the machine, and none of another
epoch from the side that was left."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from ....domain.lifecycle import State
from ....wire.control.statuses import ReplicaStatus, SourceStatus
from ...store import MachineRecord, StatusRecord, Store
from .latest_status import AnyStatus, Key, SideStatus

Known = Callable[[str, type[AnyStatus]], SideStatus | None]


@dataclass(frozen=True, slots=True)
class StrayReplica:
    """A replica at an appliance that is not the machine's target; since when it is reported, on the monotonic
    clock."""

    appliance_id: str
    epoch: int
    since: float


class StatusAcceptance:
    """Decides which statuses count. Belongs to one thread. `known` gives the last status of a side of a
    machine."""

    def __init__(self, store: Store, known: Known) -> None:
        self._store = store
        self._known = known
        self._strangers = Strangers()
        self.strays: dict[str, StrayReplica] = {}
        """The newest replica of each machine that another appliance than its target reported."""

    def of(self, appliance_id: str, wholes: Sequence[AnyStatus]) -> Sequence[bool]:
        """For each status whether it counts. The store is asked once, and only for those that differ from the
        last one."""
        seen = [self._known(each.machine_id, type(each)) for each in wholes]
        news = [
            (each, known)
            for each, known in zip(wholes, seen, strict=True)
            if known is None or (known.by, known.status.epoch) != (appliance_id, each.epoch)
        ]
        counts = self._of_news(appliance_id, news) if news else {}
        return [counts.get((each.machine_id, type(each)), True) for each in wholes]

    def _of_news(
        self, appliance_id: str, news: Sequence[tuple[AnyStatus, SideStatus | None]]
    ) -> Mapping[Key, bool]:
        with self._store.reading() as tx:
            ids = sorted({each.machine_id for each, _ in news})
            machines = {machine.id: machine for machine in tx.machines.several(ids)}
            old = {
                each.machine_id
                for each, known in news
                if known is None and each.machine_id in machines
                and each.epoch < machines[each.machine_id].epoch
            }  # fmt: skip
            kept = tx.statuses.get_many(sorted(old))
        return {
            (each.machine_id, type(each)): self._is_theirs(appliance_id, each, machines.get(each.machine_id))
            and _is_present(machines[each.machine_id], each, known, kept.get(each.machine_id))
            for each, known in news
        }

    def _is_theirs(self, appliance_id: str, status: AnyStatus, machine: MachineRecord | None) -> bool:
        if machine is not None and speaks_for(machine, status) == appliance_id:
            return True
        if machine is not None and isinstance(status, ReplicaStatus):
            self._note_stray(machine.id, StrayReplica(appliance_id, status.epoch, time.monotonic()))
        self._strangers.note(appliance_id, status.machine_id)
        return False

    def _note_stray(self, machine_id: str, stray: StrayReplica) -> None:
        known = self.strays.get(machine_id)
        if known is None or (known.appliance_id, known.epoch) != (stray.appliance_id, stray.epoch):
            self.strays[machine_id] = stray

    def gone(self, appliance_id: str, machine_id: str) -> None:
        """The appliance has no replica of that machine any more."""
        known = self.strays.get(machine_id)
        if known is not None and known.appliance_id == appliance_id:
            del self.strays[machine_id]


def _is_present(
    machine: MachineRecord, status: AnyStatus, known: SideStatus | None, kept: StatusRecord | None
) -> bool:
    if known is None:
        return not _is_superseded(machine, status, kept)
    return status.epoch == known.status.epoch or _replaces(machine, status, known.status)


def _is_superseded(machine: MachineRecord, status: AnyStatus, kept: StatusRecord | None) -> bool:
    """For a vault that has just started: whether a status is of an earlier epoch, while one of the machine's
    own epoch is stored, or none is, and it is of the other direction. Then it comes from the side that was
    left; the same appliance may report for the present side at the same time. Of a machine that was
    committed at home only that side has a replica: a vault that had just adopted it took the disks that are
    kept there for a machine that is missing."""
    if status.epoch >= machine.epoch:
        return False
    sides = (None, None) if kept is None else (kept.source, kept.replica)
    side = sides[not isinstance(status, SourceStatus)]
    return _is_turned(machine, status) if side is None else side.epoch == machine.epoch


def _is_turned(machine: MachineRecord, status: AnyStatus) -> bool:
    """Whether it is of an epoch in which the sides have each other's role."""
    return (status.epoch - machine.epoch) % 2 == 1


def _replaces(machine: MachineRecord, status: AnyStatus, known: AnyStatus) -> bool:
    """Whether a status of another epoch counts. A vault that was restored from before a change of direction
    is behind its appliances: for it the machine's own epoch counts; during a reprotect, the epoch that
    begins."""
    epoch = machine.epoch + (machine.state is State.REPROTECTING)
    return status.epoch == epoch or (status.epoch > known.epoch and known.epoch != epoch)


# Whose statuses of a machine count: only those of the appliance that has the role it reports for. Each
# reprotect turns the direction and begins the next epoch. So a status of another epoch, as a restored vault
# gets it, shows which side sent it: in epochs that differ by an odd number the two sides have each other's
# role.

TELL_EVERY_SECONDS = 600.0
MOST_KEPT = 1000

log = structlog.get_logger()


def speaks_for(machine: MachineRecord, status: SourceStatus | ReplicaStatus) -> str:
    """The id of the appliance that may report this status."""
    turned = _is_turned(machine, status)
    of_source = isinstance(status, SourceStatus) is not turned
    if of_source and turned and status.epoch > machine.epoch and machine.coming_appliance_id:
        return machine.coming_appliance_id  # a reprotect to another appliance is under way
    return machine.source_appliance_id if of_source else machine.target_appliance_id


class Strangers:
    """Logs statuses that do not count, for each appliance every ten minutes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told_at: dict[str, float] = {}

    def note(self, appliance_id: str, machine_id: str) -> None:
        now, told_at = self._clock(), self._told_at.get(appliance_id)
        if told_at is not None and now - told_at < TELL_EVERY_SECONDS:
            return
        if len(self._told_at) >= MOST_KEPT:
            self._told_at.clear()
        self._told_at[appliance_id] = now
        log.warning("status.not-counted", appliance=appliance_id, machine=machine_id)
