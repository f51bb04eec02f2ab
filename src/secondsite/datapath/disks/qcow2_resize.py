"""Makes a qcow2 file at rest larger or smaller, at the cost of the data that it holds, not of its size.

QEMU (7.2) makes a table for each GiB that it cuts off, and, where the backing file is larger, for each by
which an image grows: 128 KiB and some 30 ms each. A thin disk of 2 TiB that became 1 GiB took longer than its
deadline, and its machine got no points any more. So QEMU is given only those GiB that have a table, a piece
at a time; between them only the size changes. The size tells how far it has come: after an interruption it is
just repeated, and at no instant does data show that was cut off."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from ...ground import durable
from ...ground.units import GiB
from .. import errors
from ..encryption import EncryptionKey
from ..files import store_error
from . import image, image_locks, named_files, qcow2_extent

_GAP: Final = 8 * GiB
"""A shorter gap is not left out: it costs less to do than another call of qemu-img."""
_PIECE: Final = 64 * GiB
"""The most bytes for one call: its deadline must suffice for a full disk too."""
_SIZE_AT: Final = 24

Pieces = list[tuple[int, int]]
"""(first byte, end) of each piece, ascending."""


def _nowhere(name: str) -> None:
    """For callers that watch no seams."""


def resize(
    path: Path, size_bytes: int, key: EncryptionKey | None = None, reach: Callable[[str], None] = _nowhere
) -> None:
    """Make an image that nobody has open `size_bytes` large: what is cut off is lost, what is added reads as
    zeros. Harmless if it has that size already. Raises ImageProblem, StoreFull."""
    for _ in _steps(path, size_bytes, key):
        reach("resize.step")


def _steps(path: Path, size_bytes: int, key: EncryptionKey | None) -> Iterator[None]:
    now = image.look(path, "qcow2").size_bytes
    if size_bytes < now:
        yield from _shrink(path, size_bytes, now, key)
    elif size_bytes > now:
        yield from _grow(path, now, size_bytes, key)


def _shrink(path: Path, size_bytes: int, now: int, key: EncryptionKey | None) -> Iterator[None]:
    """Cut off piece by piece from the end, so that the size is right whenever this is interrupted."""
    try:
        pieces = _pieces(qcow2_extent.own(path), size_bytes, now)
    except OSError as error:
        raise store_error(error, path) from error
    for first, end in reversed(pieces):
        _end_at(path, end)
        yield
        if first == size_bytes:
            _clear_last_cluster(path, size_bytes, end, key)
            yield
        image.resize(path, first, key)
        yield
    _end_at(path, size_bytes)


def _grow(path: Path, now: int, size_bytes: int, key: EncryptionKey | None) -> Iterator[None]:
    """Grow piece by piece. QEMU fills what it adds over a larger backing file with zeros, unless it has not
    opened that."""
    for first, end in _hidden(path, now, size_bytes):
        if first > now:
            image.resize(path, first, key, with_backing=False)
            yield
        image.resize(path, end, key)
        now = end
        yield
    if size_bytes > now:
        image.resize(path, size_bytes, key, with_backing=False)


def _hidden(path: Path, now: int, size_bytes: int) -> Pieces:
    """The pieces in which the backing file would show after growing."""
    for below in image.chain(path)[1:2]:
        return _pieces(qcow2_extent.stretches(below.path), now, min(size_bytes, below.size_bytes))
    return []


def _pieces(told: Iterable[tuple[int, int]], first: int, end: int) -> Pieces:
    """The pieces between `first` and `end` that have a table."""
    pieces: Pieces = []
    for number in sorted({each for low, high in told for each in _whole(max(low, first), min(high, end))}):
        begin, stop = max(number * GiB, first), min((number + 1) * GiB, end)
        if pieces and begin - pieces[-1][1] <= _GAP and stop - pieces[-1][0] <= _PIECE:
            pieces[-1] = pieces[-1][0], stop
        else:
            pieces.append((begin, stop))
    return pieces


def _whole(first: int, end: int) -> range:
    """The numbers of the GiB in which a stretch lies."""
    return range(first // GiB, -(-end // GiB)) if first < end else range(0)


def _end_at(path: Path, size_bytes: int) -> None:
    """Set the size of an image that has no table beyond it; durable when it returns."""
    try:
        with path.open("r+b") as file:
            wanted = struct.pack(">Q", size_bytes)
            if os.pread(file.fileno(), len(wanted), _SIZE_AT) == wanted:
                return
            if image_locks.is_written(path):
                raise errors.ImageProblem(
                    f"{path} cannot be made smaller: another program has it open.",
                    do="End it, then repeat.",
                )
            os.pwrite(file.fileno(), wanted, _SIZE_AT)
            durable.sync(file)
    except OSError as error:
        raise store_error(error, path) from error


def _clear_last_cluster(path: Path, size_bytes: int, now: int, key: EncryptionKey | None) -> None:
    """Clear the cut-off part of the last cluster: it stays in the file, and QEMU shows it when the disk grows
    again."""
    cluster = named_files.cluster_bytes(path) or 1
    length = min(now, -(-size_bytes // cluster) * cluster) - size_bytes
    if length:
        image.write_zeros(path, size_bytes, length, key)
