"""The frame: the one shape of what travels between appliances and of what lies in a cycle file.

A frame is a header of 48 bytes and a payload. The header carries the xxh3-128 of the raw bytes and ends
with a checksum of itself, so that neither a flipped bit in an offset nor one in the data passes. Lengths
are checked against limits before anything is allocated.

    "SF" | kind u8 | packing u8 | disk u16 | 0 u16 | offset u64 | raw length u32 | payload length u32
         | xxh3-128 of the raw bytes, 16 | xxh3-64 of all before, u64            (little endian)
"""

from __future__ import annotations

import enum
import struct
from typing import Final, NamedTuple

import xxhash

from ...ground.units import GiB, MiB
from ..errors import FrameDamaged
from ..extents import CHUNK_BYTES, DIGEST_BYTES

HEAD: Final = struct.Struct("<2sBBHHQII16s")
CHECK: Final = struct.Struct("<Q")
HEAD_BYTES: Final = HEAD.size + CHECK.size
MAGIC: Final = b"SF"

ZERO_FRAME_BYTES: Final = 1 * GiB
"""The most that one zero frame covers."""

MESSAGE_BYTES: Final = 4 * MiB
"""The most that one message or one answer with digests carries."""

NO_DIGEST: Final = bytes(DIGEST_BYTES)
"""The digest field in the header of a zero frame, which has no bytes to digest."""


class Kind(enum.IntEnum):
    """What a frame is for."""

    DATA = 1
    MESSAGE = 2
    DIGESTS = 3
    RANGES = 4


CONTENT: Final = (Kind.DATA, Kind.RANGES)
"""The kinds that write to a disk."""


class Packing(enum.IntEnum):
    """How the payload holds the raw bytes."""

    ZERO = 0
    RAW = 1
    ZSTD = 2


class Header(NamedTuple):
    """The unpacked header; `length` counts raw bytes, `payload_length` those that follow."""

    kind: Kind
    packing: Packing
    disk: int
    offset: int
    length: int
    payload_length: int
    digest: bytes


class Frame(NamedTuple):
    """A verified piece of a disk: `data` holds `length` bytes, or nothing if it is `zero`."""

    disk: int
    offset: int
    length: int
    zero: bool
    data: bytes | memoryview


class EncodedFrame(NamedTuple):
    """A frame that is ready to travel."""

    head: bytes
    payload: bytes | bytearray | memoryview
    length: int
    zero: bool
    zero_length: int = 0
    """Bytes of zeros among the ranges of a frame of data."""

    @property
    def kind(self) -> Kind:
        """The kind in its header."""
        return Kind(self.head[2])

    @property
    def wire_bytes(self) -> int:
        """Bytes of header and payload together."""
        return len(self.head) + len(self.payload)


def pack(header: Header) -> bytes:
    """The 48 bytes of a header, with its checksum."""
    body = HEAD.pack(
        MAGIC,
        header.kind,
        header.packing,
        header.disk,
        0,
        header.offset,
        header.length,
        header.payload_length,
        header.digest,
    )
    return body + CHECK.pack(xxhash.xxh3_64_intdigest(body))


def unpack(head: bytes | bytearray) -> Header:
    """The header in 48 bytes; raises FrameDamaged unless checksum and limits hold."""
    body, check = head[: HEAD.size], head[HEAD.size :]
    if len(head) != HEAD_BYTES or CHECK.unpack(check)[0] != xxhash.xxh3_64_intdigest(body):
        raise _damaged("a frame's header does not match its checksum")
    magic, kind, packing, disk, spare, offset, length, payload_length, digest = HEAD.unpack(body)
    if magic != MAGIC or spare:
        raise _damaged("a frame begins with foreign bytes")
    try:
        header = Header(Kind(kind), Packing(packing), disk, offset, length, payload_length, digest)
    except ValueError as unknown:
        raise _damaged(f"a frame has an unknown kind or packing: {unknown}") from None
    _check_limits(header)
    return header


def _check_limits(header: Header) -> None:
    """An honest peer never trips these; they keep a bad header from asking for gigabytes."""
    if header.kind not in CONTENT:
        sound = header.packing is Packing.RAW and header.payload_length == header.length <= MESSAGE_BYTES
    elif header.packing is Packing.ZERO:
        sound = header.kind is Kind.DATA and header.payload_length == 0 < header.length <= ZERO_FRAME_BYTES
    elif header.packing is Packing.RAW:
        sound = 0 < header.payload_length == header.length <= CHUNK_BYTES
    else:
        sound = 0 < header.payload_length < header.length <= CHUNK_BYTES
    if not sound:
        raise _damaged(f"a frame's lengths are out of bounds ({header.length}, {header.payload_length})")


def _damaged(what: str) -> FrameDamaged:
    return FrameDamaged(what, do="send the cycle again; if it repeats, check memory and network of both ends")
