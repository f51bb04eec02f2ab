"""Files of others that a replica stands on: the old disks of a machine that comes home.

They are only read here. If their owner changes them, the points are not what was sealed, and the digests are
not those of the head. So size and times of the files are recorded, and compared later. Of a block device it
is its size and how much was written to it; after a reboot that is counted anew, and nothing tells."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from ....ground import durable, real_files
from ... import errors
from ...disks import image
from .paths import ReplicaFiles
from .record import BaseFile, DiskRecord, ReplicaState

MISSING = (0, 0, 0)


def seen(path: Path, image_format: str) -> tuple[BaseFile, ...]:
    """The present state of a file and of those below it. Raises ImageProblem if one is missing."""
    links = image.chain(path, image_format)
    found = tuple(BaseFile(str(link.path), *_look(str(link.path))) for link in links)
    for file in found:
        if _state(file) == MISSING:
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
    now = {file.path: file for file in seen(Path(disk.base), disk.base_format)}
    return any(
        known.path not in now or _is_other(_state(known), _state(now[known.path]))
        for known in disk.base_files
    )


def seen_again(disk: DiskRecord) -> DiskRecord:
    """The disk's record with the present state of its files."""
    if not disk.base_files:
        return disk
    return dataclasses.replace(disk, base_files=seen(Path(disk.base), disk.base_format))


def note(files: ReplicaFiles, state: ReplicaState, run_name: str) -> None:
    """Note for a run what was recorded of the files below it, unless it was noted before."""
    if not files.run_bases(run_name).exists():
        _keep(files, run_name, state.disks)


def note_again(files: ReplicaFiles, state: ReplicaState, run_name: str) -> None:
    """Note their present state: our own merge has written to them. Raises ImageProblem."""
    _keep(files, run_name, [seen_again(disk) for disk in state.disks])


def _keep(files: ReplicaFiles, run_name: str, disks: Iterable[DiskRecord]) -> None:
    found = {disk.key: [dataclasses.astuple(each) for each in disk.base_files] for disk in disks}
    durable.write(files.run_bases(run_name), json.dumps(found))


def written(files: ReplicaFiles, run_name: str) -> tuple[str, ...]:
    """Keys of the disks of which a file below the run was written to since it was opened; a file that
    is away for a moment is not. Empty where nothing was noted, as by a former release."""
    noted: dict[str, list[tuple[str, int, int, int]]] = {}
    with contextlib.suppress(OSError, ValueError):
        noted = dict(json.loads(real_files.content(files.run_bases(run_name))))
    known = {key: [BaseFile(*each) for each in below] for key, below in noted.items()}
    return tuple(key for key, below in known.items() if any(map(_is_written, below)))


def _is_written(known: BaseFile) -> bool:
    then, now = _state(known), _look(known.path)
    if now == MISSING:
        return False
    if now[0] > 0:  # whoever moved the file to another file system kept its length and time
        then = (now[0], *then[1:])
    return _is_other(then, now)


def _differs(known: BaseFile) -> bool:
    return _is_other(_state(known), _look(known.path))


_State = tuple[int, int, int]
"""Inode, length and time of a file. Of a block device its incarnation as a negative number, its length, and
how much was written to it."""


def _state(file: BaseFile) -> _State:
    return file.inode, file.size_bytes, file.mtime_ns


def _is_other(known: _State, now: _State) -> bool:
    is_made_anew = known[0] < 0 and now[0] < 0 and known[0] != now[0]
    return known[1] != now[1] if is_made_anew else known != now


def _look(path: str) -> _State:
    """The state of a file; a missing one differs from any other."""
    try:
        found = os.stat(path)
    except OSError:
        return MISSING
    if not stat.S_ISBLK(found.st_mode):
        return found.st_ino, found.st_size, found.st_mtime_ns
    use = real_files.device_use(path)
    return MISSING if use is None else (-use.incarnation, use.size_bytes, use.written)
