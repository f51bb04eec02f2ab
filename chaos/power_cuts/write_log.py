"""The record of a disk's requests: the format of Linux's dm-log-writes, as QEMU's blklogwrites writes it."""

import struct
from dataclasses import dataclass
from pathlib import Path

_SUPER = struct.Struct("<QQQI")
_ENTRY = struct.Struct("<QQQQ")
_MAGIC = 0x6A736677736872
_FLUSH, _FUA, _DISCARD = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Places are bytes; `begins` and `ends` are where its record lies in the log, its data at
    `data_at`."""

    place: int
    begins: int
    ends: int
    data_at: int
    is_flush: bool
    is_discard: bool
    is_durable: bool
    """It was flushed with its own write."""


def read(log: Path) -> list[Request]:
    """All requests, in the order in which they were made; raises ValueError for a file of another kind."""
    with log.open("rb") as file:
        magic, version, count, sector = _SUPER.unpack(file.read(_SUPER.size))
        if (magic, version) != (_MAGIC, 1):
            raise ValueError(f"{log} is no record of writes, or its disk was not closed")
        found, at = [], sector
        for _ in range(count):
            file.seek(at)
            request = _request(file.read(_ENTRY.size), at, sector)
            found.append(request)
            at = request.ends
    return found


def _request(entry: bytes, at: int, sector: int) -> Request:
    place, sectors, flags, _ = _ENTRY.unpack(entry)
    data = 0 if flags & _DISCARD else sectors * sector
    return Request(
        place=place * sector,
        begins=at,
        ends=at + sector + data,
        data_at=at + sector,
        is_flush=bool(flags & _FLUSH),
        is_discard=bool(flags & _DISCARD),
        is_durable=bool(flags & _FUA),
    )
