"""Machines that wrote nothing since the acknowledged checkpoint.

Opening a view costs the hypervisor and the guest more than the rest of a cycle, so the fabric is asked first.
If nothing was written, the disks equal the checkpoint, which the target has. If its firmware state is there
too and no point is wanted, the target is told just that: it is as new as this instant. Else an idle cycle is
sent: an instant without content, but as in any cycle with a number, firmware state and a recovery point. The
checkpoint stays: it is as good a base as a new one.

A machine rests once the loop found that in a look of its own. Resting machines have rounds: the fabric is
asked of many at once, and the target is told of all in one message. A machine leaves the round when the
fabric or the target does not confirm it. While the target is out of reach they go on resting: a round finds
out for many at once whether it is back, and tells of all of them then. Every minute a machine has a look of
its own besides: what else may have changed on it, such as its disks, is seen there. However late that look
is, the rounds go on: with 900 resting machines such looks are most of the work, and must not delay anybody's
replication."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from ...datapath import transfer
from ...datapath.channel import Connection
from ...datapath.disks import Buffers
from ...datapath.errors import PeerSilent, PeerUnreachable
from ...datapath.extents import Extent
from ...datapath.transfer import DiskPlan, UnchangedState
from ...domain import errors
from ...fabrics.interface import (
    AcknowledgedDisks,
    ChangeSession,
    Fabric,
    PowerState,
    SessionRequest,
    Unwritten,
)
from ...ground import seams
from ..shared import FairTurns, Peers
from . import disks_and_firmware, slices
from .machine import Source
from .slices import DiskFacts, DiskPart

MOST = 64
"""The most machines of one round: a hypervisor that hangs delays no more than these, and orders wait for no
more."""
EARLY = 0.5
"""How early a machine may join a round, as a share of its pause: with half of it any two machines come
together."""

_Peer = tuple[str, tuple[str, ...]]
"""An appliance, by its name and the addresses at which it is dialled."""

SOON_SECONDS = 1.0
"""How often the worker that waits for the next due machine looks. Waking it for each round cost a tenth of
the round's own time."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Idle:
    """An idle cycle, in the shape of one with a view."""

    session: ChangeSession
    parts: tuple[DiskPart, ...]
    attached: tuple[str, ...]

    @property
    def plans(self) -> list[DiskPlan]:
        return [DiskPlan(_Unread(part.size_bytes), part.key) for part in self.parts]


@dataclass(frozen=True, slots=True)
class _Unread:
    """A disk of an idle cycle: nothing of it is sent."""

    size_bytes: int

    def read_many(
        self, wanted: Iterable[Extent], buffers: Buffers | None = None
    ) -> Iterator[tuple[int, bytearray]]:
        if list(wanted):
            raise ValueError("an idle cycle reads nothing")
        return iter(())

    def land(self) -> None:
        """Nothing is in flight."""


def is_unwritten(fabric: Fabric, source: Source) -> bool:
    """Whether the disks are those of the acknowledged cycle, and nothing was written to them since."""
    progress = source.progress
    if progress.base is None:
        return False
    try:
        found = fabric.tracking.unwritten(source.setup.fabric_id, tuple(progress.sizes_bytes), progress.base)
    except errors.SecondsiteError:
        return False
    return found is not None and found.sizes_bytes == progress.sizes_bytes


def look(fabric: Fabric, source: Source, request: SessionRequest) -> Idle | None:
    """An idle cycle of this moment, if possible: all disks are whole at the target in their present sizes, no
    freeze is asked for, and nothing was written. Else None."""
    progress, base = source.progress, request.base
    if base is None or progress.passes or progress.doubtful:
        return None
    if request.app_consistent or source.power is PowerState.OFF:
        return None
    if set(request.disks) != progress.sizes_bytes.keys():
        return None
    unwritten = fabric.tracking.unwritten(request.fabric_id, request.disks, base)
    if unwritten is None or unwritten.sizes_bytes != progress.sizes_bytes:
        return None
    sizes = ((key, unwritten.sizes_bytes[key]) for key in request.disks)
    parts = tuple(slices.still(DiskFacts(key, size, True)) for key, size in sizes)
    return Idle(ChangeSession(unwritten.taken_at, base, ()), parts, unwritten.attached)


# -- rounds --------------------------------------------------------------------------------------------


class Rounds:
    """Makes rounds of resting machines. The loop's workers call `serve`; each peer has one round at a time,
    and delays no machine of another peer. `well` and `failed` are told of machines whose peer is reached
    again, and is not."""

    def __init__(
        self, fabric: Fabric, peers: Peers, turns: FairTurns,
        well: Callable[[Source], object], failed: Callable[[Source, Exception], object],
    ) -> None:  # fmt: skip
        self._fabric = fabric
        self._peers = peers
        self._turns = turns
        self._well = well
        self._failed = failed
        self._lock = threading.Lock()
        self._under_way: set[_Peer] = set()

    def serve(self, sources: Collection[Source], takes_long: Callable[[], None], spare: bool = False) -> bool:
        """Make a round if a machine that rests is due; False if there is none. Calls `takes_long` before
        one that others may not wait for."""
        ready = _ready(sources, time.monotonic())
        for peer in self._turns.order(list(ready), _name, spare):
            with self._alone(peer) as alone:
                if alone and self._make(peer, ready[peer], sources, takes_long):
                    return True
        return False

    @contextmanager
    def _alone(self, peer: _Peer) -> Iterator[bool]:
        """Yields whether nobody else makes a round of this peer; if so, nobody does inside the context."""
        with self._lock:
            is_free = peer not in self._under_way
            self._under_way.add(peer)
        try:
            yield is_free
        finally:
            if is_free:
                with self._lock:
                    self._under_way.discard(peer)

    def _make(
        self,
        peer: _Peer,
        ready: Iterable[Source],
        sources: Collection[Source],
        takes_long: Callable[[], None],
    ) -> bool:
        with ExitStack() as locks:
            chosen = _chosen(ready, locks)
            if chosen and _is_any_due(sources, without=chosen, by=time.monotonic() + SOON_SECONDS):
                takes_long()
            if chosen:
                with self._turns.taken(_name(peer)):
                    self._of_peer(peer, chosen)
        return bool(chosen)

    def _of_peer(self, peer: _Peer, sources: Sequence[Source]) -> None:
        """Make a round of these machines. One that is not confirmed, for whatever reason, has a cycle of its
        own next, which reports what is wrong."""
        began = time.monotonic()
        for source in sources:
            source.rests = False
        try:
            found = self._fabric.tracking.all_unwritten([_acknowledged(each) for each in sources])
            seams.reach("appliance.round.asked")
            words = {
                each.machine_id: each for each in filter(None, (self._said(one, found) for one in sources))
            }
        except Exception as problem:
            log.info("round.failed", peer=peer[0], machines=len(sources), problem=str(problem))
            return
        self._pass_on(peer, sources, words, began)

    def _pass_on(
        self, peer: _Peer, sources: Sequence[Source], words: Mapping[str, UnchangedState], began: float
    ) -> None:
        """Tell the peer of those that wrote nothing. While it is out of reach they go on resting."""
        try:
            noted = self._tell(peer, list(words.values())) if words else frozenset()
        except Exception as problem:
            log.info("round.failed", peer=peer[0], machines=len(sources), problem=str(problem))
            if isinstance(problem, PeerUnreachable | PeerSilent):
                for source in sources:
                    self._failed(source, problem)
                    source.rests = source.machine_id in words
            return
        seams.reach("appliance.round.noted")
        for source in sources:
            was_unreached = source.unreached
            if source.machine_id in noted:
                source.rested(datetime.fromisoformat(words[source.machine_id].taken_at), began)
                if was_unreached:
                    self._well(source)
            elif was_unreached:
                source.hurry()

    def _tell(self, peer: _Peer, words: Sequence[UnchangedState]) -> frozenset[str]:
        name, addresses = peer
        with self._peers.connected(addresses, name, asks=False) as connection:
            return transfer.tell(connection, words) if connection.notes_unchanged else frozenset()

    def _said(self, source: Source, found: Mapping[str, Unwritten]) -> UnchangedState | None:
        unwritten = found.get(source.setup.fabric_id)
        if unwritten is None or unwritten.sizes_bytes != source.progress.sizes_bytes:
            return None
        if unwritten.attached != source.attached:
            return None
        if source.progress.firmware and not disks_and_firmware.is_as_acknowledged(self._fabric, source):
            return None
        return said(source, unwritten.taken_at)


def is_noted(fabric: Fabric, source: Source, connection: Connection, still: Idle) -> bool:
    """Tell the target that this machine wrote nothing until `still`; returns whether the target has noted it,
    so that no cycle is needed. The caller has locked the machine and has asked the fabric."""
    if not connection.notes_unchanged or not disks_and_firmware.is_as_acknowledged(fabric, source):
        return False
    until = still.session.taken_at
    if not transfer.tell(connection, [said(source, until)]):
        return False
    source.unchanged_fingerprint = None
    source.attached = still.attached
    source.rested(until, source.started)
    return True


def said(source: Source, at: datetime) -> UnchangedState:
    """What the target is told of a machine that wrote nothing until then."""
    assert source.progress.last_seq is not None
    return UnchangedState(
        source.machine_id, source.setup.epoch, source.progress.last_seq, at.astimezone(UTC).isoformat()
    )


def _chosen(ready: Iterable[Source], locks: ExitStack) -> list[Source]:
    """Those of these machines that still rest; they are locked."""
    chosen: list[Source] = []
    for source in ready:
        if source.may_rest and locks.enter_context(source.try_lock("a look for writes")) and source.may_rest:
            chosen.append(source)
        if len(chosen) == MOST:
            break
    return chosen


def _ready(sources: Iterable[Source], now: float) -> dict[_Peer, list[Source]]:
    """Resting machines that are due, or nearly, for each peer of which at least one is due; those that waited
    longest first. It is called often, for many machines."""
    found = [(due, source) for source in sources if source.rests and (due := source.due) is not None]
    if not found or min(due for due, _source in found) > now:
        return {}
    found = [each for each in found if each[0] - now <= EARLY * each[1].pause_seconds]
    late = {_peer_of(source) for due, source in found if due <= now}
    ready: defaultdict[_Peer, list[Source]] = defaultdict(list)
    for _due, source in sorted(found, key=lambda each: each[0]):
        if (peer := _peer_of(source)) in late:
            ready[peer].append(source)
    return ready


def _is_any_due(sources: Collection[Source], without: Collection[Source], by: float) -> bool:
    """Whether a machine outside the round is due before `by`."""
    theirs = {source.machine_id for source in without}
    others = (source for source in sources if source.machine_id not in theirs)
    return any((due := source.due) is not None and due <= by for source in others)


def _peer_of(source: Source) -> _Peer:
    return source.setup.target_appliance_id, source.setup.target_addresses


def _name(peer: _Peer) -> str:
    return peer[0]


def _acknowledged(source: Source) -> AcknowledgedDisks:
    progress = source.progress
    assert progress.base is not None
    return AcknowledgedDisks(source.setup.fabric_id, tuple(progress.sizes_bytes), progress.base)
