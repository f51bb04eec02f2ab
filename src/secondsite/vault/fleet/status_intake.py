"""Records what appliances report unasked, and wakes the jobs that wait for it.

The newest status of every machine is in memory (`statuses.latest_status`) of the vault process that its
appliance is connected to. The others read it from the store; `statuses.writer` decides what is written when.
"""

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial

from ...domain.amounts import exact_size
from ...wire.common.hosts import HostCapacity
from ...wire.common.stores import StoreSpace, believed
from ...wire.control import FullReportRequest, Hello, Status
from ...wire.control.changes import Figures
from ...wire.control.statuses import ArrivalStatus, OldCopyStatus, ReplicaStatus, SourceStatus
from ..health import disbelief
from ..interfaces import Signals, WriteResult
from ..store import StatusRecord, Store, Transaction
from .statuses.acceptance import StatusAcceptance, StrayReplica
from .statuses.clock_skew import Clocks
from .statuses.hardware import Hardware
from .statuses.kept import KeptStatuses
from .statuses.latest_status import AnyStatus, Key, Last, LatestStatuses, SideStatus, Trace
from .statuses.old_copies import OldCopies
from .statuses.order_numbers import OrderNumbers
from .statuses.status_requests import StatusRequests
from .statuses.store_history import StoreHistory
from .statuses.writer import NOTHING, WRITE_ALONE_EVERY, WRITE_EVERY, Due, StatusWriter, is_written


class StatusIntake:
    """Takes in statuses: interfaces.FactSink; called by one thread, read by many."""

    def __init__(
        self,
        store: Store,
        signals: Signals,
        now: Callable[[], datetime],
        elsewhere: Callable[[str], bool] | None = None,
    ) -> None:
        """`elsewhere`: whether an appliance is connected to another vault process; None if there is no
        other."""
        self._elsewhere = elsewhere or _nowhere
        self._store = store
        self._signals = signals
        self._now = now
        self.listens_since = now()
        self._heard = LatestStatuses()
        self._kept = KeptStatuses()
        self._clocks = Clocks()
        self._missed = StatusRequests()
        figures_every = WRITE_EVERY if elsewhere else WRITE_ALONE_EVERY
        self._writing = StatusWriter(store, self._heard, self._clocks, figures_every)
        self._counting = StatusAcceptance(store, self._here)
        self._numbers = OrderNumbers()
        self._old_copies = OldCopies(store, signals)
        self._hardware = Hardware(store)
        self.stores = StoreHistory()
        self._arrivals: dict[str, tuple[ArrivalStatus, ...]] = {}
        """By appliance, the machines that run there and are not replicated from there."""
        self._left: dict[str, tuple[OldCopyStatus, ...]] = {}
        """By appliance, the machines that are defined there and are not replicated from there."""
        self._unsaid: dict[str, str] = {}
        """By appliance, what it left out of its report, or what the vault left out, that is not yet
        written."""
        self._hellos: dict[str, Hello] = {}
        self._spoke: dict[str, int | None] = {}
        self._stores: dict[str, tuple[StoreSpace, ...]] = {}
        self._capacities: dict[str, HostCapacity] = {}
        self._appliances_written: dict[str, datetime] = {}
        self._missed_since: dict[str, datetime] = {}
        self._ended: set[str] = set()
        """Appliances whose connection ended, which is not yet written."""
        self._to_tell: set[str] = set()
        """Machines for which something urgent was written, and not yet signalled."""

    def start(self) -> None:
        """Forget connections: a vault that starts has none yet."""
        with self._store.transaction() as tx:
            for appliance in tx.appliances.list():
                if appliance.connected and not tx.links.any_living(appliance.id):
                    tx.appliances.put(dataclasses.replace(appliance, connected=False))

    def connected(self, hello: Hello) -> None:
        self._heard.end(hello.appliance_id)
        self._missed.forget(hello.appliance_id)
        self._forget_connection(hello.appliance_id)
        self._hellos[hello.appliance_id] = hello
        self._ended.discard(hello.appliance_id)
        with self._store.transaction() as tx:
            is_known = tx.appliances.find(hello.appliance_id) is not None
            if is_known and tx.links.take(hello.appliance_id):
                self._heard.forget_said_by(hello.appliance_id)
            self._write_appliance(tx, hello.appliance_id, None)
        # its first status reports its free space
        self._appliances_written.pop(hello.appliance_id, None)
        self._signals(f"appliance/{hello.appliance_id}")

    def disconnected(self, appliance_id: str) -> None:
        self._heard.end(appliance_id)
        self._forget_connection(appliance_id)
        self._appliances_written.pop(appliance_id, None)
        self._ended.add(appliance_id)
        self._end(appliance_id)

    def _end(self, appliance_id: str) -> None:
        """Write that the appliance's connection ended. Raises StoreUnavailable; then `write` does it: else it
        would count as connected until it connects again."""
        said, everything = f"appliance/{appliance_id}", self._writing.everything(appliance_id)
        if not is_written(said, partial(self._write_end, appliance_id, everything)):
            is_written(said, partial(self._write_end, appliance_id, NOTHING))
        self._ended.discard(appliance_id)

    def _forget_connection(self, appliance_id: str) -> None:
        """Forget what was sent over the connection: it is not charged to whoever connects next, who may be
        another with the same key."""
        self._hellos.pop(appliance_id, None)
        self._spoke.pop(appliance_id, None)
        self._stores.pop(appliance_id, None)
        self._capacities.pop(appliance_id, None)
        self._unsaid.pop(appliance_id, None)
        self._left.pop(appliance_id, None)
        if self._arrivals.pop(appliance_id, ()):
            self._old_copies.have_come(appliance_id, (), self._now())

    def lost(self, tx: Transaction, appliance_ids: Iterable[str]) -> None:
        """Forget appliances whose vault process is gone."""
        for appliance_id in appliance_ids:
            appliance = tx.appliances.find(appliance_id)
            if appliance and appliance.connected:
                tx.appliances.put(dataclasses.replace(appliance, connected=False))

    def hear(self, appliance_id: str, status: Status) -> FullReportRequest | None:
        """Remember a status; `write` writes it. Gives what is to be sent again, because it was missed. Raises
        what the store raises; the same facts come again with the appliance's next statuses."""
        try:
            self._record(appliance_id, status, self._now())
        except Exception:
            self.missed(appliance_id)
            raise
        if not self._says_changes(appliance_id):
            return None
        return self._missed.ask(appliance_id, self._now())

    def write(self, first: Collection[str] = (), at_most: int = sys.maxsize) -> WriteResult:
        """Write everything that was reported of the machines that go `first`, and of at most so many others,
        in one transaction; a refusal for one machine holds back no other's. Raises StoreUnavailable; then it
        is still to be written."""
        for appliance_id in tuple(self._ended):
            self._end(appliance_id)
        now = self._now()
        due = self._writing.due(now, first, at_most)
        appliances = {each for each in self._spoke if self._appliance_is_due(each, now)}
        if due or appliances or self._numbers or self._unsaid:
            self._write(due, appliances)
        self._hardware.write()
        told, self._to_tell = sorted(self._to_tell), set()
        return WriteResult(tuple(f"machine/{each}" for each in told), self._writing.is_behind)

    def missed(self, appliance_id: str) -> None:
        """Note that something the appliance sent was not understood, or could not be kept."""
        self._heard.end(appliance_id)
        self._missed.all_of(appliance_id)

    def latest(self, tx: Transaction, machine_id: str) -> StatusRecord:
        """The newest status of a machine: from memory, else from the store, where statuses of other vault
        processes are 20 seconds old at most."""
        return self.latest_of(tx, (machine_id,))[machine_id]

    def latest_of(self, tx: Transaction, machine_ids: Collection[str]) -> Mapping[str, StatusRecord]:
        """As `latest`, for several machines, by id: the store is asked only for those of which a side has
        reported nothing, and reads only what is another than the last time."""
        seen = {
            each: (self._said_here(source), self._said_here(replica))
            for each, (source, replica) in self._heard.sides(machine_ids).items()
        }
        unsaid = [each for each, sides in seen.items() if None in sides]
        self._kept.forget(seen.keys() - set(unsaid))
        if self._elsewhere is _nowhere:
            kept = self._kept.of(tx, unsaid, {each for each in unsaid if seen[each][1] is not None})
        else:  # another vault process writes points, and their figures only later
            kept = tx.statuses.get_many(unsaid)
        return {
            each: self._with_newest(kept.get(each) or StatusRecord(each), *sides)
            for each, sides in seen.items()
        }

    def traces(self, machine_ids: Collection[str]) -> Mapping[str, Trace]:
        """Of machines of which `latest_of` gives nothing but what both sides said here, by id: what is the
        same objects as long as neither has said anything more."""
        if self._elsewhere is not _nowhere or self._clocks.any_differs:
            return {}
        found = self._heard.traces(machine_ids)
        return {
            each: sides
            for each, sides in found.items()
            if None not in sides and not self._old_copies.knows(each)
        }

    def changed_after(self, number: int) -> tuple[int, Collection[str]]:
        """The ids of machines of which an appliance of this process reported more than figures after that
        number, and the number from which to ask on. Others, and what time alone changes, are not among
        them."""
        return self._heard.changed_after(number)

    def forget_all_but(self, machine_ids: Iterable[str]) -> None:
        """Drop the statuses of machines that are no longer under protection."""
        keep = set(machine_ids)
        self._heard.forget_all_but(keep)
        self._kept.forget_all_but(keep)
        self._old_copies.forget_all_but(keep)
        self._numbers.forget_all_but(keep)
        self._hardware.forget_all_but(keep)
        self._missed_since = {each: at for each, at in self._missed_since.items() if each in keep}

    def arrivals(self) -> Mapping[str, tuple[ArrivalStatus, ...]]:
        """By appliance that is connected to this vault process, the machines that run there, carry a mark,
        and are not replicated from there."""
        return dict(self._arrivals)

    def strays(self) -> Mapping[str, StrayReplica]:
        """By machine, the replicas that another appliance than the target reported, of machines of which no
        other is reported."""
        found = dict(self._counting.strays)
        return {key: each for key, each in found.items() if self._heard.find(key, ReplicaStatus) is None}

    def left_definitions(self) -> Mapping[str, tuple[OldCopyStatus, ...]]:
        """By appliance that is connected to this vault process, the machines that are defined there, carry a
        mark, and are not replicated from there."""
        return dict(self._left)

    def missed_since(self, machine_id: str) -> datetime:
        """When this vault process first asked for the status of a machine of which a side has never
        reported."""
        return self._missed_since.setdefault(machine_id, self._now())

    def _here(self, machine_id: str, side: type[AnyStatus]) -> SideStatus | None:
        seen = self._heard.find(machine_id, side)
        return None if seen is None or self._elsewhere(seen.by) else seen

    def _said_here(self, last: Last | None) -> Last | None:
        return None if last is None or self._elsewhere(last.by) else last

    def _with_newest(self, record: StatusRecord, source: Last | None, replica: Last | None) -> StatusRecord:
        record = self._old_copies.newest(record)
        newest, sent_at = record.source, record.source_at
        if source and isinstance(source.status, SourceStatus):
            newest, sent_at = self._clocks.marked(source.by, source.status), source.at
        said, said_at = record.replica, record.replica_at
        if replica and isinstance(replica.status, ReplicaStatus):
            said, said_at = self._clocks.marked(replica.by, replica.status), replica.at
        return dataclasses.replace(record, source=newest, source_at=sent_at, replica=said, replica_at=said_at)

    # -- what is said
    # -------------------------------------------------------------------------------------------

    def _record(self, appliance_id: str, status: Status, now: datetime) -> None:
        self._writing.look_at(self._remember(appliance_id, status, now))
        if self._clocks.hear(appliance_id, status.at, now):
            self._writing.look_at(key for key, seen in self._heard.all().items() if seen.by == appliance_id)
        free = status.store_free_bytes
        self._spoke[appliance_id] = self._spoke.get(appliance_id) if free is None else free
        if status.stores:
            self._stores[appliance_id] = status.stores
        if status.capacity is not None:
            self._capacities[appliance_id] = status.capacity
            self._appliances_written.pop(appliance_id, None)
        self._numbers.note(appliance_id, status)
        if status.unsaid:
            self._unsaid[appliance_id] = (
                f"cannot report everything, or reports impossible values: {status.unsaid}"
            )
        self._old_copies.note(appliance_id, status.old_copies, now)
        if status.arrivals is not None:
            self._arrivals[appliance_id] = status.arrivals
            self._left[appliance_id] = status.old_copies
            self._old_copies.have_come(appliance_id, status.arrivals, now)

    def _remember(self, appliance_id: str, status: Status, now: datetime) -> Iterable[Key]:
        """Remember the statuses; gives those in which more than figures changed. A status that does not count
        takes back what was reported before."""
        current = self._says_changes(appliance_id)
        keys: dict[Key, None] = {}
        wholes: tuple[AnyStatus, ...] = (*status.sources, *status.replicas)
        for whole, counts in zip(wholes, self._counting.of(appliance_id, wholes), strict=True):
            if counts:
                keys[self._heard.keep(appliance_id, whole, now, current)] = None
                self._missed.came(appliance_id, whole.machine_id)
                if isinstance(whole, SourceStatus):
                    self._hardware.note(whole)
            else:
                self._heard.gone(appliance_id, whole.machine_id, type(whole))
                self._missed.one(appliance_id, whole.machine_id)
        for change in status.replica_changes:
            key = self._heard.change(appliance_id, change, now)
            if self._is_known(appliance_id, change.status.machine_id, key) and key is not None:
                keys[key] = None
        rows: tuple[Figures, ...] = (*status.source_figures, *status.replica_figures)
        for figures in rows:
            key = self._heard.figures(appliance_id, figures, now)
            self._is_known(appliance_id, figures.machine_id, key)
        for machine_id in status.sources_gone:
            self._heard.gone(appliance_id, machine_id, SourceStatus)
        for machine_id in status.replicas_gone:
            self._heard.gone(appliance_id, machine_id, ReplicaStatus)
            self._counting.gone(appliance_id, machine_id)
        self._heard.from_now(appliance_id, now)
        return keys

    def _is_known(self, appliance_id: str, machine_id: str, key: Key | None) -> bool:
        if key is None:
            self._missed.one(appliance_id, machine_id)
        return key is not None

    def _says_changes(self, appliance_id: str) -> bool:
        hello = self._hellos.get(appliance_id)
        return hello is not None and hello.says_changes

    # -- what is written
    # ----------------------------------------------------------------------------------------

    def _write(self, due: Due, appliances: Collection[str]) -> None:
        """Write everything together; if that is refused, each part by itself. A part that is refused again is
        given up until more is reported of it."""
        speakers, write = self._numbers.speakers, self._write_together
        if is_written("all", partial(write, due, appliances, speakers)):
            return
        for each in appliances:
            self._appliances_written[each] = self._now()
            if not is_written(f"appliance/{each}", partial(write, NOTHING, (each,), ())):
                del self._spoke[each]
        for each in speakers:
            if not is_written(f"numbers of {each}", partial(write, NOTHING, (), (each,))):
                self._numbers.wrote((each,))
        for each in due.machines:
            part = due.among((each,))
            if not is_written(f"machine/{each}", partial(write, part, (), ())):
                self._writing.gave_up(part)

    def _write_together(self, due: Due, appliances: Collection[str], speakers: Collection[str]) -> None:
        """Write in one transaction, only for appliances that are connected to this vault process."""
        unsaid, self._unsaid = self._unsaid, {}
        with self._doubted(due), self._store.transaction() as tx:
            ours = {each for each in {*due.appliances, *appliances} if tx.links.holds(each)}
            for each in sorted(ours.intersection(appliances)):
                self._write_appliance(tx, each, self._spoke[each])
            written = self._writing.write(tx, due.of(ours))
            self._numbers.write(tx, speakers, self._now())
            for each, what in unsaid.items():
                disbelief.note(tx, each, what, self._now())
        self._writing.wrote(due, written)
        self._numbers.wrote(speakers)
        for each in appliances:
            del self._spoke[each]
        self._to_tell.update(key[0] for key in written.due.urgent)

    def _write_end(self, appliance_id: str, everything: Due) -> None:
        """Write that the appliance's connection ended, and its last statuses."""
        with self._doubted(everything), self._store.transaction() as tx:
            if not tx.links.drop(appliance_id):
                return  # it has connected to another process meanwhile, whose reports are newer
            appliance = tx.appliances.find(appliance_id)
            if appliance:
                gone = dataclasses.replace(appliance, connected=False, last_seen_at=self._now())
                tx.appliances.put(gone)
            written = self._writing.write(tx, everything)
        self._writing.wrote(everything, written)
        self._to_tell.update(key[0] for key, seen in written.due.whole.items() if seen.changed_urgently)

    @contextlib.contextmanager
    def _doubted(self, due: Due) -> Iterator[None]:
        try:
            yield
        except Exception:
            self._heard.doubt((*due.urgent, *due.whole))
            raise

    def _appliance_is_due(self, appliance_id: str, now: datetime) -> bool:
        written_at = self._appliances_written.get(appliance_id)
        return written_at is None or abs(now - written_at) >= WRITE_EVERY

    def _write_appliance(self, tx: Transaction, appliance_id: str, store_free_bytes: int | None) -> None:
        appliance = tx.appliances.find(appliance_id)
        hello = self._hellos.get(appliance_id)
        if appliance is None or hello is None:
            return
        free = appliance.store_free_bytes if store_free_bytes is None else store_free_bytes
        stores, now = self._stores.get(appliance_id, appliance.stores), self._now()
        has = self._capacities.get(appliance_id)
        tx.appliances.put(
            dataclasses.replace(
                appliance,
                connected=True,
                last_seen_at=now,
                hello=hello,
                store_free_bytes=free,
                stores=stores,
                capacity=has if has is not None and has.is_believed else appliance.capacity,
            )
        )
        self._appliances_written[appliance_id] = now
        self.stores.note(appliance_id, self._stores.get(appliance_id, ()), now)
        if has is not None and not has.is_believed:
            memory = f"{exact_size(has.free_bytes)} of {exact_size(has.memory_bytes)} of memory"
            disbelief.note(tx, appliance_id, f"reports that {memory} are free", now)
        said_now = self._stores.get(appliance_id, ())
        spaces = [(store_free_bytes, None), *((each.free_bytes, each.size_bytes) for each in said_now)]
        for said, size in spaces:
            if said and not believed(said, size):
                disbelief.note(
                    tx, appliance_id, f"reports that {exact_size(said)} are free in its store", now
                )


def _nowhere(_appliance_id: str) -> bool:
    return False
