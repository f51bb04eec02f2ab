"""Merges what a chain has above an old disk into that disk.

A machine whose power fails in the middle must not start a system that is of two times. So both ends of the
disk, where every firmware looks for what it starts, are zeros from before the first block until after the
last."""

from __future__ import annotations

import os
from collections.abc import Sequence
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


def merge(
    folder: Path, overlay: Path, base: Path, kept: Path, key: EncryptionKey | None = None
) -> None:  # fmt: skip
    """Write all that the chain has above its lowest file, `base`, into that; durable when it returns. The
    chain keeps what it has, so that it can be repeated. `folder` is for the daemon that reads it; `key` opens
    encrypted layers. `kept` is a file, there until it is done, with what the ends of the disk were. Raises
    FabricError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    daemon = StorageDaemon(folder)
    try:
        files = image.chain(overlay)
        if key is not None:
            daemon.knows(key)
        # Without the lowest file: what it has need not be written again.
        node = daemon.add_node(image.at_rest_options(files[:-1], key, NAME))
        daemon.export(node, NAME, depth=True)
        with NbdDisk(daemon.nbd_socket, NAME, own=True) as source, base.open("r+b", buffering=0) as target:
            _copy(source, target.fileno(), kept)
    except (DatapathError, OSError) as problem:
        raise errors.FabricError(
            f"What is above {base} could not be merged into it: {problem}.",
            do="Look whether the rescued machine is connected; then repeat it: it goes on.",
        ) from problem
    finally:
        daemon.stop()


def _copy(source: NbdDisk, target: int, kept: Path) -> None:
    ends = _ends(os.lseek(target, 0, os.SEEK_END))
    if not kept.exists():
        durable.write(kept, b"".join(os.pread(target, end.length, end.offset) for end in ends))
    for end in ends:
        _clear(target, end)
    durable.sync_data(target)
    seams.reach("agent.merge.begun")
    changed = source.changed()
    _copy_extents(source, target, [part for each in changed for part in _between(each, *ends)])
    durable.sync_data(target)
    seams.reach("agent.merge.written")
    _put_ends(source, target, changed, ends, kept.read_bytes())
    durable.sync_data(target)
    kept.unlink()


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


def _copy_extents(source: NbdDisk, target: int, wanted: Sequence[Extent]) -> None:
    for extent in wanted:
        if extent.zero:
            _clear(target, extent)
    for offset, data in source.read_many(extent for extent in wanted if not extent.zero):
        _write(target, memoryview(data), offset)


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
