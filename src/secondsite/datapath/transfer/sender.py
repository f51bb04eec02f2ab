"""The source's half of a cycle: offer it, compare what is doubtful, send what changed, wait until it is
durable.

    (OFFER > ACCEPT) > BEGIN > ACCEPT > (DIGESTS | PAGES > digests)* > data frames > END > ACK

A REFUSE may come at any moment. When the source gives up (cancelled, disk unreadable) it sends ABORT, the
target answers ABORTED, and the connection can carry the next cycle."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import xxhash

from ...ground.processes import malloc
from .. import extents
from ..channel import Connection, Pressure, messages
from ..cycles import CycleHeader
from ..digests import DigestCacheFile, DigestSource
from ..errors import Cancelled, DatapathError, DiskUnreadable
from ..extents import Extent
from ..frames import Choice, EncodedFrame, Kind
from . import compare
from .compare import ReadableDisk
from .pump import Pump, Work

ACK_SECONDS: Final = 180
"""How long the target may take to make the last bytes durable."""


@dataclass(frozen=True, slots=True)
class DiskPlan:
    """A disk's part of a cycle: `changed` is sent, of `compare` only the pages that differ at the target.
    Pages that the target has according to `known` are not sent; `known` learns those that this cycle
    brings. `digests` tells what is to be compared, where it need not be read for that."""

    disk: ReadableDisk
    key: str
    changed: Sequence[Extent] = ()
    compare: Sequence[Extent] = ()
    known: DigestCacheFile | None = None
    digests: DigestSource | None = None


@dataclass(frozen=True, slots=True)
class CycleResult:
    """What a durable cycle took. `already`: the target had it, nothing was sent. `changed_bytes` were new
    to the target: data and zeros."""

    changed_bytes: int = 0
    sent_raw_bytes: int = 0
    wire_bytes: int = 0
    zero_bytes: int = 0
    compared_bytes: int = 0
    differing_bytes: int = 0
    seconds: float = 0.0
    digest: str = ""
    already: bool = False


@dataclass(slots=True)
class _Tally:
    frames: int = 0
    raw_bytes: int = 0
    zero_bytes: int = 0
    digest: xxhash.xxh3_128 = field(default_factory=xxhash.xxh3_128)

    def add(self, frame: EncodedFrame) -> None:
        self.frames += 1
        self.digest.update(frame.head)
        self.zero_bytes += frame.length if frame.zero else frame.zero_length
        self.raw_bytes += 0 if frame.zero else frame.length


@dataclass(slots=True)
class _Watch:
    """Reports progress to the caller, and asks it whether to go on."""

    cancelled: Callable[[], bool]
    progress: Callable[[int], None]
    bytes_done: int = 0

    def done(self, count: int) -> None:
        self.bytes_done += count
        self.progress(self.bytes_done)
        if self.cancelled():
            raise Cancelled(
                "the cycle was cancelled", do="nothing; the next cycle sends what this one did not"
            )


def offer(connection: Connection, header: CycleHeader, *, parts: bool) -> bool:
    """Ask whether the target would take a cycle like this one; True if it has one of this number already.
    `parts`: it is a part of a pass. A target of an older release is not asked. Raises PeerRefused with the
    target's code, PeerSilent, PeerUnreachable; if it raises nothing, the connection can carry the cycle."""
    if not connection.takes_offers:
        return False
    connection.between_cycles = False
    connection.send_message("OFFER", header=header.to_json(), parts=parts)
    already = bool(connection.receive_message("ACCEPT").fields.get("already"))
    connection.between_cycles = True
    return already


def send_cycle(
    connection: Connection,
    header: CycleHeader,
    disks: Sequence[DiskPlan],
    *,
    cancelled: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] = lambda _bytes_done: None,
    choice: Choice | None = None,
    delta: bool = False,
    holds: Callable[[], bool] = lambda: True,
    limit: compare.Limit = compare.unlimited,
) -> CycleResult:
    """Send one cycle; when this returns it is durable at the target.

    `disks` are in the order of `header.disks`. `progress` gets the bytes done so far, compared and sent;
    `cancelled` is asked as often. A `choice` that is kept for the peer passes measurements of the link to
    the next cycle. `delta`: the cycle has only changes, which are compressed up to a larger size. `holds`
    is asked after the last read: False gives the cycle up. `limit` bounds how fast disks are read for a
    comparison. Raises Cancelled, DiskUnreadable (the
    connection stays good); PeerRefused with the target's code, PeerSilent, PeerUnreachable (close the
    connection)."""
    malloc.keep_for_reuse()
    _check_keys(header, disks)
    began, wire_before = time.monotonic(), connection.wire_bytes
    connection.between_cycles = False
    connection.send_message("BEGIN", header=header.to_json())
    if connection.receive_message("ACCEPT").fields.get("already"):
        connection.between_cycles = True
        return CycleResult(seconds=time.monotonic() - began, already=True)
    watch = _Watch(cancelled, progress)
    try:
        watch.done(0)
        differing = _compare(connection, disks, watch, limit)
        work = [
            Work(number, plan.disk, extents.union(plan.changed, differing[number]), plan.known)
            for number, plan in enumerate(disks)
        ]
        tally = _send_frames(connection, work, choice or Choice(), delta, watch)
        watch.done(0)  # whoever cancels may end the view at once: nothing read after that may count
        if not holds():
            raise Cancelled("the disks were written while they were read", do="nothing; they are read again")
    except (Cancelled, DiskUnreadable) as problem:
        _abort(connection, problem.message)
        raise
    digest = tally.digest.hexdigest()
    connection.send_message("END", frames=tally.frames, digest=digest)
    connection.receive_message("ACK", within_seconds=ACK_SECONDS)
    connection.between_cycles = True
    return CycleResult(
        changed_bytes=tally.raw_bytes + tally.zero_bytes,
        sent_raw_bytes=tally.raw_bytes,
        wire_bytes=connection.wire_bytes - wire_before,
        zero_bytes=tally.zero_bytes,
        compared_bytes=sum(extents.total_bytes(plan.compare) for plan in disks),
        differing_bytes=sum(extents.total_bytes(found) for found in differing),
        seconds=time.monotonic() - began,
        digest=digest,
    )


def _abort(connection: Connection, reason: str) -> None:
    """Give up the cycle and read all messages in flight; close the connection if that fails."""
    try:
        connection.send_message("ABORT", reason=reason)
        while (received := connection.receive()).header.kind is Kind.DIGESTS:
            continue
        messages.expect(received, "ABORTED")
        connection.between_cycles = True
    except DatapathError:
        connection.close()


def _check_keys(header: CycleHeader, disks: Sequence[DiskPlan]) -> None:
    if [plan.key for plan in disks] != [disk.key for disk in header.disks]:
        raise ValueError("the plans must name the header's disks in its order")


def _compare(
    connection: Connection, disks: Sequence[DiskPlan], watch: _Watch, limit: compare.Limit
) -> list[list[Extent]]:
    """For each disk, the differing pages of the extents to compare, without extents that are sent anyway."""
    return [
        compare.differing(
            connection,
            number,
            plan.disk.size_bytes,
            plan.digests or compare.reading(plan.disk, limit),
            extents.subtract(plan.compare, plan.changed),
            watch.done,
            plan.known,
        )
        for number, plan in enumerate(disks)
    ]


def _send_frames(
    connection: Connection, work: Sequence[Work], choice: Choice, delta: bool, watch: _Watch
) -> _Tally:
    tally = _Tally()
    data_bytes = sum(extents.total_bytes(e for e in item.extents if not e.zero) for item in work)
    choice.begin(data_bytes, delta=delta, link=Pressure(connection.socket).share)
    with Pump(work, choice, watch.done) as pump:
        for frame in pump:
            _send(connection, frame, choice)
            tally.add(frame)
    return tally


def _send(connection: Connection, frame: EncodedFrame, choice: Choice) -> None:
    """Send one frame, unless the target has refused the rest."""
    if connection.has_input():
        connection.receive_message("REFUSE")
    try:
        connection.send(frame)
    except DatapathError:
        if connection.has_input():  # a refusal says more than the broken pipe that came after it
            connection.receive_message("REFUSE")
        raise
    if not frame.zero and frame.kind is Kind.DATA:
        choice.sent(frame.length, frame.wire_bytes)
