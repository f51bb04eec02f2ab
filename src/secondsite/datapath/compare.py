"""Find what differs between a disk here and its replica there without sending it.

The source asks the target for the digests of a region (xxh3-128 of every 64 KiB block; the last block of a
disk at its real length) while it reads the same region itself, several questions ahead, and keeps the blocks
whose digests differ. A block of zeros is digested like any other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from . import codec, extents, frames_message
from .channel import Connection
from .errors import ProtocolViolated
from .extents import Extent
from .frames import Kind
from .nbd_disk_buffers import Buffers
from .units import BLOCK_BYTES, DIGEST_BYTES, MiB

REGION_BYTES: Final = 32 * MiB
"""What one question covers; its answer has 8 KiB."""

AHEAD: Final = 4
"""Questions in flight."""

ZERO_BLOCK_DIGEST: Final = codec.digest(bytes(BLOCK_BYTES))


class ReadableDisk(Protocol):
    """What comparing and sending need of a disk; NbdDisk is one."""

    @property
    def size_bytes(self) -> int: ...

    def read_many(
        self, wanted: Iterable[Extent], buffers: Buffers | None = None
    ) -> Iterator[tuple[int, bytearray]]:
        """(offset, bytes) in order, in chunks of at most CHUNK_BYTES that end at its multiples."""
        ...


def block_digests(raw: bytes | bytearray | memoryview, block_bytes: int = BLOCK_BYTES) -> bytes:
    """16 bytes for each block of `raw`, the last of which may be short."""
    view = memoryview(raw)
    return b"".join(codec.digest(view[at : at + block_bytes]) for at in range(0, len(view), block_bytes))


def zero_digests(length: int) -> bytes:
    """What `block_digests` gives for so many zero bytes."""
    whole, rest = divmod(length, BLOCK_BYTES)
    return ZERO_BLOCK_DIGEST * whole + (codec.digest(bytes(rest)) if rest else b"")


def differing(
    connection: Connection,
    index: int,
    disk: ReadableDisk,
    doubtful: Iterable[Extent],
    compared: Callable[[int], None],
) -> list[Extent]:
    """The blocks of `doubtful` that differ at the target, inside an open cycle; `index` is the disk's.

    Zero extents are compared without reading them. `compared` gets the length of each region that
    is done; it may raise, and answers are then still on their way.
    """
    regions = extents.split(extents.align(doubtful, BLOCK_BYTES, disk.size_bytes), REGION_BYTES)
    asked: deque[Extent] = deque()
    found: list[Extent] = []
    for region in regions:
        connection.send_message("DIGESTS", disk=index, offset=region.offset, length=region.length)
        asked.append(region)
        if len(asked) >= AHEAD:
            found += _unlike(connection, disk, asked[0])
            compared(asked.popleft().length)
    for region in asked:
        found += _unlike(connection, disk, region)
        compared(region.length)
    return extents.merge(found)


def _unlike(connection: Connection, disk: ReadableDisk, region: Extent) -> Iterator[Extent]:
    """Read the answer for one region, and give its blocks that differ."""
    ours = zero_digests(region.length) if region.zero else _read_digests(disk, region)
    theirs = _answer(connection, len(ours))
    for number in range(len(ours) // DIGEST_BYTES):
        at = number * DIGEST_BYTES
        if ours[at : at + DIGEST_BYTES] != theirs[at : at + DIGEST_BYTES]:
            start = region.offset + number * BLOCK_BYTES
            yield Extent(start, min(BLOCK_BYTES, region.end - start), region.zero)


def _read_digests(disk: ReadableDisk, region: Extent) -> bytes:
    buffers, parts = Buffers(), []
    for _offset, raw in disk.read_many([region], buffers):
        parts.append(block_digests(raw))
        buffers.give(raw)
    return b"".join(parts)


def _answer(connection: Connection, expected_bytes: int) -> bytes:
    received = connection.receive()
    if received.header.kind is Kind.MESSAGE:
        frames_message.expect(received)
    codec.decode(received.header, received.payload)
    if received.header.kind is not Kind.DIGESTS or len(received.payload) != expected_bytes:
        raise ProtocolViolated(
            "the target answered with other digests", do="run the same release at both ends"
        )
    return bytes(received.payload)
