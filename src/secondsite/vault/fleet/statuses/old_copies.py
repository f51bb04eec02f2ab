"""Old copies of machines whose reprotect was undone: they must not start."""

import dataclasses
import threading
from collections.abc import Collection, Mapping
from datetime import datetime

from ....wire.control.statuses import OldCopyStatus
from ...interfaces import Signals
from ...store import StatusRecord, Store


class OldCopies:
    """The old copies. Filled by one thread, read by many."""

    def __init__(self, store: Store, signals: Signals) -> None:
        self._store = store
        self._signals = signals
        self._seen: dict[str, tuple[OldCopyStatus, datetime]] = {}
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

    def newest(self, record: StatusRecord) -> StatusRecord:
        """The record with reports that are newer than what the store has."""
        seen = self._seen.get(record.machine_id)
        if seen is None or (record.old_copy_at is not None and seen[1] < record.old_copy_at):
            return record
        return dataclasses.replace(record, old_copy=seen[0], old_copy_at=seen[1])

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
