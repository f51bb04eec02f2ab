"""Tells whether two paths lead to one file, and from which files a disk is read: by the files themselves,
never by how somebody wrote their paths. A link, `..`, a mount at a second place or the volume of a storage
pool is another path to the same file."""

import contextlib
import itertools
import json
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...ground import real_files
from .named_files import MAGIC
from .network_disk import NetworkDisk

Identity = tuple[str, int, int]
DEVICES = Path("/sys/dev/block")
MOST_FILES = 256
"""The most files of a chain: one that leads back to itself has no end."""
_HEAD = struct.Struct(">4sIQI")
_READ_BYTES = 8192
_WITH_FEATURES, _FEATURES_AT, _DATA_FILE, _LENGTH_AT = 3, 72, 1 << 2, 100
_DATA_NAME = 0x44415441
_LONGEST_NAME = 1023


def identity(path: str | Path) -> Identity | None:
    """What distinguishes the file or device that a path leads to now from all others, or the network disk
    whose text it is; None if there is none."""
    remote = NetworkDisk.parse(str(path))
    if remote is not None:
        return remote.identity, 0, 0
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    if stat.S_ISBLK(found.st_mode):
        behind = _behind(found.st_rdev)
        return identity(behind) if behind else ("device", found.st_rdev, 0)
    return "file", found.st_dev, found.st_ino


def behind(path: Path) -> Path:
    """The file that a loop device is made of; of anything else, the path itself."""
    file = _behind(path.stat().st_rdev) if path.is_block_device() else ""
    return Path(file) if file else path


def overlap(one: str | Path, other: str | Path) -> bool:
    """Whether what is written to one may be read from the other: they are the same, or one is made of the
    other, as a partition of its disk and a logical volume of its devices; or the kernel calls both by one
    name, as the paths to one disk."""
    first, second = identity(one), identity(other)
    if first is None or second is None:
        return False
    if first == second or first in _parts(second) or second in _parts(first):
        return True
    name = real_files.device_name(one)
    return bool(name) and name == real_files.device_name(other)


def _parts(of: Identity) -> Iterator[Identity]:
    """The devices that a device is made of, and these of."""
    kind, number, _ = of
    for below in _made_of(number) if kind == "device" else ():
        part = "device", below, 0
        yield part
        yield from _parts(part)


def _made_of(device: int) -> Iterator[int]:
    folder = _folder(device).resolve()
    parents = [folder.parent] if (folder / "partition").exists() else []
    for each in (*parents, *(folder / "slaves").glob("*")):
        with contextlib.suppress(OSError, ValueError):
            major, minor = map(int, (each / "dev").read_text().split(":"))
            yield os.makedev(major, minor)


def _folder(device: int) -> Path:
    return DEVICES / f"{os.major(device)}:{os.minor(device)}"


def _behind(device: int) -> str:
    """The file that a loop device, or a partition of one, is made of; empty if it is another device."""
    folder = _folder(device)
    for place in (folder, folder.resolve().parent):
        with contextlib.suppress(OSError):
            return os.fsdecode((place / "loop/backing_file").read_bytes()).rstrip("\n")
    return ""


def files(path: str | Path, image_format: str | None = None) -> list[Path]:
    """All files that a disk is read from, top first: itself, those below and, after each whose data is in
    another file, that one. They are found by the headers, as far as these can be read here, even while others
    write them, and in any version of qcow2. A raw file has no header, whatever its guest wrote there."""
    if image_format == "raw":
        return [Path(path)]
    found: list[Path] = []
    top: Path | None = Path(path)
    while top is not None and len(found) < MOST_FILES:
        below, data = _headed(top)
        found += [top, *data]
        top = below
    return found


def below(path: str | Path, image_format: str | None = None) -> list[Path]:
    """The files below a disk: as `files`, without the disk itself."""
    return files(path, image_format)[1:]


def count(path: str | Path, image_format: str | None = None) -> int:
    """How many files a disk is read from, counting those that are here."""
    return sum(each.is_file() for each in files(path, image_format))


def _headed(path: Path) -> tuple[Path | None, list[Path]]:
    """The file below, and the files of its data, as the header names them."""
    head = _header(path)
    try:
        magic, version, offset, length = _HEAD.unpack_from(head)
        if magic != MAGIC or version < 2 or length > _LONGEST_NAME:
            return None, []
        name = next(_named(os.fsdecode(head[offset : offset + length])), "") if offset else ""
        return (_beside(path, name) if name else None), [
            _beside(path, each) for each in _data_names(head, version)
        ]
    except struct.error:
        return None, []


def _beside(path: Path, name: str) -> Path:
    beside = path.parent / name
    return beside if beside.exists() else path.resolve().parent / name


def _header(path: Path) -> bytes:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        return b""
    try:
        mode = os.fstat(file).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
            return b""
        return os.pread(file, _READ_BYTES, 0)
    except OSError:
        return b""
    finally:
        os.close(file)


def _data_names(head: bytes, version: int) -> Iterator[str]:
    """The name of the file with the guest's data, from the extensions of the header; at most one."""
    if version < _WITH_FEATURES or not struct.unpack_from(">Q", head, _FEATURES_AT)[0] & _DATA_FILE:
        return
    (at,) = struct.unpack_from(">I", head, _LENGTH_AT)
    while at + 8 <= len(head):
        kind, length = struct.unpack_from(">II", head, at)
        if kind == _DATA_NAME:
            yield from itertools.islice(_named(os.fsdecode(head[at + 8 : at + 8 + length])), 1)
        if kind in (_DATA_NAME, 0):
            return
        at += 8 + -(-length // 8) * 8


def _named(name: str) -> Iterator[str]:
    """The files in a name as QEMU understands it."""
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
