"""Finds what differs between a disk here and its replica at the target, without sending the data.

The source asks the target for the digests of a region (xxh3-128 of every 64 KiB block; the last block of a
disk at its real length) while it reads the same region itself, or is told its digests by who can read it
where it lies, several questions ahead. Of the blocks whose digests differ it asks for those of their 4 KiB
pages. Zeros are digested like any other bytes. For ranges that are empty here it asks which blocks are not
empty there, so that comparing a disk costs only as much as the data of both sides.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Protocol

from ...ground.units import MiB
from .. import extents
from ..channel import Connection, messages
from ..cycles import header_checks
from ..digests import DigestCacheFile, DigestSource, hashes
from ..disks import Buffers
from ..errors import ProtocolViolated
from ..extents import BLOCK_BYTES, DIGEST_BYTES, PAGE_BYTES, Extent
from ..frames import Kind, codec
from .incoming_cycle import MOST_HELD, MOST_HELD_BYTES

REGION_BYTES: Final = 32 * MiB
"""Bytes of a disk that is read here that one question covers; its answer has 8 KiB."""

AHEAD: Final = 4
"""Questions in flight."""


Limit = Callable[[int], None]
"""Returns when so many more bytes may be read."""


def unlimited(_count: int) -> None:
    """The limit of what may be read as fast as possible."""


class ReadableDisk(Protocol):
    """A disk as comparing and sending need it; NbdDisk is one."""

    @property
    def size_bytes(self) -> int: ...

    def read_many(
        self, wanted: Iterable[Extent], buffers: Buffers | None = None
    ) -> Iterator[tuple[int, bytearray]]:
        """(offset, bytes) in order, in chunks of at most CHUNK_BYTES that end at its multiples."""
        ...

    def land(self) -> None:
        """Receive all answers in flight; call it before waiting for anything else."""
        ...


def differing(
    connection: Connection,
    index: int,
    size_bytes: int,
    digests: DigestSource,
    doubtful: Iterable[Extent],
    compared: Callable[[int], None],
    known: DigestCacheFile | None = None,
) -> list[Extent]:
    """The pages of `doubtful` that differ at the target, inside an open cycle; `index` is the disk's.

    Zero extents are compared without asking for their digests, and block by block. `compared` gets the length
    of each region that is done; it may raise, and answers are then still on their way. `known` learns which
    pages are the same.
    """
    comparison = _Comparison(connection, index, digests, known)
    whole = extents.align(doubtful, BLOCK_BYTES, size_bytes)
    for question in _questions(whole, connection.tells_what_it_holds, digests.most_bytes):
        comparison.ask(question)
        while comparison.open_questions >= AHEAD:
            compared(comparison.hear())
    while comparison.open_questions:
        compared(comparison.hear())
    return extents.merge(comparison.found)


@dataclass(frozen=True, slots=True)
class _Holes:
    """A question about extents that are zeros here: which of their blocks are not zeros there?"""

    zeros: tuple[Extent, ...]

    @property
    def length(self) -> int:
        return extents.total_bytes(self.zeros)


def _questions(doubtful: list[Extent], of_holes: bool, most_bytes: int) -> Iterator[Extent | _Holes]:
    """Regions to compare, in disk order. `of_holes`: the target is asked of all zeros in a window at once."""
    if not of_holes:
        yield from extents.split(doubtful, most_bytes)
        return
    yield from extents.split([each for each in doubtful if not each.zero], most_bytes)
    zeros = extents.split([each for each in doubtful if each.zero], MOST_HELD_BYTES)
    for _window, found in groupby(zeros, key=lambda each: each.offset // MOST_HELD_BYTES):
        yield _Holes(tuple(found))


@dataclass(frozen=True, slots=True)
class _Blocks:
    """A question about the pages of some blocks; `ours` are the digests of the source."""

    blocks: tuple[Extent, ...]
    ours: bytes


class _Comparison:
    """Questions and answers about one disk. Answers come in the order of the questions: first about the
    blocks of a region, then about the pages of its blocks that differ."""

    def __init__(
        self,
        connection: Connection,
        index: int,
        digests: DigestSource,
        known: DigestCacheFile | None,
    ) -> None:
        self._connection = connection
        self._index = index
        self._digests = digests
        self._known = known
        self._asked: deque[Extent | _Blocks | _Holes] = deque()
        self.found: list[Extent] = []

    @property
    def open_questions(self) -> int:
        return len(self._asked)

    def ask(self, question: Extent | _Holes) -> None:
        """Ask for the digests of a region's blocks, or for what is held where here are zeros."""
        name = "DIGESTS"
        offset, end = (question.offset, question.end) if isinstance(question, Extent) else (0, 0)
        if isinstance(question, _Holes):
            name, offset, end = "HELD", question.zeros[0].offset, question.zeros[-1].end
        self._connection.send_message(name, disk=self._index, offset=offset, length=end - offset)
        self._asked.append(question)

    def hear(self) -> int:
        """Read the next answer; gives how many bytes of the disk it completes."""
        question = self._asked.popleft()
        if isinstance(question, _Blocks):
            self._judge_pages(question)
            return 0
        if isinstance(question, _Holes):
            return self._judge_holes(question)
        self._judge_blocks(question)
        return question.length

    def _judge_holes(self, question: _Holes) -> int:
        """Judge an answer about zeros. Nothing is noted of blocks that are zeros at both sides: they cost
        nothing."""
        held, until = _held(self._connection, question.zeros[0].offset)
        left = extents.intersect(question.zeros, until, max(0, question.zeros[-1].end - until))
        done = extents.subtract(question.zeros, left)
        for extent in held:
            for part in extents.intersect(done, extent.offset, extent.length):
                self._differs(part)
        if left:
            self.ask(_Holes(tuple(left)))
        return extents.total_bytes(done)

    def _judge_blocks(self, region: Extent) -> None:
        pages = hashes.zero_pages(region.length) if region.zero else b""
        ours = hashes.zero_digests(region.length) if region.zero else b""
        if not region.zero:
            ours, pages = self._digests.tell(region)
        theirs = answer(self._connection, len(ours))
        unlike = []
        for start, end, at in _blocks(region):
            block = Extent(start, end - start, region.zero)
            its_pages = pages[_page_slice(region, block)]
            if ours[at : at + DIGEST_BYTES] == theirs[at : at + DIGEST_BYTES]:
                self._same(block, its_pages)
            elif region.zero:
                self._differs(block)
            elif theirs[at : at + DIGEST_BYTES] == hashes.ZERO_BLOCK_DIGEST:
                self._unlike_pages(block, its_pages, hashes.zero_pages(block.length))
            else:
                unlike.append((block, its_pages))
        if unlike:
            self._ask_pages(unlike)

    def _ask_pages(self, unlike: list[tuple[Extent, bytes]]) -> None:
        numbers = [block.offset // BLOCK_BYTES for block, _ in unlike]
        self._connection.send_message("PAGES", disk=self._index, blocks=numbers)
        ours = b"".join(pages for _, pages in unlike)
        self._asked.append(_Blocks(tuple(block for block, _ in unlike), ours))

    def _judge_pages(self, question: _Blocks) -> None:
        theirs = answer(self._connection, len(question.ours))
        at = 0
        for block in question.blocks:
            end = at + -(-block.length // PAGE_BYTES) * DIGEST_BYTES
            self._unlike_pages(block, question.ours[at:end], theirs[at:end])
            at = end

    def _unlike_pages(self, block: Extent, ours: bytes, theirs: bytes) -> None:
        for at in range(0, len(ours), DIGEST_BYTES):
            start = block.offset + at // DIGEST_BYTES * PAGE_BYTES
            page = Extent(start, min(PAGE_BYTES, block.end - start))
            if ours[at : at + DIGEST_BYTES] != theirs[at : at + DIGEST_BYTES]:
                self._differs(page)
            else:
                self._same(page, ours[at : at + DIGEST_BYTES])

    def _differs(self, extent: Extent) -> None:
        self.found.append(extent)
        if self._known is not None:  # what was known of it is wrong: it must be sent
            self._known.note(extent.offset, bytes(-(-extent.length // PAGE_BYTES) * DIGEST_BYTES))

    def _same(self, extent: Extent, pages: bytes) -> None:
        if self._known is not None:
            self._known.note(extent.offset, pages)


def _blocks(region: Extent) -> Iterator[tuple[int, int, int]]:
    """(start, end, place of its digest) of each block of a region."""
    for number, start in enumerate(range(region.offset, region.end, BLOCK_BYTES)):
        yield start, min(start + BLOCK_BYTES, region.end), number * DIGEST_BYTES


def _page_slice(region: Extent, block: Extent) -> slice:
    first = (block.offset - region.offset) // PAGE_BYTES
    return slice(first * DIGEST_BYTES, (first + -(-block.length // PAGE_BYTES)) * DIGEST_BYTES)


def reading(disk: ReadableDisk, limit: Limit = unlimited) -> DigestSource:
    """Digests by reading the disk; `limit` bounds how fast."""

    def read(region: Extent) -> tuple[bytes, bytes]:
        buffers, blocks, pages = Buffers(), [], []
        for _offset, raw in disk.read_many([region], buffers):
            limit(len(raw))
            blocks.append(hashes.block_digests(raw))
            pages.append(hashes.page_digests(raw))
            buffers.give(raw)
        return b"".join(blocks), b"".join(pages)

    return DigestSource(read, REGION_BYTES)


def _held(connection: Connection, start: int) -> tuple[list[Extent], int]:
    """What the target holds from `start` on, in disk order, and up to which byte its answer goes."""
    said = connection.receive_message("HELD").fields
    try:
        if (until := _place(said["until"])) <= start:
            raise ValueError(f"it was asked from {start} on, and told until {until}")
        pairs = header_checks.sequence(said["extents"], MOST_HELD)
        return [Extent(_place(offset), _place(length)) for offset, length in pairs], until
    except (KeyError, TypeError, ValueError) as problem:
        raise ProtocolViolated(
            f"the target did not say what it holds: {problem}", do="run the same release at both ends"
        ) from None


def _place(value: object) -> int:
    return header_checks.natural(value, header_checks.LARGEST_DISK_BYTES)


def answer(connection: Connection, expected_bytes: int) -> bytes:
    """That many bytes of digests; raises PeerRefused."""
    received = connection.receive()
    if received.header.kind is Kind.MESSAGE:
        messages.expect(received)
    codec.decode(received.header, received.payload)
    if received.header.kind is not Kind.DIGESTS or len(received.payload) != expected_bytes:
        raise ProtocolViolated(
            "the target answered with other digests", do="run the same release at both ends"
        )
    return bytes(received.payload)
