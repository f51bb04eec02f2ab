"""One item of the trash: what it was, why it is there, and for how long."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Self

import structlog
from pydantic import AwareDatetime

from ....datapath import errors as datapath_errors
from ....datapath import replica as replicas
from ....datapath.files import write_durably
from ....ground import host, real_files, seams
from ....ground.uptime import Uptime
from ....wire.common.base import Shape
from ..delayed_deletions import WRITTEN_EVERY_SECONDS

FILE = "removed.json"
RESTORED = "restored-"
"""The beginning of the names of runs on which machines stand that a person restored."""

log = structlog.get_logger(__name__)


class Why(StrEnum):
    """Why a replica or points were removed."""

    ENDED = "its protection ended"
    COMMITTED = "a failover was committed"


class TrashItem(Shape):
    """An item of the trash, as its file says. `removed_at` is only for people to read; what counts is
    `passed_seconds`, counted up to `seen`."""

    machine_id: str
    machine_name: str
    why: Why
    points: int
    removed_at: AwareDatetime
    passed_seconds: float
    seen: Uptime
    damaged: tuple[str, ...] = ()
    """Points that are not what was sealed, or that stand on such a point."""

    def at(self, now: Uptime) -> Self:
        """The same, counted up to `now`."""
        passed = self.passed_seconds + now.since(self.seen)
        return self.model_copy(update={"passed_seconds": passed, "seen": now})


class Item:
    """One item of the trash: a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        written = _read(folder)
        self._is_written = written is not None
        self.removed = written or _guessed(folder)

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def restored(self) -> tuple[str, ...]:
        """Points that machines were restored from, and stand on; "unknown" if the files cannot be read."""
        try:
            state = replicas.load_record(self.folder / "replica.json")
        except datapath_errors.ImageProblem:
            return ("unknown",)
        return tuple(run.point_id for run in state.runs if run.name.startswith(RESTORED))

    def freed_bytes(self) -> int:
        """Bytes that deleting it frees in the store: files that a replica or another item shares stay."""
        return freed_bytes([self])

    def left_seconds(self, delay_seconds: float) -> float:
        return max(0.0, delay_seconds - self.removed.at(host.uptime()).passed_seconds)

    def count(self) -> None:
        """Count the time that passed; durable now and then."""
        now = self.removed.at(host.uptime())
        long_ago = now.passed_seconds - self.removed.passed_seconds >= WRITTEN_EVERY_SECONDS
        if long_ago or now.seen.boot != self.removed.seen.boot or not self._is_written:
            write(self.folder, now)

    def delete(self) -> None:
        """Delete the item for good."""
        replicas.delete(self.folder, lambda name: seams.reach(f"appliance.trash.{name}"))


def freed_bytes(items: Iterable[Item]) -> int:
    """Bytes that deleting all these frees in the store: files that have a name elsewhere stay."""
    names = Counter[int]()
    found = dict[int, os.stat_result]()
    for place, _, files in (each for item in items for each in os.walk(item.folder)):
        for file in files:
            with contextlib.suppress(FileNotFoundError):
                stat = os.lstat(os.path.join(place, file))
                names[stat.st_ino] += 1
                found[stat.st_ino] = stat
    return sum(stat.st_blocks * 512 for inode, stat in found.items() if names[inode] >= stat.st_nlink)


def write(folder: Path, removed: TrashItem) -> None:
    """Write the item's file; durable when it returns. Raises StoreFull, ImageProblem."""
    write_durably(folder / FILE, removed.model_dump_json(indent=1).encode())


def _read(folder: Path) -> TrashItem | None:
    try:
        return TrashItem.model_validate_json(real_files.content(folder / FILE))
    except (OSError, ValueError, RecursionError) as problem:
        log.warning("trash.unreadable", item=folder.name, problem=str(problem))
        return None


def _guessed(folder: Path) -> TrashItem:
    """An item whose file cannot be read counts as removed just now."""
    machine_id = folder.name.partition(".")[0]
    points = len(list(folder.glob("points/*.json")))
    return TrashItem(
        machine_id=machine_id, machine_name=machine_id, why=Why.ENDED, points=points,
        removed_at=datetime.now(UTC),
        passed_seconds=0, seen=host.uptime(),
    )  # fmt: skip
