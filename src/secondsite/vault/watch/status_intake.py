"""Records what appliances report unasked, and wakes the jobs that wait for it.

The newest status of every machine is in memory (`heard`): in that of the vault process that its appliance is connected to. The others
read it from the store; `status_writing` says what of it is written when.
"""

import dataclasses
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime

import structlog

from ...domain.lifecycle import State
from ...wire.control import Again, Hello, Status
from ...wire.control.changes import Figures
from ...wire.control.statuses import OldCopyStatus, ReplicaStatus, SourceStatus
from .. import ports
from .clocks import Clocks
from .heard import AnyStatus, Heard, Key, Seen
from .missed import Missed
from .speakers import Strangers, speaks_for
from .status_writing import ONE_AT_A_TIME, WRITE_EVERY, StatusWriting

log = structlog.get_logger()


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
        self._heard = Heard()
        self._clocks = Clocks()
        self._missed = Missed()
        self._writing = StatusWriting(store, self._heard, self._clocks)
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
        self._heard.end(hello.appliance_id)
        self._missed.forget(hello.appliance_id)
        self._hellos[hello.appliance_id] = hello
        with self._store.transaction() as tx:
            is_known = tx.appliances.find(hello.appliance_id) is not None
            if is_known and tx.links.take(hello.appliance_id):
                self._heard.forget_said_by(hello.appliance_id)
            self._write_appliance(tx, hello.appliance_id, None)
        # its first status says how much space it has
        self._appliances_written.pop(hello.appliance_id, None)
        self._signals(f"appliance/{hello.appliance_id}")

    def disconnected(self, appliance_id: str) -> None:
        self._heard.end(appliance_id)
        self._hellos.pop(appliance_id, None)
        self._appliances_written.pop(appliance_id, None)
        with self._store.transaction() as tx:
            if not tx.links.drop(appliance_id):
                return  # it has connected to another process meanwhile, which knows more
            appliance = tx.appliances.find(appliance_id)
            if appliance:
                gone = dataclasses.replace(appliance, connected=False, last_seen_at=self._now())
                tx.appliances.put(gone)
            news = self._writing.everything(appliance_id)
            news = self._writing.write(tx, news)
        self._writing.wrote(news)

    def lost(self, tx: ports.Transaction, appliance_ids: Iterable[str]) -> None:
        """The vault process that they were connected to is gone."""
        for appliance_id in appliance_ids:
            appliance = tx.appliances.find(appliance_id)
            if appliance and appliance.connected:
                tx.appliances.put(dataclasses.replace(appliance, connected=False))

    def status(self, appliance_id: str, status: Status) -> Again | None:
        """Gives what is to be said again, because it was missed. Raises what the store raises; the same facts come again with the
        appliance's next statuses."""
        try:
            self._record(appliance_id, status, self._now())
        except Exception:
            self.missed(appliance_id)
            raise
        if not self._says_changes(appliance_id):
            return None
        return self._missed.ask(appliance_id, self._now())

    def missed(self, appliance_id: str) -> None:
        """Something that it said was not understood, or could not be kept."""
        self._heard.end(appliance_id)
        self._missed.all_of(appliance_id)

    def latest(self, tx: ports.Transaction, machine_id: str) -> ports.StatusRecord:
        """The newest that is known of a machine: from memory, else from the store, where what other vault processes hear is
        20 seconds old at most."""
        return self.latest_of(tx, (machine_id,))[machine_id]

    def latest_of(
        self, tx: ports.Transaction, machine_ids: Collection[str]
    ) -> Mapping[str, ports.StatusRecord]:
        """The same of several machines, by id: the store is asked once, and only for those of which a side has said nothing."""
        seen = {
            each: (self._here(each, SourceStatus), self._here(each, ReplicaStatus)) for each in machine_ids
        }
        kept = tx.statuses.get_many([each for each, sides in seen.items() if None in sides])
        return {
            each: self._with_newest(kept.get(each) or ports.StatusRecord(each), *sides)
            for each, sides in seen.items()
        }

    def forget_all_but(self, machine_ids: Iterable[str]) -> None:
        """Drop what is remembered of machines that are no longer under protection."""
        keep = set(machine_ids)
        self._heard.forget_all_but(keep)
        with self._lock:
            self._old_copies = {key: seen for key, seen in self._old_copies.items() if key in keep}

    def _here(self, machine_id: str, side: type[AnyStatus]) -> Seen | None:
        seen = self._heard.find(machine_id, side)
        return None if seen is None or self._elsewhere(seen.by) else seen

    def _with_newest(
        self, record: ports.StatusRecord, source: Seen | None, replica: Seen | None
    ) -> ports.StatusRecord:
        if record.machine_id in self._old_copies:
            old_copy, at = self._old_copies[record.machine_id]
            if record.old_copy_at is None or at >= record.old_copy_at:
                record = dataclasses.replace(record, old_copy=old_copy, old_copy_at=at)
        if source and isinstance(source.status, SourceStatus):
            marked = self._clocks.marked(source.by, source.status)
            record = dataclasses.replace(record, source=marked, source_at=source.at)
        if replica and isinstance(replica.status, ReplicaStatus):
            said = self._clocks.marked(replica.by, replica.status)
            record = dataclasses.replace(record, replica=said, replica_at=replica.at)
        return record

    # -- what is said -------------------------------------------------------------------------------------------

    def _record(self, appliance_id: str, status: Status, now: datetime) -> None:
        self._writing.look_at(self._hear(appliance_id, status, now))
        if self._clocks.hear(appliance_id, status.at, now):
            self._writing.look_at(key for key, seen in self._heard.all().items() if seen.by == appliance_id)
        self._write(appliance_id, status, now)
        self._note_generations(appliance_id, status)
        self._note_old_copies(appliance_id, status.old_copies, now)

    def _hear(self, appliance_id: str, status: Status, now: datetime) -> set[Key]:
        """Remember it; gives that of which more than figures was said. What does not count takes back what was said before."""
        current = self._says_changes(appliance_id)
        keys = set()
        wholes: tuple[AnyStatus, ...] = (*status.sources, *status.replicas)
        for whole in wholes:
            if self._counts(appliance_id, whole):
                keys.add(self._heard.keep(appliance_id, whole, now, current))
                self._missed.came(appliance_id, whole.machine_id)
            else:
                self._heard.gone(appliance_id, whole.machine_id, type(whole))
                self._missed.one(appliance_id, whole.machine_id)
        for change in status.replica_changes:
            key = self._heard.change(appliance_id, change, now)
            keys |= self._known(appliance_id, change.status.machine_id, key)
        rows: tuple[Figures, ...] = (*status.source_figures, *status.replica_figures)
        for figures in rows:
            self._known(appliance_id, figures.machine_id, self._heard.figures(appliance_id, figures, now))
        for machine_id in status.sources_gone:
            self._heard.gone(appliance_id, machine_id, SourceStatus)
        for machine_id in status.replicas_gone:
            self._heard.gone(appliance_id, machine_id, ReplicaStatus)
        self._heard.from_now(appliance_id, now)
        return keys

    def _known(self, appliance_id: str, machine_id: str, key: Key | None) -> set[Key]:
        if key is None:
            self._missed.one(appliance_id, machine_id)
        return set() if key is None else {key}

    def _says_changes(self, appliance_id: str) -> bool:
        hello = self._hellos.get(appliance_id)
        return hello is not None and hello.says_changes

    def _note_generations(self, appliance_id: str, status: Status) -> None:
        """Only what an appliance of the machine says counts. It says each number once per connection."""
        named = sorted({*status.generations, *status.drill_generations})
        if not named:
            return
        with self._store.transaction() as tx:
            tx.one_at_a_time(ONE_AT_A_TIME)
            for machine in tx.machines.places(named):
                if appliance_id in (machine.source_appliance_id, machine.target_appliance_id):
                    tx.statuses.put_generation(machine.id, status.generations.get(machine.id, 0))
                    tx.statuses.put_drill_generation(machine.id, status.drill_generations.get(machine.id, 0))

    def _note_old_copies(self, appliance_id: str, said: Collection[OldCopyStatus], now: datetime) -> None:
        """Only what the source's appliance says counts. It says it with every status, and a change is written."""
        if not said:
            return
        known = {each.machine_id: self._old_copies.get(each.machine_id, (None, now))[0] for each in said}
        with self._store.reading() as tx:
            named = tx.machines.places(list(known))
            kept = tx.statuses.get_many([each for each, copy in known.items() if copy is None])
        known |= {each: record.old_copy for each, record in kept.items()}
        theirs = {machine.id for machine in named if machine.source_appliance_id == appliance_id}
        for each in said:
            if each.machine_id in theirs:
                self._note_old_copy(each, known[each.machine_id], now)

    def _note_old_copy(self, said: OldCopyStatus, kept: OldCopyStatus | None, now: datetime) -> None:
        if said != kept:
            with self._store.transaction() as tx:
                tx.statuses.put_old_copy(said, now)
        with self._lock:
            self._old_copies[said.machine_id] = (said, now)
        if said != kept:
            self._signals(f"machine/{said.machine_id}")

    def _counts(self, appliance_id: str, status: AnyStatus) -> bool:
        """Not what is not theirs to say, or what the side that was left still says of another epoch."""
        seen = self._here(status.machine_id, type(status))
        known = seen.status if seen else None
        if seen is not None and (seen.by, seen.status.epoch) == (appliance_id, status.epoch):
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
        return status.epoch == known.epoch or _replaces(machine, status, known)

    # -- what is written ----------------------------------------------------------------------------------------

    def _write(self, appliance_id: str, status: Status, now: datetime) -> None:
        news = self._writing.due(now)
        if news or self._appliance_is_due(appliance_id, now):
            with self._store.transaction() as tx:
                if not tx.links.holds(appliance_id):
                    return
                if self._appliance_is_due(appliance_id, now):
                    self._write_appliance(tx, appliance_id, status.store_free_bytes)
                news = news.of({each for each in news.appliances if tx.links.holds(each)})
                news = self._writing.write(tx, news)
        self._writing.wrote(news)
        for machine_id in sorted({key[0] for key in news.urgent}):
            self._signals(f"machine/{machine_id}")

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
