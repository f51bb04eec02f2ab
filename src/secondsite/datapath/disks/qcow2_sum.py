"""The sum of several plain qcow2 layers as one more file, made from their tables: its data is theirs, shared.

Only for images as we make them (clusters of 128 KiB, each with a bitmap of 4 KiB parts), without encryption, compression, snapshots or data
elsewhere, on a file system that shares parts of files (FICLONERANGE: XFS made with reflink, btrfs). What is otherwise is refused, and nothing
is left. Format: QEMU's interop/qcow2.txt."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from ...ground import durable, full_disk
from ...ground.handed_over import real_files
from ...ground.units import KiB
from .. import errors
from ..files import store_error

_CLUSTER: Final = 128 * KiB
_PART: Final = 4 * KiB
_ENTRIES: Final = _CLUSTER // 16
"""Of a table: each tells of one cluster, where it is and which of its parts are stored or read as zeros."""
_ALL: Final = (1 << 32) - 1
_OFFSET: Final = 0x00FFFFFFFFFFFE00
_COPIED: Final = 1 << 63
_COMPRESSED: Final = 1 << 62
_EXTENDED: Final = 1 << 4
_FORMAT: Final = 0xE2792ACA
_HEAD: Final = struct.Struct(">4sIQIIQIIQQIIQQQQII")
_HEADER_BYTES: Final = 112
_FICLONERANGE: Final = 0x4020940D


class CannotShare(errors.ImageProblem):
    """The layers, or their file system, are of another kind."""

    def __init__(self, message: str) -> None:
        super().__init__(message, do="Nothing: layers are copied where they cannot be shared.")


@dataclass(slots=True)
class _Layer:
    """`clusters`: of each that it tells of by its number the offset in the file, and the bits of parts that are stored, and that read as
    zeros."""

    file: BinaryIO
    length: int
    size_bytes: int
    clusters: dict[int, tuple[int, int, int]] = field(default_factory=dict)


def make(path: Path, backing: str, layers: Sequence[Path]) -> None:
    """Make `path`, over the qcow2 file that `backing` names, hold what `layers` hold, top first; durable when it returns. Raises
    CannotShare, StoreFull, ImageProblem."""
    try:
        with contextlib.ExitStack() as stack:
            read = [_read(stack.enter_context(real_files.opened(layer)), layer) for layer in layers]
            _write(path, backing, read, _size_of(path.parent / backing))
    except struct.error as error:
        raise CannotShare(f"{layers[0]} and those below it have no tables that are understood.") from error
    except OSError as error:
        raise store_error(error, path) from error


def _read(file: BinaryIO, path: Path) -> _Layer:
    head = _HEAD.unpack(file.read(_HEAD.size))
    magic, version, bits, encrypted, snapshots, features = (
        head[0],
        head[1],
        head[4],
        head[6],
        head[11],
        head[13],
    )
    if (magic, version, bits, encrypted, snapshots, features) != (b"QFI\xfb", 3, 17, 0, 0, _EXTENDED):
        raise CannotShare(f"{path} is no plain layer.")
    layer = _Layer(file, os.fstat(file.fileno()).st_size, head[5])
    tables = os.pread(file.fileno(), 8 * head[7], head[8])
    for number, (entry,) in enumerate(struct.iter_unpack(">Q", tables)):
        if entry & _OFFSET:
            layer.clusters.update(_table(file, entry & _OFFSET, number * _ENTRIES, path))
    return layer


def _table(file: BinaryIO, at: int, first: int, path: Path) -> Iterator[tuple[int, tuple[int, int, int]]]:
    raw = os.pread(file.fileno(), _CLUSTER, at)
    for number, (place, parts) in enumerate(struct.iter_unpack(">QQ", raw)):
        if place & _COMPRESSED:
            raise CannotShare(f"{path} is compressed.")
        if parts:
            yield first + number, (place & _OFFSET, parts & _ALL, parts >> 32)


def _size_of(path: Path) -> int:
    """Of the disk in a qcow2 file."""
    with real_files.opened(path) as file:
        head = _HEAD.unpack(file.read(_HEAD.size))
    if head[0] != b"QFI\xfb":
        raise CannotShare(f"{path} is no qcow2 file.")
    return int(head[5])


def _cut_off(layers: Sequence[_Layer], below_bytes: int) -> Iterator[int]:
    """The clusters in which a layer ends earlier than the top and than what is below it: they read as zeros from there. A disk that was
    shrunk and grown again showed what the shrinking had cut off."""
    for layer in reversed(layers[1:]):
        end = min(below_bytes, layers[0].size_bytes)
        if layer.size_bytes < layers[0].size_bytes and layer.size_bytes % _PART:
            raise CannotShare(f"A layer of {layer.size_bytes} bytes ends in the middle of a part.")
        yield from range(layer.size_bytes // _CLUSTER, -(-end // _CLUSTER))
        below_bytes = layer.size_bytes


def _write(path: Path, backing: str, layers: Sequence[_Layer], below_bytes: int) -> None:
    numbers = set(_cut_off(layers, below_bytes)).union(*(layer.clusters for layer in layers))
    told = sorted(number for number in numbers if number * _CLUSTER < layers[0].size_bytes)
    sums = {number: _sum_of(number, layers) for number in told}
    stored = [number for number in told if any(parts for _, _, parts in sums[number][0])]
    size_bytes = layers[0].size_bytes
    tables = sorted({number // _ENTRIES for number in told})
    table_count = -(-size_bytes // (_CLUSTER * _ENTRIES))
    roots = max(1, -(-table_count * 8 // _CLUSTER))
    blocks, table = _counts(1 + roots + len(tables) + len(stored))
    root_at = (1 + table + blocks) * _CLUSTER
    tables_at = root_at + roots * _CLUSTER
    data_at = tables_at + len(tables) * _CLUSTER
    places = {number: data_at + index * _CLUSTER for index, number in enumerate(stored)}
    total = data_at // _CLUSTER + len(stored)
    with path.open("xb") as file:
        os.truncate(file.fileno(), total * _CLUSTER)
        header = _header(backing, size_bytes, table_count, root_at, table)
        os.pwrite(file.fileno(), header, 0)
        counts_at = (1 + table) * _CLUSTER
        os.pwrite(
            file.fileno(),
            struct.pack(f">{blocks}Q", *(counts_at + each * _CLUSTER for each in range(blocks))),
            _CLUSTER,
        )
        os.pwrite(file.fileno(), b"\0\1" * total, counts_at)
        root = [0] * table_count
        for index, number in enumerate(tables):
            root[number] = (tables_at + index * _CLUSTER) | _COPIED
        os.pwrite(file.fileno(), struct.pack(f">{table_count}Q", *root), root_at)
        _write_tables(file, tables, tables_at, sums, places)
        _share(file, ((places[number], sums[number][0]) for number in stored))
        durable.sync(file)


def _counts(others: int) -> tuple[int, int]:
    """Clusters of counts, and clusters of the table of these, for a file with so many other clusters."""
    blocks = table = 1
    while blocks * (_CLUSTER // 2) < others + blocks + table:
        blocks += 1
        table = -(-blocks * 8 // _CLUSTER)
    return blocks, table


def _sum_of(number: int, layers: Sequence[_Layer]) -> tuple[list[tuple[_Layer, int, int]], int]:
    """Where the parts of a cluster are stored, as (layer, offset of its cluster, bits); and the bits of those that read as zeros."""
    seen, zeros, stored = _beyond(layers[0], number), 0, []
    for layer in layers:
        place, parts, empty = layer.clusters.get(number, (0, 0, 0))
        end = _beyond(layer, number)
        parts, empty = parts & ~end, empty | end
        if parts & ~seen:
            stored.append((layer, place, parts & ~seen))
        zeros |= empty & ~seen
        seen |= parts | empty
        if seen == _ALL:
            break
    return stored, zeros


def _beyond(layer: _Layer, number: int) -> int:
    """The bits of those parts of a cluster that lie beyond the end of a layer."""
    left = layer.size_bytes - number * _CLUSTER
    return 0 if left >= _CLUSTER else _ALL & ~((1 << max(-(-left // _PART), 0)) - 1)


def _write_tables(
    file: BinaryIO, tables: Sequence[int], at: int, sums: dict[int, tuple[list[tuple[_Layer, int, int]], int]],
    places: dict[int, int],
) -> None:  # fmt: skip
    raw = {number: bytearray(_CLUSTER) for number in tables}
    for number, (stored, zeros) in sums.items():
        parts = 0
        for _, _, bits in stored:
            parts |= bits
        place = places[number] | _COPIED if number in places else 0
        struct.pack_into(">QQ", raw[number // _ENTRIES], number % _ENTRIES * 16, place, (zeros << 32) | parts)
    for index, number in enumerate(tables):
        for first in range(0, _CLUSTER, _PART):
            part = raw[number][first : first + _PART]
            if any(part):  # else a hole of the file says the same and occupies nothing
                os.pwrite(file.fileno(), part, at + index * _CLUSTER + first)


def _share(file: BinaryIO, wanted: Iterator[tuple[int, list[tuple[_Layer, int, int]]]]) -> None:
    """Neighbours of one layer that are neighbours here too are shared together."""
    run: tuple[_Layer, int, int, int] | None = None
    for place, stored in wanted:
        for layer, source, bits in stored:
            for first, count in _runs(bits):
                at, goal, length = source + first * _PART, place + first * _PART, count * _PART
                if run and run[0] is layer and run[1] + run[3] == at and run[2] + run[3] == goal:
                    run = (layer, run[1], run[2], run[3] + length)
                else:
                    if run:
                        _clone(file, *run)
                    run = (layer, at, goal, length)
    if run:
        _clone(file, *run)


def _runs(bits: int) -> Iterator[tuple[int, int]]:
    """(first, count) of the runs of set bits."""
    at = 0
    while bits:
        skipped = (bits & -bits).bit_length() - 1
        bits >>= skipped
        at += skipped
        count = (~bits & (bits + 1)).bit_length() - 1
        yield at, count
        bits >>= count
        at += count


def _clone(file: BinaryIO, layer: _Layer, at: int, goal: int, length: int) -> None:
    """What is beyond a layer's end reads as zeros, as it does here."""
    length = min(length, layer.length - at)
    if length <= 0:
        return
    try:
        fcntl.ioctl(
            file.fileno(),
            _FICLONERANGE,
            struct.pack("qQQQ", layer.file.fileno(), at, length, goal),
        )
    except OSError as error:
        if full_disk.is_full(error):
            raise
        raise CannotShare(
            f"The file system of {layer.file.name} does not share parts of files: {error}."
        ) from error


def _header(backing: str, size_bytes: int, table_count: int, root_at: int, counts: int) -> bytes:
    name = os.fsencode(backing)
    extensions = struct.pack(">II", _FORMAT, 5) + b"qcow2" + bytes(3) + bytes(8)
    at = _HEADER_BYTES + len(extensions)
    head = _HEAD.pack(
        b"QFI\xfb", 3, at, len(name), 17, size_bytes, 0, table_count, root_at, _CLUSTER, counts, 0, 0, _EXTENDED,
        0, 0, 4, _HEADER_BYTES,
    )  # fmt: skip
    return head + bytes(_HEADER_BYTES - len(head)) + extensions + name
