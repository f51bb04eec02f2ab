"""Old copies of machines whose reprotect was undone: they must not start."""

import dataclasses
import threading
from collections.abc import Collection, Mapping
from datetime import datetime

from ....wire.common.machines import PowerState
from ....wire.control.statuses import ArrivalStatus, OldCopyStatus
from ...interfaces import Signals
from ...store import ArrivalRecord, StatusRecord, Store

RUNNING = PowerState.RUNNING.value
RESTS = frozenset({PowerState.OFF.value, PowerState.MISSING.value})
Arrived = Mapping[str, Mapping[str, ArrivalRecord]]
"""By appliance, then by machine."""


class OldCopies:
    """The old copies. Filled by one thread, read by many."""

    def __init__(self, store: Store, signals: Signals) -> None:
        self._store = store
        self._signals = signals
        self._seen: dict[str, tuple[OldCopyStatus, datetime]] = {}
        self._came: Arrived = {}
        """The machines that run at a host, although another one of their site is their source."""
        self._moved: Arrived = {}
        """The same of their target."""
        self._left: Arrived = {}
        """The same where machines left something for a further site."""
        self._lock = threading.Lock()

    def note(self, appliance_id: str, said: Collection[OldCopyStatus], now: datetime) -> None:
        """Note the reported copies. Those of the source's appliance count, and those that are on where the
        machine left its disks. It reports them with every status; only a change is written."""
        on = [each.machine_id for each in said if each.power not in RESTS]
        self._left = _with(self._left, appliance_id, self._at_left(appliance_id, on, now) if on else {})
        if not said:
            return
        known: Mapping[str, OldCopyStatus | None] = {
            each.machine_id: self._seen.get(each.machine_id, (None, now))[0] for each in said
        }
        with self._store.reading() as tx:
            named = tx.machines.places(list(known))
            kept = tx.statuses.get_many([each for each, copy in known.items() if copy is None])
        known = {**known, **{each: record.old_copy for each, record in kept.items()}}
        theirs = {machine.id for machine in named if machine.source_appliance_id == appliance_id}
        for each in said:
            if each.machine_id in theirs:
                self._note(each, known[each.machine_id], now)

    def _at_left(self, appliance_id: str, on: Collection[str], now: datetime) -> Mapping[str, ArrivalRecord]:
        with self._store.reading() as tx:
            at = tx.appliances.find(appliance_id)
            found = tx.machines.several(sorted(on))
        if at is None:
            return {}
        left = [
            each.id for each in found if at.site in each.left and each.left[at.site].appliance_id == at.id
        ]
        return _dated(at.name, left, self._left.get(appliance_id, {}), now)

    def have_come(self, appliance_id: str, arrivals: Collection[ArrivalStatus], now: datetime) -> None:
        """Note all machines that an appliance says have come to its host. If such a one was failed over, it
        is an old copy that runs; at the other site it is the machine itself."""
        fabric_ids = {each.machine_id: each.fabric_id for each in arrivals}
        came, moved = self._theirs(appliance_id, fabric_ids, now) if fabric_ids else ({}, {})
        self._came = _with(self._came, appliance_id, came)
        self._moved = _with(self._moved, appliance_id, moved)

    def _theirs(
        self, appliance_id: str, fabric_ids: Mapping[str, str], now: datetime
    ) -> tuple[Mapping[str, ArrivalRecord], Mapping[str, ArrivalRecord]]:
        """Those of the machines whose source, or target, is at the appliance's site, under that id of the
        fabric."""
        with self._store.reading() as tx:
            at = tx.appliances.find(appliance_id)
            found = tx.machines.several(sorted(fabric_ids))
        if at is None:
            return {}, {}
        came = [each for each in found if each.source_site == at.site]
        moved = [each for each in found if each.target_site == at.site and each.target_appliance_id != at.id]
        return (
            _dated(
                at.name,
                [each.id for each in came if each.source_fabric_id == fabric_ids[each.id]],
                self._came.get(appliance_id, {}),
                now,
            ),
            _dated(
                at.name,
                [each.id for each in moved if each.target_fabric_id == fabric_ids[each.id]],
                self._moved.get(appliance_id, {}),
                now,
            ),
        )

    def knows(self, machine_id: str) -> bool:
        """Whether `newest` gives more than the record."""
        arrived = (*self._came.values(), *self._moved.values(), *self._left.values())
        return machine_id in self._seen or any(machine_id in each for each in arrived)

    def newest(self, record: StatusRecord) -> StatusRecord:
        """The record with reports that are newer than what the store has."""
        moved, left = _first(self._moved, record.machine_id), _first(self._left, record.machine_id)
        if left is not None:
            record = dataclasses.replace(record, left=left)
        came = _first(self._came, record.machine_id)
        if came is not None:
            runs = OldCopyStatus(machine_id=record.machine_id, power=RUNNING, on_since=came.since)
            return dataclasses.replace(record, old_copy=runs, old_copy_at=came.last, came=came, moved=moved)
        if moved is not None:
            record = dataclasses.replace(record, moved=moved)
        known = self._seen.get(record.machine_id)
        if known is None or (record.old_copy_at is not None and known[1] < record.old_copy_at):
            return record
        return dataclasses.replace(record, old_copy=known[0], old_copy_at=known[1])

    def forget_all_but(self, machine_ids: Collection[str]) -> None:
        with self._lock:
            self._seen = {key: seen for key, seen in self._seen.items() if key in machine_ids}

    def _note(self, said: OldCopyStatus, kept: OldCopyStatus | None, now: datetime) -> None:
        if said != kept:
            with self._store.transaction() as tx:
                tx.statuses.put_old_copy(said, now)
        with self._lock:
            self._seen[said.machine_id] = (said, now)
        if said != kept:
            self._signals(f"machine/{said.machine_id}")


def _dated(
    name: str, machine_ids: Collection[str], known: Mapping[str, ArrivalRecord], now: datetime
) -> Mapping[str, ArrivalRecord]:
    since = {each: known[each].since if each in known else now for each in machine_ids}
    return {each: ArrivalRecord(name, since[each], now) for each in machine_ids}


def _with(arrived: Arrived, appliance_id: str, now: Mapping[str, ArrivalRecord]) -> Arrived:
    others = {key: kept for key, kept in arrived.items() if key != appliance_id}
    return {**others, appliance_id: now} if now else others


def _first(arrived: Arrived, machine_id: str) -> ArrivalRecord | None:
    """Where the machine has been on for the longest."""
    found = [each[machine_id] for each in arrived.values() if machine_id in each]
    return min(found, key=lambda each: each.since, default=None)
