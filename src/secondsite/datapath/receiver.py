"""The target's half of a cycle: take it in as one durable file, or refuse it with a reason.

Frames are verified before they are written, and written as they came. The file appears under its name only
when it is complete, fsynced, and its digest is the sender's; then the sender gets its ACK. A broken
connection leaves nothing.

Where there is no instant to protect, as in a pass over whole disks, the door may take the frames straight into the
replica: they are written once, and the ACK says that they are durable there. What a broken connection leaves of such
a cycle is sent again.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import xxhash

from . import codec, cycle_file, frames, frames_message, frames_runs, memory
from .channel import Connection
from .cycle_file import CycleHeader, CycleWriter
from .errors import DatapathError, FrameDamaged, PeerSilent, PeerUnreachable, ProtocolViolated
from .extents import Extent
from .frames import Frame, Kind
from .frames_message import Message, Received
from .units import BLOCK_BYTES, DIGEST_BYTES, PAGE_BYTES

log = logging.getLogger(__name__)

DRAIN_SECONDS: Final = 10
MOST_BLOCKS: Final = 1024
"""The most blocks that one question about pages may name."""
_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Refused(DatapathError):
    """The door, or the receiver itself, does not take this cycle; travels to the sender as PeerRefused."""

    def __init__(self, code: str, message: str, *, do: str) -> None:
        super().__init__(message, do=do)
        self.code = code


@dataclass(frozen=True, slots=True)
class Accept:
    """Where a cycle goes. `already`: it was received (and maybe applied) before. `budget_bytes`: the most that
    the inbox may hold with this cycle in it. `straight`: the door may take its frames itself, see `ReplicaDoor.straight`."""

    inbox_dir: Path
    already: bool = False
    budget_bytes: int | None = None
    straight: bool = False


Write = Callable[[Iterator[Frame], Callable[[], bool]], None]
"""Makes frames durable in a replica. Once they end it asks whether the cycle came whole; if not, the cycle does not
count as processed."""


class ReplicaDoor(Protocol):
    """What the owner of the replicas supplies. Called from connection threads, several at a time."""

    def accept(self, peer_name: str, header: CycleHeader) -> Accept:
        """Whether this peer may send this cycle, and where to; raises Refused."""
        ...

    def digests(self, machine_id: str, disk_key: str, offset: int, length: int, block_bytes: int) -> bytes:
        """16 bytes for each block of the range, as the replica is with everything applied that was received
        before this cycle; raises Refused while something is not. Stale digests would hide blocks that a waiting
        cycle is about to change."""
        ...

    def pages(self, machine_id: str, disk_key: str, blocks: Sequence[Extent]) -> bytes:
        """16 bytes for each 4 KiB page of these blocks, in their order; else like `digests`."""
        ...

    def straight(
        self, header: CycleHeader, cut: Callable[[], None]
    ) -> AbstractContextManager[Write | None]:
        """How this cycle is written straight to the replica, or None: then it goes through the inbox. Who needs the
        replica meanwhile may call `cut`, from another thread: the cycle ends where it is. Raises Refused."""
        ...

    def arrived(self, header: CycleHeader, path: Path) -> None:
        """The cycle is durable; the sender has no ACK yet. Comes again when the sender repeats the cycle."""
        ...


def serve(connection: Connection, door: ReplicaDoor, between_seconds: float = 300) -> None:
    """Take cycles from one peer until it goes away, or sends none for `between_seconds`: a Listener's handler."""
    memory.keep_for_reuse()
    try:
        while True:
            begin = connection.receive_message("BEGIN", within_seconds=between_seconds)
            receive_cycle(connection, CycleHeader.from_json(begin.fields.get("header", {})), door)
    except (PeerUnreachable, PeerSilent) as gone:
        log.debug("peer %s ended: %s", connection.peer_name, gone.message)


def receive_cycle(connection: Connection, header: CycleHeader, door: ReplicaDoor) -> Path | None:
    """Receive the cycle that BEGIN announced; gives its durable file, or None if it was refused, given up by
    the sender, held already, or written straight to the replica. Raises DatapathError if the connection can serve no further."""
    try:
        accept = door.accept(connection.peer_name, header)
        already = accept.already or _held(accept.inbox_dir, header, door)
    except DatapathError as refused:
        _refuse(connection, refused)
        return None
    connection.send_message("ACCEPT", already=already)
    if already:
        return None
    try:
        return _receive(connection, header, accept, door)
    except (PeerUnreachable, PeerSilent):
        raise
    except DatapathError as problem:
        log.warning("cycle %s-%s of %s: %s", header.epoch, header.seq, header.machine_id, problem)
        _refuse(connection, problem)
        connection.drain(DRAIN_SECONDS)
        raise


def _held(inbox_dir: Path, header: CycleHeader, door: ReplicaDoor) -> bool:
    """Whether this very cycle is in the inbox; the door hears of it again, in case it missed it. Raises Refused
    if another take has its number."""
    path = cycle_file.path_of(inbox_dir, header.epoch, header.seq)
    if not path.exists():
        return False
    held, _content = cycle_file.read(path)
    if held.taken_at != header.taken_at:
        raise Refused(
            "cycle-conflict",
            f"cycle {header.epoch}-{header.seq} was received as taken at {held.taken_at}, not {header.taken_at}",
            do="give the new take the next seq",
        )
    door.arrived(header, path)
    return True


def _refuse(connection: Connection, problem: DatapathError) -> None:
    connection.send_message("REFUSE", code=problem.code, message=problem.message, do=problem.do)


def _receive(connection: Connection, header: CycleHeader, accept: Accept, door: ReplicaDoor) -> Path | None:
    reception = _Reception(connection, header, door)
    path = _straight(reception, header, accept, door) if accept.straight else _to_inbox(reception, header, accept)
    if not reception.whole:
        connection.send_message("ABORTED")
        return None
    if path is not None:
        door.arrived(header, path)
    connection.send_message("ACK", epoch=header.epoch, seq=header.seq)
    return path


def _straight(reception: _Reception, header: CycleHeader, accept: Accept, door: ReplicaDoor) -> Path | None:
    """None, unless the cycle took the way through the inbox after all."""
    reception.answer_questions()
    with door.straight(header, reception.cut) as write:
        if write is None:
            return _to_inbox(reception, header, accept)
        reception.write(write)
    return None


def _to_inbox(reception: _Reception, header: CycleHeader, accept: Accept) -> Path | None:
    """The cycle's durable file; None if the sender gave it up."""
    try:
        writer = CycleWriter(accept.inbox_dir, header)
        try:
            reception.keep(writer, _room(accept))
            return writer.commit() if reception.whole else None
        finally:
            writer.discard()
    except OSError as problem:
        raise _store_problem(accept.inbox_dir, problem) from None


def _room(accept: Accept) -> int | None:
    if accept.budget_bytes is None:
        return None
    return accept.budget_bytes - cycle_file.held_bytes(accept.inbox_dir)


def _store_problem(inbox_dir: Path, problem: OSError) -> Refused:
    if problem.errno in _NO_ROOM:
        return Refused(
            "target-disk-full",
            f"the store of {inbox_dir} is full",
            do="add space at the target or keep fewer points",
        )
    return Refused(
        "store-unwritable", f"{inbox_dir} cannot be written: {problem}", do="check the target's store"
    )


class _Reception:
    """One cycle coming in. Invariant: what was passed on was verified."""

    def __init__(self, connection: Connection, header: CycleHeader, door: ReplicaDoor) -> None:
        self._connection = connection
        self._header = header
        self._door = door
        self._next: Received | None = None
        self._frames = 0
        self._digest = xxhash.xxh3_128()
        self._problem: DatapathError | None = None
        self.cut = connection.cut
        self.whole = False
        """Whether all of it came and is right."""

    def answer_questions(self) -> None:
        """Return when the first frame, or the end, has come."""
        if self._next is not None:
            return
        while (received := self._connection.receive(fresh=True)).header.kind not in frames.CONTENT:
            message = frames_message.expect(received, "DIGESTS", "PAGES", "END", "ABORT")
            if message.name == "DIGESTS":
                self._answer(message)
            elif message.name == "PAGES":
                self._answer_pages(message)
            else:
                break
        self._next = received

    def keep(self, writer: CycleWriter, room: int | None) -> None:
        """Write what comes to a file of at most `room` bytes."""
        self.answer_questions()
        for received, _content in self._content(fresh=False):
            if room is not None and writer.file_bytes + len(received.payload) > room:
                raise Refused(
                    "inbox-full",
                    "the target's inbox is full",
                    do="nothing: it is sent again when cycles were applied",
                )
            writer.add(received)

    def write(self, write: Write) -> None:
        """Have what comes written to the replica; raises why it did not come whole once that is done."""
        write(self._until_broken(), lambda: self.whole)
        if self._problem is not None:
            raise self._problem

    def _until_broken(self) -> Iterator[Frame]:
        """All frames up to the end, or to where it broke off."""
        try:
            for _received, content in self._content(fresh=True):
                yield from content
        except DatapathError as problem:
            self._problem = problem

    def _content(self, fresh: bool) -> Iterator[tuple[Received, list[Frame]]]:
        """Verified frames until END (then it is whole) or ABORT. Unless `fresh` each is valid until the next."""
        while True:
            received, self._next = self._next or self._connection.receive(fresh=fresh), None
            if received.header.kind not in frames.CONTENT:
                break
            content = frames_runs.decode(received.header, received.payload)
            for frame in content:
                self._check_bounds(frame)
            self._frames += 1
            self._digest.update(received.head)
            yield received, content
        message = frames_message.expect(received, "END", "ABORT")
        if message.name == "ABORT":
            log.info("cycle %s-%s was given up: %s", self._header.epoch, self._header.seq, message.fields)
        else:
            self._check_end(message)

    def _check_bounds(self, frame: Frame) -> None:
        disks = self._header.disks
        if frame.disk >= len(disks) or frame.offset + frame.length > disks[frame.disk].size_bytes:
            raise ProtocolViolated(
                f"a frame lies outside disk {frame.disk}", do="run the same release at both ends"
            )

    def _answer(self, question: Message) -> None:
        try:
            disk = self._header.disks[int(question.fields["disk"])]
            offset, length = int(question.fields["offset"]), int(question.fields["length"])
        except (KeyError, IndexError, TypeError, ValueError):
            raise ProtocolViolated(
                "a question about digests names no disk", do="run the same release"
            ) from None
        found = self._door.digests(self._header.machine_id, disk.key, offset, length, BLOCK_BYTES)
        if len(found) != -(-length // BLOCK_BYTES) * DIGEST_BYTES:
            raise Refused(
                "digests-missing", f"no digests of {disk.key} at {offset}", do="send the disk in full"
            )
        self._connection.send(codec.encode_plain(Kind.DIGESTS, found))

    def _answer_pages(self, question: Message) -> None:
        try:
            disk = self._header.disks[int(question.fields["disk"])]
            blocks = [_block(int(number), disk.size_bytes) for number in question.fields["blocks"]]
        except (KeyError, IndexError, TypeError, ValueError):
            raise ProtocolViolated(
                "a question about pages names no blocks of a disk", do="run the same release"
            ) from None
        if len(blocks) > MOST_BLOCKS:
            raise ProtocolViolated("a question is about too many blocks", do="run the same release")
        found = self._door.pages(self._header.machine_id, disk.key, blocks)
        if len(found) != sum(-(-block.length // PAGE_BYTES) for block in blocks) * DIGEST_BYTES:
            raise Refused("digests-missing", f"no digests of {disk.key}", do="send the disk in full")
        self._connection.send(codec.encode_plain(Kind.DIGESTS, found))

    def _check_end(self, end: Message) -> None:
        if end.fields != {"frames": self._frames, "digest": self._digest.hexdigest()}:
            raise FrameDamaged(
                f"{self._frames} frames arrived, their digest is not the sender's",
                do="send the cycle again",
            )
        self.whole = True


def _block(number: int, size_bytes: int) -> Extent:
    """The block of that number; raises ValueError if the disk has none."""
    start = number * BLOCK_BYTES
    if not 0 <= start < size_bytes:
        raise ValueError(number)
    return Extent(start, min(BLOCK_BYTES, size_bytes - start))
