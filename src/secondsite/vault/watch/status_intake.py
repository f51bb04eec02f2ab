"""Records what appliances report unasked, and wakes the jobs that wait for it.

The newest status of every machine is in memory: in that of the vault process that its appliance is connected to. The others
read it from the store, where it is ten seconds old at most. An urgent change (change_filter) is written at once, everything else at
most every ten seconds, so that a thousand machines do not write a thousand rows a second.
"""

import dataclasses
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from ...domain.lifecycle import State
from ...wire.control import Hello, Status
from ...wire.control.statuses import OldCopyStatus, ReplicaStatus, SourceStatus
from .. import ports
from . import change_filter, clocks
from .speakers import Strangers, speaks_for

log = structlog.get_logger()

WRITE_EVERY = timedelta(seconds=10)
AnyStatus = SourceStatus | ReplicaStatus


@dataclass(frozen=True, slots=True)
class _Seen:
    """A status of one side of a machine, and the appliance that gave it; `written` is what the store holds of that side."""

    status: AnyStatus
    by: str
    at: datetime
    written: AnyStatus | None = None
    written_at: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        if self.written is None or self.written_at is None:
            return True
        # abs: the clock may have been set back
        return self.changed or abs(now - self.written_at) >= WRITE_EVERY

    @property
    def changed(self) -> bool:
        return self.written is None or change_filter.of(self.status) != change_filter.of(self.written)


Key = tuple[str, type[AnyStatus]]


class StatusIntake:
    """ports.FactSink; called by one thread, read by many."""

    def __init__(
        self,
        store: ports.Store,
        signals: ports.Signals,
        now: Callable[[], datetime],
        elsewhere: Callable[[str], bool] = lambda _appliance_id: False,
    ) -> None:
        """`elsewhere`: whether an appliance is connected to another vault process."""
        self._elsewhere = elsewhere
        self._store = store
        self._signals = signals
        self._now = now
        self._seen: dict[Key, _Seen] = {}
        self._old_copies: dict[str, tuple[OldCopyStatus, datetime]] = {}
        self._hellos: dict[str, Hello] = {}
        self._appliances_written: dict[str, datetime] = {}
        self._strangers = Strangers()
        self._lock = threading.Lock()

    def start(self) -> None:
        """A vault that starts has no connections yet."""
        with self._store.transaction() as tx:
            for appliance in tx.appliances.list():
                if appliance.connected and not tx.links.any_living(appliance.id):
                    tx.appliances.put(dataclasses.replace(appliance, connected=False))

    def connected(self, hello: Hello) -> None:
        self._hellos[hello.appliance_id] = hello
        with self._store.transaction() as tx:
            if tx.appliances.find(hello.appliance_id) is not None:
                tx.links.take(hello.appliance_id)
            self._write_appliance(tx, hello.appliance_id, None)
        self._signals(f"appliance/{hello.appliance_id}")

    def disconnected(self, appliance_id: str) -> None:
        self._hellos.pop(appliance_id, None)
        self._appliances_written.pop(appliance_id, None)
        with self._store.transaction() as tx:
            if not tx.links.drop(appliance_id):
                return  # it has connected to another process meanwhile, which knows more
            appliance = tx.appliances.find(appliance_id)
            if appliance:
                gone = dataclasses.replace(appliance, connected=False, last_seen_at=self._now())
                tx.appliances.put(gone)
            unwritten = self._unwritten(appliance_id)
            self._write(tx, unwritten)
        self._mark_written(unwritten, self._now())

    def lost(self, tx: ports.Transaction, appliance_ids: Iterable[str]) -> None:
        """The vault process that they were connected to is gone."""
        for appliance_id in appliance_ids:
            appliance = tx.appliances.find(appliance_id)
            if appliance and appliance.connected:
                tx.appliances.put(dataclasses.replace(appliance, connected=False))

    def status(self, appliance_id: str, status: Status) -> None:
        """Raises what the store raises; the same facts come again with the appliance's next status."""
        now = self._now()
        ahead = clocks.ahead_seconds(status.at, now)
        noted = self._note(appliance_id, (*status.sources, *status.replicas), now, ahead)
        due = {key: seen for key, seen in noted.items() if seen.is_due(now)}
        if due or self._appliance_is_due(appliance_id, now):
            with self._store.transaction() as tx:
                if not tx.links.holds(appliance_id):
                    return
                self._write_appliance(tx, appliance_id, status.store_free_bytes)
                self._write(tx, due)
            self._mark_written(due, now)
        self._note_generations(appliance_id, status)
        self._note_old_copies(appliance_id, status.old_copies, now)
        for machine_id in sorted({key[0] for key, seen in due.items() if seen.changed}):
            self._signals(f"machine/{machine_id}")

    def latest(self, tx: ports.Transaction, machine_id: str) -> ports.StatusRecord:
        """The newest that is known of a machine: from memory, else from the store, where what other vault processes hear is ten
        seconds old at most."""
        return self.latest_of(tx, (machine_id,))[machine_id]

    def latest_of(
        self, tx: ports.Transaction, machine_ids: Collection[str]
    ) -> Mapping[str, ports.StatusRecord]:
        """The same of several machines, by id: the store is asked once, and only for those of which a side has said nothing."""
        seen = {
            each: (self._newest(each, SourceStatus), self._newest(each, ReplicaStatus))
            for each in machine_ids
        }
        kept = tx.statuses.get_many([each for each, sides in seen.items() if None in sides])
        return {
            each: self._with_newest(kept.get(each) or ports.StatusRecord(each), *sides)
            for each, sides in seen.items()
        }

    def _with_newest(
        self, record: ports.StatusRecord, source: _Seen | None, replica: _Seen | None
    ) -> ports.StatusRecord:
        if record.machine_id in self._old_copies:
            old_copy, at = self._old_copies[record.machine_id]
            if record.old_copy_at is None or at >= record.old_copy_at:
                record = dataclasses.replace(record, old_copy=old_copy, old_copy_at=at)
        if source and isinstance(source.status, SourceStatus):
            record = dataclasses.replace(record, source=source.status, source_at=source.at)
        if replica and isinstance(replica.status, ReplicaStatus):
            record = dataclasses.replace(record, replica=replica.status, replica_at=replica.at)
        return record

    def forget_all_but(self, machine_ids: Iterable[str]) -> None:
        """Drop what is remembered of machines that are no longer under protection."""
        keep = set(machine_ids)
        with self._lock:
            self._seen = {key: seen for key, seen in self._seen.items() if key[0] in keep}
            self._old_copies = {key: seen for key, seen in self._old_copies.items() if key in keep}

    def _note_generations(self, appliance_id: str, status: Status) -> None:
        """Only what an appliance of the machine says counts. It says each number once per connection."""
        for machine_id in sorted({*status.generations, *status.drill_generations}):
            with self._store.transaction() as tx:
                machine = tx.machines.find(machine_id)
                if machine and appliance_id in (machine.source_appliance_id, machine.target_appliance_id):
                    tx.statuses.put_generation(machine.id, status.generations.get(machine_id, 0))
                    tx.statuses.put_drill_generation(machine.id, status.drill_generations.get(machine_id, 0))

    def _note_old_copies(self, appliance_id: str, old_copies: Iterable[OldCopyStatus], now: datetime) -> None:
        """Only what the source's appliance says counts. It says it with every status, and a change is written."""
        for said in old_copies:
            with self._store.transaction() as tx:
                machine = tx.machines.find(said.machine_id)
                if machine is None or machine.source_appliance_id != appliance_id:
                    continue
                news = tx.statuses.get(machine.id).old_copy != said
                if news:
                    tx.statuses.put_old_copy(said, now)
            with self._lock:
                self._old_copies[said.machine_id] = (said, now)
            if news:
                self._signals(f"machine/{said.machine_id}")

    def _newest(self, machine_id: str, side: type[AnyStatus]) -> _Seen | None:
        with self._lock:
            seen = self._seen.get((machine_id, side))
        return None if seen is None or self._elsewhere(seen.by) else seen

    def _note(
        self, appliance_id: str, statuses: Iterable[AnyStatus], now: datetime, ahead: float
    ) -> dict[Key, _Seen]:
        """Remember them, except what is not theirs to say, or what the side that was left still says of another epoch.
        `ahead`: seconds by which the reporter's clock leads ours."""
        noted: dict[Key, _Seen] = {}
        with self._lock:
            for status in statuses:
                key: Key = (status.machine_id, type(status))
                known = self._seen.get(key)
                if self._counts(appliance_id, status, known):
                    findings = known.status.findings if known else status.findings
                    said = clocks.marked(status, ahead, findings, now)
                    seen = known or _Seen(said, appliance_id, now)
                    noted[key] = self._seen[key] = dataclasses.replace(
                        seen, status=said, by=appliance_id, at=now
                    )
        return noted

    def _counts(self, appliance_id: str, status: AnyStatus, known: _Seen | None) -> bool:
        if known is not None and (known.by, known.status.epoch) == (appliance_id, status.epoch):
            return True
        with self._store.reading() as tx:
            machine = tx.machines.find(status.machine_id)
            old = known is None and machine is not None and status.epoch < machine.epoch
            kept = tx.statuses.get(status.machine_id) if old else None
        if machine is None or machine.id != status.machine_id or speaks_for(machine, status) != appliance_id:
            self._strangers.note(appliance_id, status.machine_id)
            return False
        if known is None:
            return kept is None or not _is_superseded(machine, status, kept)
        return status.epoch == known.status.epoch or _replaces(machine, status, known.status)

    def _unwritten(self, appliance_id: str) -> dict[Key, _Seen]:
        with self._lock:
            seen = self._seen.items()
            return {
                key: each for key, each in seen if each.by == appliance_id and each.status != each.written
            }

    def _write(self, tx: ports.Transaction, due: Mapping[Key, _Seen]) -> None:
        # Always in the same order, so that two vault processes cannot lock each other out.
        for key in sorted(due, key=lambda key: (key[0], key[1].__name__)):
            seen = due[key]
            if isinstance(seen.status, SourceStatus):
                tx.statuses.put_source(seen.status, seen.at)
            else:
                tx.statuses.put_replica(seen.status, seen.at)

    def _mark_written(self, due: Mapping[Key, _Seen], now: datetime) -> None:
        with self._lock:
            for key, seen in due.items():
                if key in self._seen:
                    self._seen[key] = dataclasses.replace(
                        self._seen[key], written=seen.status, written_at=now
                    )

    def _appliance_is_due(self, appliance_id: str, now: datetime) -> bool:
        written_at = self._appliances_written.get(appliance_id)
        return written_at is None or abs(now - written_at) >= WRITE_EVERY

    def _write_appliance(
        self, tx: ports.Transaction, appliance_id: str, store_free_bytes: int | None
    ) -> None:
        appliance = tx.appliances.find(appliance_id)
        hello = self._hellos.get(appliance_id)
        if appliance is None or hello is None:
            return
        free = appliance.store_free_bytes if store_free_bytes is None else store_free_bytes
        now = self._now()
        tx.appliances.put(
            dataclasses.replace(
                appliance, connected=True, last_seen_at=now, hello=hello, store_free_bytes=free
            )
        )
        self._appliances_written[appliance_id] = now


def _is_superseded(machine: ports.MachineRecord, status: AnyStatus, kept: ports.StatusRecord) -> bool:
    """Of a status of an earlier epoch, for a vault that has just started: whether it holds one of the machine's own epoch
    already. Then this is what the side that was left says."""
    side = kept.source if isinstance(status, SourceStatus) else kept.replica
    return side is not None and side.epoch == machine.epoch


def _replaces(machine: ports.MachineRecord, status: AnyStatus, known: AnyStatus) -> bool:
    """Whether a status of another epoch counts. A vault that was restored from before a change of direction is behind its
    appliances: for it the machine's own epoch counts; while it is reprotected, the epoch that begins."""
    epoch = machine.epoch + (machine.state is State.REPROTECTING)
    return status.epoch == epoch or (status.epoch > known.epoch and known.epoch != epoch)
