"""Merges what chains have above the old disks of a machine into these disks.

A machine whose power fails in the middle must not start a system that is of two times. So both ends of each
disk, where every firmware looks for what it starts, are zeros from before the first block of the first disk
until after the last block of the last one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ...datapath.disks import NbdDisk, StorageDaemon, image
from ...datapath.encryption import EncryptionKey
from ...datapath.errors import DatapathError
from ...datapath.extents import CHUNK_BYTES, Extent
from ...domain import errors
from ...ground import durable, seams
from ...ground.units import MiB

NAME = "above"
END_BYTES = MiB
NOTHING = memoryview(bytes(CHUNK_BYTES))


@dataclass(frozen=True, slots=True)
class Merge:
    """One disk: what the chain of `overlay` has above its lowest file is written into that, `base`. `kept` is
    a file, there until it is done, with what the ends of the disk were."""

    overlay: Path
    base: Path
    kept: Path


@dataclass(frozen=True, slots=True)
class _Open:
    source: NbdDisk
    target: int
    kept: Path


class _Share:
    """Tells what share of `total_bytes` is done, by the percent."""

    def __init__(self, total_bytes: int, progress: Callable[[float], None]) -> None:
        self._total_bytes = total_bytes
        self._done_bytes = 0
        self._told_percent = 0
        self._progress = progress

    def add(self, count: int) -> None:
        self._done_bytes += count
        percent = self._done_bytes * 100 // self._total_bytes
        if percent != self._told_percent:
            self._told_percent = percent
            self._progress(percent / 100)


def merge(
    folder: Path,
    disks: Sequence[Merge],
    key: EncryptionKey | None = None,
    progress: Callable[[float], None] = lambda _done: None,
) -> None:
    """Merge all disks of a machine, the first one bootable last; durable when it returns. The chains keep
    what they have, so that it can be repeated. `folder` is for the daemons that read them; `key` opens
    encrypted layers; `progress` is told the fraction that is done. Raises FabricError."""
    try:
        with ExitStack() as stack:
            opened = [_open(stack, folder / str(number), each, key) for number, each in enumerate(disks)]
            _copy(opened, progress)
    except (DatapathError, OSError) as problem:  # closing a disk whose machine is gone fails as well
        bases = ", ".join(str(each.base) for each in disks)
        raise errors.FabricError(
            f"What is above {bases} could not be merged into it: {problem}.",
            do="Look whether the rescued machine is connected; then repeat it: it goes on.",
        ) from problem


def _open(stack: ExitStack, folder: Path, disk: Merge, key: EncryptionKey | None) -> _Open:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    daemon = StorageDaemon(folder)
    stack.callback(daemon.stop)
    files = image.chain(disk.overlay)
    if key is not None:
        daemon.knows(key)
    # Without the lowest file: what it has need not be written again.
    node = daemon.add_node(image.at_rest_options(files[:-1], key, NAME))
    daemon.export(node, NAME, depth=True)
    source = stack.enter_context(NbdDisk(daemon.nbd_socket, NAME, own=True))
    target = stack.enter_context(disk.base.open("r+b", buffering=0))
    return _Open(source, target.fileno(), disk.kept)


def _copy(disks: Sequence[_Open], progress: Callable[[float], None]) -> None:
    for disk in disks:
        _hide(disk)
    seams.reach("agent.merge.begun")
    wanted = [_wanted(disk) for disk in disks]
    done = _Share(sum(extent.length for extents in wanted for extent in extents), progress)
    for disk, extents in zip(disks, wanted, strict=True):
        _copy_extents(disk.source, disk.target, extents, done)
        durable.sync_data(disk.target)
    seams.reach("agent.merge.written")
    for disk in reversed(disks):
        _put_ends(disk.source, disk.target, disk.source.changed(), _ends_of(disk), disk.kept.read_bytes())
        durable.sync_data(disk.target)
    for disk in disks:
        disk.kept.unlink()


def _wanted(disk: _Open) -> list[Extent]:
    return [part for each in disk.source.changed() for part in _between(each, *_ends_of(disk))]


def _hide(disk: _Open) -> None:
    ends = _ends_of(disk)
    if not disk.kept.exists():
        content = b"".join(os.pread(disk.target, end.length, end.offset) for end in ends)
        durable.write(disk.kept, content)
    for end in ends:
        _clear(disk.target, end)
    durable.sync_data(disk.target)


def _ends_of(disk: _Open) -> tuple[Extent, Extent]:
    return _ends(os.lseek(disk.target, 0, os.SEEK_END))


def _ends(size_bytes: int) -> tuple[Extent, Extent]:
    length = min(END_BYTES, size_bytes // 2)
    return Extent(0, length), Extent(size_bytes - length, length)


def _between(extent: Extent, first: Extent, last: Extent) -> list[Extent]:
    """The part of it that lies in none of the ends, if there is one."""
    begin, end = max(extent.offset, first.end), min(extent.end, last.offset)
    return [Extent(begin, end - begin, extent.zero)] if begin < end else []


def _within(extent: Extent, end: Extent) -> list[Extent]:
    """The part of it that lies in an end, if there is one."""
    begin, until = max(extent.offset, end.offset), min(extent.end, end.end)
    return [Extent(begin, until - begin, extent.zero)] if begin < until else []


def _copy_extents(source: NbdDisk, target: int, wanted: Sequence[Extent], done: _Share) -> None:
    for extent in wanted:
        if extent.zero:
            _clear(target, extent)
            done.add(extent.length)
    for offset, data in source.read_many(extent for extent in wanted if not extent.zero):
        _write(target, memoryview(data), offset)
        done.add(len(data))


def _put_ends(
    source: NbdDisk, target: int, changed: Sequence[Extent], ends: Sequence[Extent], were: bytes
) -> None:
    """The last one first: without the beginning nothing starts. Each as it was, and what changed of it."""
    places = {end: sum(each.length for each in ends[:number]) for number, end in enumerate(ends)}
    for end in reversed(ends):
        content = bytearray(were[places[end] :][: end.length])
        wanted = [part for each in changed for part in _within(each, end)]
        for part in wanted:
            if part.zero:
                content[part.offset - end.offset : part.end - end.offset] = bytes(part.length)
        for offset, data in source.read_many(part for part in wanted if not part.zero):
            content[offset - end.offset : offset - end.offset + len(data)] = data
        _write(target, memoryview(content), end.offset)


def _clear(target: int, extent: Extent) -> None:
    for at in range(extent.offset, extent.end, CHUNK_BYTES):
        _write(target, NOTHING[: min(CHUNK_BYTES, extent.end - at)], at)


def _write(target: int, left: memoryview, offset: int) -> None:
    while left:
        count = os.pwrite(target, left, offset)
        left, offset = left[count:], offset + count
