"""Receives one cycle: answers questions, verifies frames and passes them on, checks the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import structlog
import xxhash

from ...ground.plural import counted
from ...ground.units import GiB
from ..channel import Connection, Message, ReceivedFrame, messages
from ..cycles import CycleDisk, CycleHeader, CycleWriter, header_checks
from ..errors import CycleRefused, DatapathError, FrameDamaged, ProtocolViolated
from ..extents import BLOCK_BYTES, DIGEST_BYTES, PAGE_BYTES, Extent
from ..frames import Frame, Kind, codec, packed_frame
from ..frames import frame as frames
from .admission import CycleAdmission, Write
from .read_ahead import ReadAhead

log = structlog.get_logger(__name__)

MOST_ASKED_BYTES: Final = 1 * GiB
"""The most of a disk that one question about digests may be about; the answer has 256 KiB."""
MOST_BLOCKS: Final = 1024
"""The most blocks that one question about pages may name."""
MOST_HELD_BYTES: Final = 64 * GiB
"""The largest range of a disk that one question about what is held may cover."""
MOST_HELD: Final = 12288
"""The most extents in an answer to such a question; the rest is asked for again."""


class IncomingCycle:
    """One incoming cycle. Invariant: frames are verified before they are passed on."""

    def __init__(self, connection: Connection, header: CycleHeader, admission: CycleAdmission) -> None:
        self._connection = connection
        self._header = header
        self._admission = admission
        self._next: ReceivedFrame | None = None
        self._frames = 0
        self._digest = xxhash.xxh3_128()
        self._problem: DatapathError | None = None
        self.cut = connection.cut
        self.whole = False
        """Whether the cycle arrived whole and correct."""

    def answer_questions(self) -> None:
        """Answer questions until the first frame, or the end, arrives."""
        if self._next is not None:
            return
        while (received := self._connection.receive(fresh=True)).header.kind not in frames.CONTENT:
            message = messages.expect(received, "DIGESTS", "HELD", "PAGES", "END", "ABORT")
            if message.name == "DIGESTS":
                self.answer(message)
            elif message.name == "HELD":
                self._answer_held(message)
            elif message.name == "PAGES":
                self._answer_pages(message)
            else:
                break
        self._next = received

    def keep(self, writer: CycleWriter, left_bytes: int | None) -> None:
        """Write what arrives to a file of at most `left_bytes` bytes."""
        self.answer_questions()
        for received, _content in self._content(fresh=False):
            if left_bytes is not None and writer.file_bytes + len(received.payload) > left_bytes:
                raise inbox_full()
            writer.add(received)

    def write(self, write: Write) -> None:
        """Write what arrives to the replica; afterwards raises the error that ended the cycle early, if
        any."""
        with ReadAhead(content for _received, content in self._content(fresh=True)) as ahead:
            write(self._until_broken(ahead), lambda: self.whole)
        if self._problem is not None:
            raise self._problem

    def _until_broken(self, ahead: ReadAhead) -> Iterator[Frame]:
        """All frames up to the end, or up to the error."""
        try:
            yield from ahead
        except DatapathError as problem:
            self._problem = problem

    def _content(self, fresh: bool) -> Iterator[tuple[ReceivedFrame, list[Frame]]]:
        """Verified frames until END (then it is whole) or ABORT. Unless `fresh` each is valid until the
        next."""
        while True:
            received, self._next = self._next or self._connection.receive(fresh=fresh), None
            if received.header.kind not in frames.CONTENT:
                break
            content = packed_frame.decode(received.header, received.payload)
            for frame in content:
                self._check_bounds(frame)
            self._frames += 1
            self._digest.update(received.head)
            yield received, content
        message = messages.expect(received, "END", "ABORT")
        if message.name == "ABORT":
            log.info(
                "cycle.given-up", epoch=self._header.epoch, seq=self._header.seq, reason=str(message.fields)
            )
        else:
            self._check_end(message)

    def _check_bounds(self, frame: Frame) -> None:
        disks = self._header.disks
        if frame.disk >= len(disks) or frame.offset + frame.length > disks[frame.disk].size_bytes:
            raise ProtocolViolated(
                f"a frame lies outside disk {frame.disk}", do="run the same release at both ends"
            )

    def answer(self, question: Message) -> None:
        """Answer a question about digests."""
        disk, offset, length = self._place_in(question, MOST_ASKED_BYTES)
        found = self._admission.digests(self._header.machine_id, disk.key, offset, length, BLOCK_BYTES)
        if len(found) != -(-length // BLOCK_BYTES) * DIGEST_BYTES:
            raise CycleRefused(
                "digests-missing", f"no digests of {disk.key} at {offset}", do="send the disk in full"
            )
        self._connection.send(codec.encode_plain(Kind.DIGESTS, found))

    def _answer_held(self, question: Message) -> None:
        """Which blocks of a range hold anything but zeros."""
        disk, offset, length = self._place_in(question, MOST_HELD_BYTES)
        found = self._admission.held(self._header.machine_id, disk.key, offset, length)
        told, until = found[:MOST_HELD], offset + length
        if len(found) > MOST_HELD:
            until = told[-1].end
        self._connection.send_message(
            "HELD", until=until, extents=[(each.offset, each.length) for each in told]
        )

    def _place_in(self, question: Message, most_bytes: int) -> tuple[CycleDisk, int, int]:
        """(disk, offset, length) of a question."""
        try:
            disk = self._disk_of(question)
            offset = header_checks.natural(question.fields["offset"], disk.size_bytes)
            length = header_checks.natural(
                question.fields["length"], min(most_bytes, disk.size_bytes - offset)
            )
        except (KeyError, ValueError) as problem:
            raise ProtocolViolated(
                f"a question about digests names no part of a disk: {problem}", do="run the same release"
            ) from None
        return disk, offset, length

    def _answer_pages(self, question: Message) -> None:
        try:
            disk = self._disk_of(question)
            numbers = header_checks.sequence(question.fields["blocks"], MOST_BLOCKS)
            blocks = [_block(number, disk.size_bytes) for number in numbers]
        except (KeyError, ValueError) as problem:
            raise ProtocolViolated(
                f"a question about pages names no blocks of a disk: {problem}", do="run the same release"
            ) from None
        found = self._admission.pages(self._header.machine_id, disk.key, blocks)
        if len(found) != sum(-(-block.length // PAGE_BYTES) for block in blocks) * DIGEST_BYTES:
            raise CycleRefused("digests-missing", f"no digests of {disk.key}", do="send the disk in full")
        self._connection.send(codec.encode_plain(Kind.DIGESTS, found))

    def _disk_of(self, question: Message) -> CycleDisk:
        disks = self._header.disks
        return disks[header_checks.natural(question.fields["disk"], len(disks) - 1)]

    def _check_end(self, end: Message) -> None:
        if end.fields != {"frames": self._frames, "digest": self._digest.hexdigest()}:
            raise FrameDamaged(
                f"{counted(self._frames, 'frame')} arrived, but the digest is not the sender's",
                do="send the cycle again",
            )
        self.whole = True


def inbox_full() -> CycleRefused:
    return CycleRefused(
        "inbox-full", "the target's inbox is full", do="nothing: it is sent again once cycles were applied"
    )


def _block(number: object, size_bytes: int) -> Extent:
    """The block of that number; raises ValueError if the disk has none."""
    start = header_checks.natural(number, (size_bytes - 1) // BLOCK_BYTES) * BLOCK_BYTES
    return Extent(start, min(BLOCK_BYTES, size_bytes - start))
