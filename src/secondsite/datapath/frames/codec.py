"""Raw bytes to frames and back: zero test, digest, zstd, and their verification.

Encoding is thread-safe and runs in several threads at once; zstd and xxh3 release the GIL.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Final

from backports import zstd

from ..digests import Bytes, digest
from ..errors import FrameDamaged
from ..extents import BLOCK_BYTES, CHUNK_BYTES
from .compression import Choice
from .frame import NO_DIGEST, ZERO_FRAME_BYTES, EncodedFrame, Frame, Header, Kind, Packing, pack

LEVEL: Final = 1
_WINDOW: Final[dict[int, int]] = {zstd.DecompressionParameter.window_log_max: 23}
_ZEROS: Final = bytes(CHUNK_BYTES)
_local = threading.local()


def is_zero(raw: Bytes) -> bool:
    """Whether every byte is zero; at most CHUNK_BYTES."""
    # bytes == bytearray is a memcmp (50 GB/s); comparing memoryviews goes byte by byte.
    return raw == _ZEROS if len(raw) == CHUNK_BYTES else raw == _ZEROS[: len(raw)]


def encode(choice: Choice, disk: int, offset: int, raw: bytes | bytearray) -> list[EncodedFrame]:
    """The frames of one chunk (<= CHUNK_BYTES): ranges of zero blocks and of data, compressed where that
    pays.

    Frames that are not compressed refer to `raw`.
    """
    view = memoryview(raw)
    return [
        encode_zero(disk, offset + start, end - start)
        if zero
        else encode_data(choice, disk, offset + start, view[start:end])
        for start, end, zero in ranges(offset, raw)
    ]


def encode_zero(disk: int, offset: int, length: int) -> EncodedFrame:
    """A zero frame; `length` is at most ZERO_FRAME_BYTES."""
    header = Header(Kind.DATA, Packing.ZERO, disk, offset, length, 0, NO_DIGEST)
    return EncodedFrame(pack(header), b"", length, zero=True)


def encode_zeros(disk: int, offset: int, length: int) -> Iterator[EncodedFrame]:
    """Zero frames for a range of any length."""
    while length > 0:
        step = min(length, ZERO_FRAME_BYTES)
        yield encode_zero(disk, offset, step)
        offset, length = offset + step, length - step


def encode_plain(kind: Kind, payload: bytes) -> EncodedFrame:
    """A frame that carries a message or digests."""
    header = Header(kind, Packing.RAW, 0, 0, len(payload), len(payload), digest(payload))
    return EncodedFrame(pack(header), payload, len(payload), zero=False)


def encode_data(
    choice: Choice, disk: int, offset: int, raw: memoryview, kind: Kind = Kind.DATA
) -> EncodedFrame:
    """One frame of at most CHUNK_BYTES, compressed where that pays; else it refers to `raw`."""
    packing: Packing = Packing.RAW
    payload: Bytes = raw
    if choice.wanted():
        packed = compress(raw)
        if len(packed) < len(raw) - len(raw) // 32:
            packing, payload = Packing.ZSTD, packed
    header = Header(kind, packing, disk, offset, len(raw), len(payload), digest(raw))
    return EncodedFrame(pack(header), payload, len(raw), zero=False)


def ranges(offset: int, raw: bytes | bytearray) -> Iterator[tuple[int, int, bool]]:
    """(start, end, zero) of ranges of zero blocks and of other blocks, split at the block borders of the
    disk."""
    if is_zero(raw):
        yield 0, len(raw), True
        return
    range_start, range_zero = 0, None
    for start, end in block_borders(offset, len(raw)):
        zero = raw[start] == 0 and is_zero(raw[start:end])
        if range_zero is not None and zero is not range_zero:
            yield range_start, start, range_zero
            range_start = start
        range_zero = zero
    yield range_start, len(raw), bool(range_zero)


def block_borders(offset: int, length: int, block_bytes: int = BLOCK_BYTES) -> Iterator[tuple[int, int]]:
    """(start, end) of each block, relative to `offset`; blocks lie at multiples of `block_bytes` on the
    disk."""
    start = 0
    while start < length:
        end = min(start + block_bytes - (offset + start) % block_bytes, length)
        yield start, end
        start = end


def compress(raw: Bytes) -> bytes:
    """One zstd frame of the bytes."""
    if not hasattr(_local, "compressor"):
        _local.compressor = zstd.ZstdCompressor(level=LEVEL)
    compressor: zstd.ZstdCompressor = _local.compressor
    return compressor.compress(raw, zstd.ZstdCompressor.FLUSH_FRAME)


def decode(header: Header, payload: Bytes) -> Frame:
    """The verified frame; raises FrameDamaged if the payload is not what the header says."""
    if header.packing is Packing.ZERO:
        return Frame(header.disk, header.offset, header.length, True, b"")
    raw = _decompress(header, payload) if header.packing is Packing.ZSTD else payload
    if len(raw) != header.length or digest(raw) != header.digest:
        raise FrameDamaged(
            f"{header.length} bytes at {header.offset} of disk {header.disk} do not match their digest",
            do="send the cycle again; if it repeats, check memory and network of both ends",
        )
    return Frame(header.disk, header.offset, header.length, False, memoryview(raw))


def _decompress(header: Header, payload: Bytes) -> bytes:
    try:
        decompressor = zstd.ZstdDecompressor(options=_WINDOW)
        raw = decompressor.decompress(payload, max_length=header.length + 1)
    except zstd.ZstdError as problem:
        raise FrameDamaged(
            f"the frame at {header.offset} of disk {header.disk} does not decompress: {problem}",
            do="send the cycle again; if it repeats, check memory and network of both ends",
        ) from None
    return raw
