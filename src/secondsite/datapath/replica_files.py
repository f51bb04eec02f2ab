"""Where a replica's files lie, and how they are made durable.

REPLICA/replica.json               the truth about all below
REPLICA/disks/KEY/base.qcow2       the chain's bottom (or a file elsewhere that is only read)
REPLICA/disks/KEY/000001.qcow2     layers, each reading through to the one before
REPLICA/points/POINT.json          one manifest per recovery point
REPLICA/firmware/DIGEST            files of the machine's firmware state, named by their content
REPLICA/digests/KEY.map            digests of what the head holds
REPLICA/runs/RUN/KEY.qcow2         overlays that machines run on
REPLICA/runs/.RUN.part/            overlays that cycles of the journal are applied to before they are a run's
REPLICA/inbox/                     cycles that wait to be applied
REPLICA/journal/                   cycles that were applied and are kept for a while; marks of those that rotted
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from dataclasses import dataclass
from pathlib import Path

from . import errors

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_LAYER = re.compile(r"(\d{6,})\.qcow2")


def checked_name(name: str, what: str) -> str:
    """The name, if it can be a file's; raises ImageProblem for one that could lead out of its folder."""
    if not _NAME.fullmatch(name):
        raise errors.ImageProblem(
            f"{name!r} cannot be used as a {what}.",
            do="Use letters, digits, '.', '_' and '-', starting with a letter or digit, at most 128.",
        )
    return name


@dataclass(frozen=True, slots=True)
class ReplicaFiles:
    """Paths of one replica."""

    root: Path

    @property
    def record(self) -> Path:
        return self.root / "replica.json"

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def journal(self) -> Path:
        return self.root / "journal"

    @property
    def points(self) -> Path:
        return self.root / "points"

    @property
    def firmware(self) -> Path:
        return self.root / "firmware"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    def disk(self, key: str) -> Path:
        return self.root / "disks" / checked_name(key, "disk key")

    def base(self, key: str) -> Path:
        return self.disk(key) / "base.qcow2"

    def layer(self, key: str, number: int) -> Path:
        return self.disk(key) / f"{number:06d}.qcow2"

    def digests(self, key: str) -> Path:
        return self.root / "digests" / f"{checked_name(key, 'disk key')}.map"

    def point(self, point_id: str) -> Path:
        return self.points / f"{checked_name(point_id, 'recovery point id')}.json"

    def run(self, run_name: str) -> Path:
        return self.runs / checked_name(run_name, "run name")

    def run_part(self, run_name: str) -> Path:
        """Where a run's overlays are made when they take a while: as deep as the run's folder, so that names of
        backing files hold in both."""
        return self.runs / f".{checked_name(run_name, 'run name')}.part"

    def run_overlay(self, run_name: str, key: str) -> Path:
        return self.run(run_name) / f"{checked_name(key, 'disk key')}.qcow2"

    def run_firmware(self, run_name: str) -> Path:
        """Where a run that was rolled forward has its firmware state, if the cycles knew of any."""
        return self.run(run_name) / "firmware"

    def layer_numbers(self, key: str) -> list[int]:
        """Numbers of the layer files that exist for a disk."""
        found = (_LAYER.fullmatch(path.name) for path in self.disk(key).iterdir())
        return sorted(int(match.group(1)) for match in found if match)

    def make_folders(self, keys: tuple[str, ...]) -> None:
        for folder in (
            self.inbox,
            self.points,
            self.firmware,
            self.runs,
            self.root / "digests",
            *map(self.disk, keys),
        ):
            folder.mkdir(parents=True, exist_ok=True)
            sync_folder(folder.parent)


def write_durably(path: Path, data: bytes) -> None:
    """After return, `path` holds `data` even through a power cut; before, it holds what it held."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise store_error(error, path) from error


def sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    sync_file(path)


def forget_cached(path: Path) -> None:
    """What the page cache holds may be whole while the disk is not: read from the disk next."""
    with contextlib.suppress(OSError):
        opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.posix_fadvise(opened, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(opened)


def stored_bytes(path: Path) -> int:
    """What a file occupies on its file system; 0 when it is not there."""
    try:
        return path.stat().st_blocks * 512
    except FileNotFoundError:
        return 0


def tree_bytes(folder: Path) -> int:
    """What a folder's files occupy; those that vanish meanwhile do not count."""
    return sum(stored_bytes(Path(place) / name) for place, _, names in os.walk(folder) for name in names)


def store_error(error: OSError, path: Path) -> errors.DatapathError:
    """An OSError on our own store, in the data path's words."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return errors.StoreFull(
            f"No room to write {path}.",
            do="Free space on the store's file system or drop recovery points, then repeat.",
        )
    return errors.ImageProblem(
        f"{path} could not be written: {error.strerror or error}.",
        do="Check the store's file system (mounted, writable, healthy), then repeat.",
    )
