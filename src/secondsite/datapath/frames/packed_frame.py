"""Many small ranges of one disk in one frame: scattered writes share a header, a digest and a compressed
payload.

    raw bytes = count u32 | count x (gap u64, length u32) | the data of the ranges, in order      (little endian)

A gap counts from the end of the range before, the first from the frame's offset; the top bit of a length
marks a range of zeros, which has no data. The frame is of kind RANGES and otherwise like one of data: its
digest covers table and data.
"""  # noqa: E501

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from ..digests import hashes
from ..errors import FrameDamaged
from ..extents import CHUNK_BYTES
from . import codec
from .compression import Choice
from .frame import EncodedFrame, Frame, Header, Kind

COUNT: Final = struct.Struct("<I")
ENTRY: Final = struct.Struct("<QI")
ZERO: Final = 1 << 31
_DISK_END: Final = 1 << 63

Range = tuple[int, int, memoryview | None]
"""(offset, length, data); None for zeros."""


_ALWAYS: Final = Choice()
"""Small writes are compressed on every link: they are few bytes and not worth measuring."""


def encode(disk: int, ranges: Sequence[Range]) -> EncodedFrame:
    """The frame of sorted ranges that do not overlap; its `length` counts the data alone."""
    at = base = ranges[0][0]
    table = [COUNT.pack(len(ranges))]
    for offset, length, data in ranges:
        table.append(ENTRY.pack(offset - at, length | (ZERO if data is None else 0)))
        at = offset + length
    pieces = [data for _, _, data in ranges if data is not None]
    frame = codec.encode_data(_ALWAYS, disk, base, memoryview(b"".join((*table, *pieces))), Kind.RANGES)
    zeros = sum(length for _, length, data in ranges if data is None)
    return frame._replace(length=sum(map(len, pieces)), zero_length=zeros)


def decode(header: Header, payload: hashes.Bytes) -> list[Frame]:
    """The writes in a verified frame, be it one piece or many ranges; raises FrameDamaged."""
    whole = codec.decode(header, payload)
    if header.kind is not Kind.RANGES:
        return [whole]
    try:
        return _split(header, memoryview(whole.data))
    except (struct.error, ValueError):
        raise FrameDamaged(
            f"the ranges of the frame at {header.offset} of disk {header.disk} do not fit their table",
            do="run the same release at both ends",
        ) from None


def _split(header: Header, raw: memoryview) -> list[Frame]:
    (count,) = COUNT.unpack_from(raw)
    data_at = COUNT.size + count * ENTRY.size
    at, found = header.offset, []
    for gap, marked in ENTRY.iter_unpack(raw[COUNT.size : data_at]):
        length, zero = marked & ~ZERO, bool(marked & ZERO)
        at += gap
        data = raw[data_at : data_at + length] if not zero else b""
        if not 0 < length <= CHUNK_BYTES or at + length > _DISK_END or (not zero and len(data) != length):
            raise ValueError("a range is out of bounds")
        found.append(Frame(header.disk, at, length, zero, data))
        at += length
        data_at += len(data)
    if data_at != len(raw) or len(found) != count or not count:
        raise ValueError("the table does not cover the data")
    return found


class Packer:
    """Gathers ranges of one disk until a frame is full."""

    def __init__(self) -> None:
        self._ranges: list[Range] = []
        self._bytes = COUNT.size
        self.disk = 0

    def fits(self, disk: int, part: Range) -> bool:
        """Whether `part` may be added to what was gathered."""
        return not self._ranges or (disk == self.disk and self._bytes + _bytes_of(part) <= CHUNK_BYTES)

    def add(self, disk: int, part: Range) -> None:
        """Take a range; its data must stay as it is until `take` has been encoded."""
        self.disk = disk
        self._ranges.append(part)
        self._bytes += _bytes_of(part)

    def take(self) -> list[Range]:
        """All ranges so far; the packer is empty after it."""
        ranges, self._ranges, self._bytes = self._ranges, [], COUNT.size
        return ranges


def _bytes_of(part: Range) -> int:
    return ENTRY.size + (len(part[2]) if part[2] is not None else 0)
