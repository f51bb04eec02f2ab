"""Makes the sum of several plain qcow2 layers as one more file, from their tables: it shares their data.

Only for images as we make them (clusters of 128 KiB, each with a bitmap of 4 KiB parts), without encryption,
compression, snapshots or data elsewhere, on a file system that shares parts of files (FICLONERANGE: XFS made
with reflink, btrfs). Anything else is refused, and leaves no file behind. Format: QEMU's
interop/qcow2.txt."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from ...ground import durable, full_disk, real_files
from ...ground.units import KiB, TiB
from .. import errors
from ..files import store_error
from . import qcow2_extent
from .qcow2_extent import EXTENDED, HEAD, OFFSET

_CLUSTER: Final = 128 * KiB
_PART: Final = 4 * KiB
_ENTRIES: Final = _CLUSTER // 16
"""Entries of an L2 table: each tells where one cluster is, and which of its parts are stored or read as
zeros."""
_TOLD: Final = _CLUSTER * _ENTRIES
"""Bytes of the disk that one L2 table describes: 1 GiB."""
_ALL: Final = (1 << 32) - 1
_EMPTY: Final = struct.pack(">QQ", 0, _ALL << 32) * _ENTRIES
"""An L2 table in which everything reads as zeros."""
_COPIED: Final = 1 << 63
_COMPRESSED: Final = 1 << 62
_FORMAT: Final = 0xE2792ACA
_HEADER_BYTES: Final = 112
_FICLONERANGE: Final = 0x4020940D
_LARGEST: Final = 4096 * TiB
"""The largest disk, which an L1 table of 32 MiB describes."""
_COUNTED: Final = _CLUSTER // 2
"""Clusters that one refcount block describes."""


class CannotShare(errors.ImageProblem):
    """The layers, or their file system, are not of the kind that can share data."""

    def __init__(self, message: str) -> None:
        super().__init__(message, do="Nothing: layers are copied where they cannot be shared.")


@dataclass(frozen=True, slots=True)
class _Layer:
    """One layer. `tables`: where in the file the L2 table of each GiB is, for those that it has."""

    file: BinaryIO
    path: Path
    length: int
    size_bytes: int
    tables: dict[int, int]

    def table(self, number: int) -> bytes | None:
        """The L2 table of a GiB; None if the layer has none for it."""
        at = self.tables.get(number)
        return None if at is None else os.pread(self.file.fileno(), _CLUSTER, at)

    def beyond(self, cluster: int) -> int:
        """The bits of a cluster's parts that lie beyond the end of the layer."""
        left = self.size_bytes - cluster * _CLUSTER
        return 0 if left >= _CLUSTER else _ALL & ~((1 << max(-(-left // _PART), 0)) - 1)


Clusters = dict[int, tuple[int, int, int]]
"""The clusters that a layer stores from one L2 table, by their numbers on the disk: the offset in its file,
the bits of parts that are stored, and those of parts that read as zeros."""


@dataclass(frozen=True, slots=True)
class _Sum:
    """One cluster of the sum: where its parts are stored, as (layer, offset of the cluster, bits), and the
    bits of the parts that read as zeros."""

    stored: list[tuple[_Layer, int, int]]
    zeros: int


def make(path: Path, backing: str, layers: Sequence[Path]) -> None:
    """Make `path`, over the qcow2 file that `backing` names, hold what `layers` hold, top first; durable
    when it returns. It takes memory for one GiB of the disk at a time. Raises CannotShare, StoreFull,
    ImageProblem."""
    try:
        with contextlib.ExitStack() as stack:
            read = [_read(stack.enter_context(real_files.opened(layer)), layer) for layer in layers]
            hidden = _hidden(read, path.parent / backing)
            with path.open("xb") as file:
                _write(file, backing, read, hidden)
                durable.sync(file)
    except struct.error as error:
        raise CannotShare(f"{layers[0]} and those below it have no tables that are understood.") from error
    except OSError as error:
        raise store_error(error, path) from error


def _read(file: BinaryIO, path: Path) -> _Layer:
    head = HEAD.unpack(file.read(HEAD.size))
    magic, version, bits, encrypted, snapshots, features = (
        head[0],
        head[1],
        head[4],
        head[6],
        head[11],
        head[13],
    )
    if (magic, version, bits, encrypted, snapshots, features) != (b"QFI\xfb", 3, 17, 0, 0, EXTENDED):
        raise CannotShare(f"{path} is no plain layer.")
    first = enumerate(qcow2_extent.first_table(file, head))
    tables = {number: entry & OFFSET for number, entry in first if entry & OFFSET}
    return _Layer(file, path, os.fstat(file.fileno()).st_size, _bounded(head[5], path), tables)


def _bounded(size_bytes: int, path: Path) -> int:
    if size_bytes > _LARGEST:
        raise CannotShare(f"{path} is of a larger disk than QEMU opens.")
    return size_bytes


def _hidden(layers: Sequence[_Layer], below: Path) -> tuple[range, Collection[int]]:
    """The clusters that must read as zeros because a layer ends before them, while the top and the files
    below all layers go on; and the tables in which those files may hold data. Without this, a disk that was
    shrunk and grown again showed what the shrinking had cut off."""
    for layer in layers[1:]:
        if layer.size_bytes < layers[0].size_bytes and layer.size_bytes % _PART:
            raise CannotShare(f"A layer of {layer.size_bytes} bytes ends in the middle of a part.")
    ends = min(layer.size_bytes for layer in layers)
    cut = range(ends // _CLUSTER, -(-min(_size_of(below), layers[0].size_bytes) // _CLUSTER))
    if not cut:
        return cut, ()
    last = (cut.stop - 1) // _ENTRIES
    held = {
        number
        for first, end in qcow2_extent.stretches(below)
        for number in range(first // _TOLD, min(last, (end - 1) // _TOLD) + 1)
    }
    return cut, held


def _size_of(path: Path) -> int:
    """The size in bytes of the disk in a qcow2 file."""
    with real_files.opened(path) as file:
        head = HEAD.unpack(file.read(HEAD.size))
    if head[0] != b"QFI\xfb":
        raise CannotShare(f"{path} is no qcow2 file.")
    return _bounded(head[5], path)


def _write(
    file: BinaryIO, backing: str, layers: Sequence[_Layer], hidden: tuple[range, Collection[int]]
) -> None:
    """Write header, refcounts and L1 table; then each L2 table, followed by its clusters."""
    size_bytes, (cut, held) = layers[0].size_bytes, hidden
    count = -(-size_bytes // _TOLD)
    roots = max(1, -(-count * 8 // _CLUSTER))
    named = {number for layer in layers for number in layer.tables}
    most = 1 + roots + len(named | set(held)) + sum(layer.length // _CLUSTER + 1 for layer in layers)
    blocks, counts = _counts(most)
    root_at = (1 + counts + blocks) * _CLUSTER
    at = root_at + roots * _CLUSTER
    os.truncate(file.fileno(), at + most * _CLUSTER)  # parts are shared with what is there only
    root = [0] * count
    for number in sorted(number for number in named | set(held) if number < count):
        told, below = _telling(number, layers), number in held
        if told and _reads_as_zeros(number, *told[0], may_hold=below):
            root[number], behind = at | _COPIED, at + _CLUSTER
            os.pwrite(file.fileno(), _EMPTY, at)
        elif sums := _sums_of(number, layers[0], told, cut if below else range(0)):
            root[number], behind = at | _COPIED, _write_table(file, at, sums)
        else:  # as where a layer's end hides what is not below it
            continue
        at = behind
    os.truncate(file.fileno(), at)
    os.pwrite(file.fileno(), _header(backing, size_bytes, count, root_at, counts), 0)
    counts_at = (1 + counts) * _CLUSTER
    where = struct.pack(f">{blocks}Q", *(counts_at + each * _CLUSTER for each in range(blocks)))
    os.pwrite(file.fileno(), where, _CLUSTER)
    os.pwrite(file.fileno(), b"\0\1" * (at // _CLUSTER), counts_at)
    os.pwrite(file.fileno(), struct.pack(f">{count}Q", *root), root_at)


def _counts(others: int) -> tuple[int, int]:
    """The number of refcount blocks, and of the clusters of the table of these, for a file with so many other
    clusters."""
    blocks = table = 1
    while blocks * _COUNTED < others + blocks + table:
        blocks += 1
        table = -(-blocks * 8 // _CLUSTER)
    return blocks, table


def _telling(number: int, layers: Sequence[_Layer]) -> list[tuple[_Layer, bytes | None]]:
    """The layers that store something of one table's GiB, top first, each with its L2 table; those below a
    layer that is all zeros there, or that ends before it, are left out."""
    found: list[tuple[_Layer, bytes | None]] = []
    for layer in layers:
        raw = layer.table(number)
        if raw is not None or layer.size_bytes < (number + 1) * _TOLD:
            found.append((layer, raw))
        if raw == _EMPTY or layer.size_bytes <= number * _TOLD:
            break
    return found


def _reads_as_zeros(number: int, layer: _Layer, raw: bytes | None, *, may_hold: bool) -> bool:
    """Whether the GiB reads as zeros from this layer on: its table says so, or the layer ends before it and
    the files below all layers `may_hold` data that must be hidden."""
    return raw == _EMPTY or (may_hold and layer.size_bytes <= number * _TOLD)


def _sums_of(
    number: int, top: _Layer, telling: Sequence[tuple[_Layer, bytes | None]], cut: range
) -> dict[int, _Sum]:
    """The clusters of one table, by their numbers: those of which a layer stores anything, or that are `cut`
    off."""
    first = number * _ENTRIES
    met = [(layer, {} if raw is None else dict(_clusters(raw, first, layer.path))) for layer, raw in telling]
    told = set[int]().union(*(clusters for _, clusters in met))
    told.update(range(max(cut.start, first), min(cut.stop, first + _ENTRIES)))
    return {each: _sum_of(each, top, met) for each in sorted(told) if each * _CLUSTER < top.size_bytes}


def _clusters(raw: bytes, first: int, path: Path) -> Iterator[tuple[int, tuple[int, int, int]]]:
    for number, (place, parts) in enumerate(struct.iter_unpack(">QQ", raw), first):
        if place & _COMPRESSED:
            raise CannotShare(f"{path} is compressed.")
        if parts:
            yield number, (place & OFFSET, parts & _ALL, parts >> 32)


def _sum_of(number: int, top: _Layer, layers: Sequence[tuple[_Layer, Clusters]]) -> _Sum:
    seen, zeros, stored = top.beyond(number), 0, []
    for layer, clusters in layers:
        place, parts, empty = clusters.get(number, (0, 0, 0))
        end = layer.beyond(number)
        parts, empty = parts & ~end, empty | end
        if parts & ~seen:
            stored.append((layer, place, parts & ~seen))
        zeros |= empty & ~seen
        seen |= parts | empty
        if seen == _ALL:
            break
    return _Sum(stored, zeros)


def _write_table(file: BinaryIO, at: int, sums: dict[int, _Sum]) -> int:
    """And its clusters behind it; gives the place behind these."""
    raw, behind = bytearray(_CLUSTER), at + _CLUSTER
    shared = list[tuple[int, list[tuple[_Layer, int, int]]]]()
    for number, each in sums.items():
        parts = place = 0
        for _, _, bits in each.stored:
            parts |= bits
        if parts:
            shared.append((behind, each.stored))
            place, behind = behind | _COPIED, behind + _CLUSTER
        struct.pack_into(">QQ", raw, number % _ENTRIES * 16, place, (each.zeros << 32) | parts)
    for first in range(0, _CLUSTER, _PART):
        part = raw[first : first + _PART]
        if any(part):  # else a hole of the file says the same and occupies nothing
            os.pwrite(file.fileno(), part, at + first)
    _share(file, shared)
    return behind


def _share(file: BinaryIO, wanted: Sequence[tuple[int, list[tuple[_Layer, int, int]]]]) -> None:
    """Share the data of clusters; those that are neighbours in one layer and here are shared together."""
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
    """Share one piece of a layer. Beyond a layer's end it reads as zeros, as it does here."""
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
    head = HEAD.pack(
        b"QFI\xfb", 3, at, len(name), 17, size_bytes, 0, table_count, root_at, _CLUSTER, counts, 0, 0,
        EXTENDED,
        0, 0, 4, _HEADER_BYTES,
    )  # fmt: skip
    return head + bytes(_HEADER_BYTES - len(head)) + extensions + name
