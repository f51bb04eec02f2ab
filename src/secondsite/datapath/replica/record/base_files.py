"""Files of others that a replica stands on: the old disks of a machine that comes home.

They are only read here. If their owner changes them, the points are not what was sealed, and the digests are
not those of the head. So size and times of the files are recorded, and compared later."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ... import errors
from ...disks import image
from .record import BaseFile, DiskRecord, ReplicaState

MISSING = (0, 0, 0)


def seen(path: Path) -> tuple[BaseFile, ...]:
    """The present state of a file and of those below it. Raises ImageProblem if one is missing."""
    found = tuple(BaseFile(str(link.path), *_look(str(link.path))) for link in image.chain(path))
    for file in found:
        if (file.inode, file.size_bytes, file.mtime_ns) == MISSING:
            raise errors.ImageProblem(
                f"{file.path} cannot be looked at.", do="Mount its file system again, or put it back."
            )
    return found


def changed(state: ReplicaState) -> tuple[str, ...]:
    """Keys of the disks whose files differ from what was recorded."""
    return tuple(disk.key for disk in state.disks if any(map(_differs, disk.base_files)))


def altered(state: ReplicaState) -> tuple[str, ...]:
    """As `changed`, of files that are there now. Raises ImageProblem while one is missing."""
    return tuple(disk.key for disk in state.disks if disk.base_files and _is_altered(disk))


def _is_altered(disk: DiskRecord) -> bool:
    return not set(disk.base_files) <= set(seen(Path(disk.base)))


def seen_again(disk: DiskRecord) -> DiskRecord:
    """The disk's record with the present state of its files."""
    return dataclasses.replace(disk, base_files=seen(Path(disk.base))) if disk.base_files else disk


def _differs(known: BaseFile) -> bool:
    return _look(known.path) != (known.inode, known.size_bytes, known.mtime_ns)


def _look(path: str) -> tuple[int, int, int]:
    """Inode, length and time of a file; a missing file differs from any other."""
    try:
        found = Path(path).stat()
    except OSError:
        return MISSING
    return found.st_ino, found.st_size, found.st_mtime_ns
