"""One cycle coming in: questions are answered, frames verified and passed on, the end checked."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Final

import xxhash

from . import codec, frames, frames_message, frames_runs
from .channel import Connection
from .cycle_file import CycleHeader, CycleWriter
from .errors import DatapathError, FrameDamaged, ProtocolViolated
from .extents import Extent
from .frames import Frame, Kind
from .frames_message import Message, Received
from .receiver_ahead import Ahead
from .receiver_door import Refused, ReplicaDoor, Write
from .units import BLOCK_BYTES, DIGEST_BYTES, PAGE_BYTES

log = logging.getLogger(__name__)

MOST_BLOCKS: Final = 1024
"""The most blocks that one question about pages may name."""


class Reception:
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
        with Ahead(content for _received, content in self._content(fresh=True)) as ahead:
            write(self._until_broken(ahead), lambda: self.whole)
        if self._problem is not None:
            raise self._problem

    def _until_broken(self, ahead: Ahead) -> Iterator[Frame]:
        """All frames up to the end, or to where it broke off."""
        try:
            yield from ahead
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
