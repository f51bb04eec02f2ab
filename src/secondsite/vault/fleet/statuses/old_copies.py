"""Old copies of machines whose reprotect was undone: they must not start."""

import dataclasses
import threading
from collections.abc import Collection, Mapping
from datetime import datetime

from ....wire.common.machines import PowerState
from ....wire.control.statuses import ArrivalStatus, OldCopyStatus
from ...interfaces import Signals
from ...store import StatusRecord, Store

RUNNING = PowerState.RUNNING.value


class OldCopies:
    """The old copies. Filled by one thread, read by many."""

    def __init__(self, store: Store, signals: Signals) -> None:
        self._store = store
        self._signals = signals
        self._seen: dict[str, tuple[OldCopyStatus, datetime]] = {}
        self._came: dict[str, dict[str, tuple[datetime, datetime]]] = {}
        """By appliance, the machines that run at its host, although another one of their site is their
        source; and when each was first and last seen there."""
        self._lock = threading.Lock()

    def note(self, appliance_id: str, said: Collection[OldCopyStatus], now: datetime) -> None:
        """Note the reported copies. Only those of the source's appliance count. It reports them with every
        status; only a change is written."""
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

    def have_come(self, appliance_id: str, arrivals: Collection[ArrivalStatus], now: datetime) -> None:
        """Note all machines that an appliance says have come to its host. If such a one was failed over, it
        is an old copy that runs."""
        known = self._came.get(appliance_id, {})
        fabric_ids = {each.machine_id: each.fabric_id for each in arrivals}
        came = {
            each: (known[each][0] if each in known else now, now)
            for each in self._theirs(appliance_id, fabric_ids)
        }
        others = {key: kept for key, kept in self._came.items() if key != appliance_id}
        self._came = {**others, appliance_id: came} if came else others

    def _theirs(self, appliance_id: str, fabric_ids: Mapping[str, str]) -> Collection[str]:
        """Those of the machines whose source is at the appliance's site, under that id of the fabric."""
        if not fabric_ids:
            return ()
        with self._store.reading() as tx:
            at = tx.appliances.find(appliance_id)
            found = tx.machines.several(sorted(fabric_ids))
        here = [each for each in found if at is not None and at.site == each.source_site]
        return [each.id for each in here if fabric_ids[each.id] == each.source_fabric_id]

    def newest(self, record: StatusRecord) -> StatusRecord:
        """The record with reports that are newer than what the store has."""
        seen = [came[record.machine_id] for came in self._came.values() if record.machine_id in came]
        if seen:
            since, last = min(each[0] for each in seen), max(each[1] for each in seen)
            runs = OldCopyStatus(machine_id=record.machine_id, power=RUNNING, on_since=since)
            return dataclasses.replace(record, old_copy=runs, old_copy_at=last)
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
