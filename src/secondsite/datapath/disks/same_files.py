"""Whether two paths lead to one file, and from which files a disk is read: by the files themselves, never
by how somebody wrote their paths. A link, `..`, a mount at a second place or the volume of a storage pool
is another path to the same file."""

import json
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .named_files import MAGIC

Identity = tuple[str, int, int]
MOST_FILES = 256
"""Of a chain: one that leads back to itself has no end."""
_HEAD = struct.Struct(">4sIQI")
_READ_BYTES = 4096
_LONGEST_NAME = 1023


def identity(path: str | Path) -> Identity | None:
    """What tells the file or device that a path leads to now from all others that are there now; None
    where there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    if stat.S_ISBLK(found.st_mode):
        return "device", found.st_rdev, 0
    return "file", found.st_dev, found.st_ino


def below(path: str | Path) -> list[Path]:
    """The files that a disk is read from below its own, as their headers name them, as far as these can be
    read here. Those of others are read while they are written, and in any version of qcow2."""
    found: list[Path] = []
    named = _backing(Path(path))
    while named is not None and len(found) < MOST_FILES:
        found.append(named)
        named = _backing(named)
    return found


def _backing(path: Path) -> Path | None:
    name = next(_named(_header_name(path)), "")
    if not name:
        return None
    beside = path.parent / name
    return beside if beside.exists() else path.resolve().parent / name


def _header_name(path: Path) -> str:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        return ""
    try:
        mode = os.fstat(file).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
            return ""
        magic, version, offset, length = _HEAD.unpack_from(os.pread(file, _READ_BYTES, 0))
        if magic != MAGIC or version < 2 or not offset or length > _LONGEST_NAME:
            return ""
        return os.fsdecode(os.pread(file, length, offset))
    except (OSError, struct.error):
        return ""
    finally:
        os.close(file)


def _named(name: str) -> Iterator[str]:
    """The files in a name as QEMU takes it."""
    if name.startswith("json:"):
        try:
            yield from _file_names(json.loads(name.removeprefix("json:")))
        except (ValueError, RecursionError):
            return
    else:
        yield name.removeprefix("file:")


def _file_names(told: Any) -> Iterator[str]:
    if isinstance(told, dict):
        for key, value in told.items():
            if isinstance(value, str) and key.rpartition(".")[2] == "filename":
                yield value.removeprefix("file:")
            else:
                yield from _file_names(value)
