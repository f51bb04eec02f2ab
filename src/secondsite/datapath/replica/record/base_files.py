"""Files of others that a replica stands on: the old disks of a machine that comes home.

They are only read here. If their owner changes them, the points are not what was sealed, and the digests are
not those of the head. So size and times of the files are recorded, and compared later. Of a block device it
is what it is called, its size and how much was written to it, which is counted anew after a reboot. A file
that is not there, or a device that is another one, says nothing about the points."""

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
PROBED_BYTES = 4096


def seen(path: Path, image_format: str) -> tuple[BaseFile, ...]:
    """The present state of a file and of those below it. Raises ImageProblem if one is missing."""
    links = image.chain(path, image_format)
    found = tuple(_seen(str(link.path)) for link in links)
    for file in found:
        if _state(file) == MISSING:
            raise errors.ImageProblem(
                f"{file.path} cannot be looked at.", do="Mount its file system again, or put it back."
            )
    return found


def changed(state: ReplicaState) -> tuple[str, ...]:
    """Keys of the disks whose files differ from what was recorded, or are away."""
    return tuple(disk.key for disk in state.disks if any(map(_differs, disk.base_files)))


def require_there(state: ReplicaState, *, answering: bool = False) -> None:
    """Raises OldDiskAway while a file is missing, or a device is another one; with `answering`, also while
    nothing of one can be read."""
    for disk in state.disks:
        for known in disk.base_files:
            why = _away(known) or (answering and _silent(known.path))
            if why:
                raise errors.OldDiskAway(
                    f"The old disk {disk.key}, which recovery points stand on, is away: {known.path} {why}."
                )


def _away(known: BaseFile) -> str:
    """Why it is not at its path, to be said after that; empty if it is."""
    if known.inode < 0:
        return real_files.device_away(known.path, known.device)
    try:
        found = os.stat(known.path)
    except OSError as problem:
        return f"is not there ({problem.strerror})"
    return "is an empty file, on which nothing is mounted" if _is_place(found) else ""


def _is_place(found: os.stat_result) -> bool:
    """Whether that is only where a disk is mounted as a file: so a process finds it after another one died,
    in a unit with mounts of its own."""
    return stat.S_ISREG(found.st_mode) and found.st_size == 0


def _silent(path: str) -> str:
    """Why nothing of it can be read, to be said after the path; empty if something can."""
    try:
        with open(path, "rb") as file:
            size_bytes = os.lseek(file.fileno(), 0, os.SEEK_END)
            places = (0, size_bytes // 2, max(0, size_bytes - PROBED_BYTES))
            problems = [_unread(file.fileno(), place // PROBED_BYTES * PROBED_BYTES) for place in places]
    except OSError as problem:
        problems = [problem]
    return "" if None in problems else f"answers nothing ({problems[0]})"


def _unread(descriptor: int, place: int) -> OSError | None:
    """Why a page cannot be read from the disk itself; None if it can."""
    os.posix_fadvise(descriptor, place, PROBED_BYTES, os.POSIX_FADV_DONTNEED)
    try:
        os.pread(descriptor, PROBED_BYTES, place)
    except OSError as problem:
        return problem
    return None


def made_anew(state: ReplicaState) -> bool:
    """Whether a device was attached anew since it was recorded, as by a reboot."""
    known = [file for disk in state.disks for file in disk.base_files if file.inode < 0]
    return any(_look(file.path)[0] not in (file.inode, 0) for file in known)


def attached(state: ReplicaState) -> tuple[int, ...]:
    """Which files and devices are there now: a device that was attached anew has another number."""
    return tuple(_look(file.path)[0] for disk in state.disks for file in disk.base_files)


def require_same(state: ReplicaState, then: tuple[int, ...]) -> None:
    """Raises OldDiskAway while one is missing, another device or answers nothing, and if one was away since
    `attached` gave `then`."""
    require_there(state, answering=True)
    if attached(state) != then:
        raise errors.OldDiskAway(
            "An old disk, which recovery points stand on, was away while a point was read.",
            do="Repeat the reading; nothing else is to be done, since the disk is back.",
        )


def altered(state: ReplicaState) -> tuple[str, ...]:
    """As `changed`, of files that are there now. Raises OldDiskAway while one is missing, ImageProblem."""
    require_there(state)
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
    noted: dict[str, list[tuple[str, int, int, int, str]]] = {}
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
    return _is_other(_state(known), _look(known.path)) or bool(_away(known))


_State = tuple[int, int, int]
"""Inode, length and time of a file. Of a block device its incarnation as a negative number, its length, and
how much was written to it."""


def _state(file: BaseFile) -> _State:
    return file.inode, file.size_bytes, file.mtime_ns


def _is_other(known: _State, now: _State) -> bool:
    is_made_anew = known[0] < 0 and now[0] < 0 and known[0] != now[0]
    return known[1] != now[1] if is_made_anew else known != now


def _seen(path: str) -> BaseFile:
    return BaseFile(path, *_look(path), real_files.device_name(path))


def _look(path: str) -> _State:
    """The state of a file; a missing one differs from any other."""
    try:
        found = os.stat(path)
    except OSError:
        return MISSING
    if _is_place(found):
        return MISSING
    loan = real_files.loan_number(path)
    if loan is not None:  # a disk of a rescued machine: QEMU says now for its times
        return loan, found.st_size, 0
    if not stat.S_ISBLK(found.st_mode):
        return found.st_ino, found.st_size, found.st_mtime_ns
    use = real_files.device_use(path)
    return MISSING if use is None else (-use.incarnation, use.size_bytes, use.written)
