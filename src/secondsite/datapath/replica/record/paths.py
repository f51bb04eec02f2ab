"""The paths of a replica's files.

REPLICA/replica.json                the record of all below
REPLICA/disks/KEY/base.qcow2        the chain's bottom (or a file elsewhere that is only read)
REPLICA/disks/KEY/000001.qcow2      layers, each backed by the one before, or by a merged one that
                                    ends with it
REPLICA/disks/KEY/000002.head.qcow2 the head, which cycles are written to; named as a layer when sealed
REPLICA/disks/KEY/000007-000012.qcow2  a merged layer: what the layers of these numbers held together
REPLICA/points/POINT.json           one manifest per recovery point
REPLICA/firmware/DIGEST             files of the machine's firmware state, named by digest
REPLICA/digests/KEY.map             digests of what the head holds
REPLICA/runs/RUN/KEY.qcow2          overlays that machines run on
REPLICA/runs/RUN/.KEY.merged.qcow2  what a run's overlay stands on if its point's chain has too many files
REPLICA/runs/RUN/KEY.stand-in.qcow2  what stands in for a disk that was left out, over .KEY.stand-in.raw
REPLICA/runs/.RUN.part/             overlays that are being rolled forward for a run
REPLICA/inbox/                      cycles that wait to be applied
REPLICA/journal/                    cycles that were applied and are kept a while; marks of damaged ones
REPLICA/delayed.json                deletions that wait (the appliance writes it, as it does removed.json
                                    of a replica in the trash)
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from ....ground.durable import sync_folder
from ... import errors
from ...cycles import header_checks

_LAYER = re.compile(r"(\d{6,})\.qcow2")
_MERGED = re.compile(r"(\d{6,})-(\d{6,})\.qcow2")
_HEAD = re.compile(r"(\d{6,})\.head\.qcow2")
_PART = re.compile(r"\.\d{6,}(-\d{6,}|\.head)?\.qcow2\.part")


def checked_name(name: str, what: str) -> str:
    """The name, if it is safe as a file's; raises ImageProblem if it could lead out of its folder."""
    if not header_checks.is_name(name):
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
        return self.disk(key) / self.layer_name(number)

    def head(self, key: str, number: int) -> Path:
        """A layer's file until it is sealed."""
        return self.disk(key) / self.head_name(number)

    def merged(self, key: str, low: int, high: int) -> Path:
        return self.disk(key) / self.merged_name(low, high)

    @staticmethod
    def layer_name(number: int) -> str:
        return f"{number:06d}.qcow2"

    @staticmethod
    def head_name(number: int) -> str:
        return f"{number:06d}.head.qcow2"

    @staticmethod
    def merged_name(low: int, high: int) -> str:
        return f"{low:06d}-{high:06d}.qcow2"

    @staticmethod
    def held_by(name: str) -> tuple[int, int] | None:
        """The oldest and the newest layer that a file holds, by its name, the head's too; None for a name
        of another kind."""
        if found := _MERGED.fullmatch(name):
            return int(found.group(1)), int(found.group(2))
        found = _LAYER.fullmatch(name) or _HEAD.fullmatch(name)
        return (int(found.group(1)), int(found.group(1))) if found else None

    def digests(self, key: str) -> Path:
        return self.root / "digests" / f"{checked_name(key, 'disk key')}.map"

    def point(self, point_id: str) -> Path:
        return self.points / f"{checked_name(point_id, 'recovery point id')}.json"

    def run(self, run_name: str) -> Path:
        return self.runs / checked_name(run_name, "run name")

    def run_part(self, run_name: str) -> Path:
        """Where a run's overlays are rolled forward: as deep as the run's folder, so that relative backing
        names are valid in both."""
        return self.runs / f".{checked_name(run_name, 'run name')}.part"

    def run_overlay(self, run_name: str, key: str) -> Path:
        return self.run(run_name) / f"{checked_name(key, 'disk key')}.qcow2"

    def run_merged(self, run_name: str, key: str) -> Path:
        """Below a run's overlay in place of the layers that it holds; its name is none of a disk."""
        return self.run(run_name) / f".{checked_name(key, 'disk key')}.merged.qcow2"

    def run_stand_in(self, run_name: str, key: str) -> Path:
        """What stands in for a disk that was left out; its name is none of a disk."""
        return self.run(run_name) / f"{checked_name(key, 'disk key')}.stand-in.qcow2"

    def run_file_system(self, run_name: str, key: str) -> Path:
        """The empty file system below a stand-in, if it has one."""
        return self.run(run_name) / f".{checked_name(key, 'disk key')}.stand-in.raw"

    def run_below(self, run_name: str) -> Path:
        """Where it is noted what the files below a run looked like."""
        return self.run(run_name) / ".below.json"

    def run_bases(self, run_name: str) -> Path:
        """Where it is noted what files of others below a run looked like when it was opened."""
        return self.run(run_name) / ".bases.json"

    def run_firmware(self, run_name: str) -> Path:
        """Where a run that was rolled forward has its firmware state, if its cycles had any."""
        return self.run(run_name) / "firmware"

    def strays(
        self, key: str, sealed: Container[int], head: int | None, merged: Container[tuple[int, int]]
    ) -> list[Path]:
        """The files of a disk that are layers of other numbers than these, or copies of layers that were
        cut off."""
        return [path for path in self.disk(key).iterdir() if _is_stray(path.name, sealed, head, merged)]

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


def _is_stray(
    name: str, sealed: Container[int], head: int | None, merged: Container[tuple[int, int]]
) -> bool:
    if layer := _LAYER.fullmatch(name):
        return int(layer.group(1)) not in sealed
    if written := _HEAD.fullmatch(name):
        return int(written.group(1)) != head
    if found := _MERGED.fullmatch(name):
        return (int(found.group(1)), int(found.group(2))) not in merged
    return _PART.fullmatch(name) is not None


# A replica's files lie in its folder, and nowhere else. A store may have been in other hands. What is
# removed, written and made in a replica's folders by an appliance, which may do everything on its host,
# would be another replica's, or the host's, where one of them is a symbolic link; and QEMU waits for ever
# for the other end of a pipe, with the disks of all machines.


def require_own(root: Path) -> None:
    """Raises ImageProblem for a symbolic link, a pipe or a device anywhere below the folder."""
    for path, what in _strange(root):
        raise errors.ImageProblem(
            f"{path} is {what}, and no file or folder of the replica: somebody has changed it.",
            do=(
                "Remove it, or use another copy of the store; find out who could write there. Nothing was "
                "removed or written."
            ),
        )


def _strange(folder: str | Path) -> Iterator[tuple[str, str]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_symlink():
                    yield entry.path, "a symbolic link"
                elif entry.is_dir(follow_symlinks=False):
                    yield from _strange(entry.path)
                elif not entry.is_file(follow_symlinks=False) and not _is_socket(entry):
                    yield entry.path, "a pipe or a device"
    except FileNotFoundError:  # another process removes it
        return


def _is_socket(entry: os.DirEntry[str]) -> bool:
    return stat.S_ISSOCK(entry.stat(follow_symlinks=False).st_mode)
