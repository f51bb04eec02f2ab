"""Reads and writes firmware state as files on a host: read whole even while their owner writes, and written
whole or not at all."""

import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from ..datapath.cycles import MOST_BYTES
from ..domain import errors
from ..ground import durable

TRIES = 5


def read(files: Mapping[str, Path], machine: str) -> dict[str, bytes]:
    """The content by name of files that did not change while all were read; missing files are left out.
    Raises FabricError."""
    for _ in range(TRIES):
        before = {name: _mark(path) for name, path in files.items()}
        _check_size(before, machine)
        found = {name: _content(path, machine) for name, path in files.items()}
        if before == {name: _mark(path) for name, path in files.items()}:
            return {name: data for name, data in found.items() if data is not None}
    raise errors.FabricError(
        f"The firmware of '{machine}' keeps rewriting its state.",
        do="Nothing: it is read again with the next cycle.",
    )


def place(data: bytes, target: Path, owner: tuple[int, int] | None = None) -> None:
    """Write a durable file that only its owner (uid, gid) may read; raises FabricError."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with durable.replacing(target) as file:
            if owner is not None:
                os.chown(file.fileno(), *owner)
            file.write(data)
    except OSError as problem:
        raise errors.FabricError(
            f"The firmware state {target} could not be written: {problem.strerror or problem}.",
            do="Check the file system that it lies on, then retry.",
        ) from problem


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Replace the files of a folder, durably: all or none."""
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True, mode=0o700)
    for name, data in files.items():
        path = part / name
        path.parent.mkdir(exist_ok=True, mode=0o700)
        path.write_bytes(data)
        durable.sync_file(path)
        durable.sync_folder(path.parent)
    durable.sync_folder(part)
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    durable.sync_folder(folder.parent)


def content(folder: Path) -> dict[str, bytes]:
    """The content of the files below a folder, by name."""
    return {name: path.read_bytes() for name, path in under(folder).items()}


def under(folder: Path) -> dict[str, Path]:
    """The files below a folder by name, as `write` left them; none if there is no folder."""
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def _content(path: Path, machine: str) -> bytes | None:
    try:
        with os.fdopen(_opened(path), "rb") as file:
            return file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise errors.FabricError(
            f"The firmware state {path} of '{machine}' cannot be read: {problem.strerror or problem}.",
            do="Give the appliance's user the right to read it.",
        ) from problem


def _opened(path: Path) -> int:
    """Open a file for reading. QEMU and swtpm own the folders of these files, and what is read leaves the
    host: a symbolic link that one of them put there could lead to any file, so only an administrator's link
    is followed. Raises OSError."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    found = path.lstat()
    trusted = stat.S_ISLNK(found.st_mode) and found.st_uid in (0, os.geteuid())
    return os.open(path, flags if trusted else flags | os.O_NOFOLLOW)


def _check_size(marks: Mapping[str, tuple[int, int, int] | None], machine: str) -> None:
    size_bytes = sum(mark[1] for mark in marks.values() if mark)
    if size_bytes > MOST_BYTES:
        raise errors.FabricError(
            (
                f"The firmware state of '{machine}' has {size_bytes} bytes, more than the {MOST_BYTES} that "
                "travel."
            ),
            do=f"See which file grew: {', '.join(marks)}.",
        )
