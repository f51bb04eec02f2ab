"""What this site keeps of replicas that the vault has deleted, until the deletion delay is over.

STORE/trash/MACHINE.TOKEN/               a replica, whole, as it was
STORE/trash/MACHINE.TOKEN/removed.json   what it was, why it is here, and how long by now

A replica comes here by one rename; the points that a commit removes come as a second replica of the same files. Only the delay and
a person at this host (`secondsite appliance trash`) end that. The delay is counted by the uptime of the host, as that of
`delayed_deletions`."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Self

import structlog

from ....datapath import errors as datapath_errors
from ....datapath import replica as replicas
from ....datapath.files import store_error, write_durably
from ....domain import errors
from ....domain.amounts import size, span
from ....ground import host, seams
from ....ground.durable import sync_folder
from ....ground.plural import counted
from ....ground.units import MINUTE
from ....ground.uptime import Uptime
from ....wire.common.base import Shape
from ..replica import FAILOVER, HostedReplica

FILE = "removed.json"
RESTORED = "restored-"
"""How the names of runs begin that machines stand on which a person restored."""
WRITTEN_EVERY_SECONDS = 10 * MINUTE

log = structlog.get_logger(__name__)


class Why(StrEnum):
    """What removed it."""

    ENDED = "its protection ended"
    COMMITTED = "a failover was committed"


class Removed(Shape):
    """An item of the trash, as its file says. `removed_at` is for people; what counts is `passed_seconds`, up to `seen`."""

    machine_id: str
    machine_name: str
    why: Why
    points: int
    removed_at: datetime
    passed_seconds: float
    seen: Uptime

    def at(self, now: Uptime) -> Self:
        """The same, counted up to `now`."""
        passed = self.passed_seconds + now.since(self.seen)
        return self.model_copy(update={"passed_seconds": passed, "seen": now})


class Item:
    """One folder of the trash."""

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
        """Points that machines were restored from, and stand on; "unknown" if nobody can tell."""
        try:
            state = replicas.load_record(self.folder / "replica.json")
        except datapath_errors.ImageProblem:
            return ("unknown",)
        return tuple(run.point_id for run in state.runs if run.name.startswith(RESTORED))

    def freed_bytes(self) -> int:
        """What the store gets back when it goes: files that a replica shares stay."""
        freed = 0
        for place, _, names in os.walk(self.folder):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    found = os.lstat(os.path.join(place, name))
                    freed += found.st_blocks * 512 if found.st_nlink == 1 else 0
        return freed

    def left_seconds(self, delay_seconds: float) -> float:
        return max(0.0, delay_seconds - self.removed.at(host.uptime()).passed_seconds)

    def count(self) -> None:
        """Count the time that passed; durable now and then."""
        now = self.removed.at(host.uptime())
        long_ago = now.passed_seconds - self.removed.passed_seconds >= WRITTEN_EVERY_SECONDS
        if long_ago or now.seen.boot != self.removed.seen.boot or not self._is_written:
            _write(self.folder, now)

    def delete(self) -> None:
        """Delete it for good."""
        replicas.delete(self.folder, lambda name: seams.reach(f"appliance.trash.{name}"))


class Trash:
    """The folder. What puts something in has locked its replica."""

    def __init__(self, store: Path, delay_seconds: float) -> None:
        self.folder = store / "trash"
        self.delay_seconds = delay_seconds

    def items(self) -> list[Item]:
        """All, the oldest first."""
        found = [Item(folder) for folder in self._folders()]
        return sorted(found, key=lambda item: item.removed.removed_at)

    def has_ended(self, machine_id: str) -> bool:
        """Whether a whole replica of this machine came here."""
        return any(
            item.removed.why is Why.ENDED for item in self.items() if item.removed.machine_id == machine_id
        )

    def takes(self, hosted: HostedReplica) -> bool:
        """Whether a replica has anything that the delay is for."""
        return bool(self.delay_seconds and hosted.replica.point_ids)

    def put(self, hosted: HostedReplica) -> str:
        """Take a whole replica; gives a sentence."""
        place = self._place(hosted)
        with contextlib.suppress(errors.StoreFull):  # nor may a full store keep a protection from ending
            _write(hosted.replica.files.root, _removed(hosted, Why.ENDED))
        seams.reach("appliance.trash.noted")
        try:
            hosted.replica.move(place)
        except OSError as problem:
            raise store_error(problem, place) from problem
        seams.reach("appliance.trash.moved")
        _drop_cycles(place)
        return f"removed the replica; {self._told(hosted, place)}"

    def keep_points(self, hosted: HostedReplica) -> str:
        """Keep the points that a commit of the failover is about to remove; the end of a sentence, empty if it removes none.

        Points on the old disks of a machine are not kept: it comes home to these, and they are written then."""
        state = hosted.replica.state
        run = state.run(FAILOVER)
        others = run is not None and set(hosted.replica.point_ids) - {run.point_id}
        on_old_disks = any(Path(disk.base).is_absolute() for disk in state.disks)
        if not others or on_old_disks or not self.delay_seconds or state.stands_on_its_run:
            return ""
        place = self._place(hosted)
        part = place.with_name(f".part-{place.name}")
        before = [item for item in self.items() if item.removed.machine_id == hosted.machine_id]
        try:
            hosted.replica.share(part)
        except OSError as problem:
            raise store_error(problem, part) from problem
        _write(part, _removed(hosted, Why.COMMITTED))
        part.rename(place)
        sync_folder(place.parent)
        seams.reach("appliance.trash.shared")
        _delete_repeated(before, set(hosted.replica.point_ids))
        return f"; {self._told(hosted, place)}"

    def sweep(self) -> None:
        """Delete what was cut off here."""
        if self.folder.exists():
            replicas.sweep(self.folder)
            for part in self.folder.glob(".part-*"):
                shutil.rmtree(part, ignore_errors=True)

    def empty(self) -> None:
        """Delete what has been here for the whole delay, and count the time of the others."""
        for item in self.items():
            try:
                self._look(item)
            except (OSError, datapath_errors.DatapathError) as problem:
                log.error("trash.not-deleted", item=item.name, problem=str(problem))

    def costs(self) -> str:
        """A sentence about the space that it takes; empty for an empty trash."""
        items = self.items()
        if not items:
            return ""
        freed = size(sum(item.freed_bytes() for item in items))
        return (
            f"The trash keeps {counted(len(items), 'removed replica')}, {freed}, for {span(self.delay_seconds)}; to let one go "
            "earlier, at this host: 'secondsite appliance trash list'."
        )

    def find(self, name: str) -> Item:
        """An item by its name, or by the machine's if there is just one; raises NotFound."""
        known = self.items()
        found = [
            item for item in known if name in (item.name, item.removed.machine_id, item.removed.machine_name)
        ]
        if len(found) == 1:
            return found[0]
        raise errors.NotFound(
            f"The trash has {counted(len(found), 'item')} of the name '{name}'."
            + "".join(f" {item.name}" for item in found),
            do="Name one as 'secondsite appliance trash list' shows it.",
        )

    def _look(self, item: Item) -> None:
        if item.left_seconds(self.delay_seconds) or item.restored:
            item.count()
            return
        item.delete()
        log.info(
            "trash.deleted", item=item.name, machine=item.removed.machine_name, points=item.removed.points
        )

    def _folders(self) -> Iterator[Path]:
        return self.folder.glob("[!.]*/") if self.folder.exists() else iter(())

    def _place(self, hosted: HostedReplica) -> Path:
        if not self.folder.exists():
            self.folder.mkdir(parents=True)
            sync_folder(self.folder.parent)
        return self.folder / f"{hosted.machine_id}.{secrets.token_hex(3)}"

    def _told(self, hosted: HostedReplica, place: Path) -> str:
        points = counted(len(hosted.replica.point_ids), "recovery point")
        return (
            f"its {points} can be restored at this site for {span(self.delay_seconds)} (trash {place.name})"
        )


def _removed(hosted: HostedReplica, why: Why) -> Removed:
    return Removed(
        machine_id=hosted.machine_id,
        machine_name=hosted.setup.machine_name,
        why=why,
        points=len(hosted.replica.point_ids),
        removed_at=datetime.now(UTC),
        passed_seconds=0,
        seen=host.uptime(),
    )


def _drop_cycles(folder: Path) -> None:
    """Single cycles, kept or waiting, are no points: nobody could start from them there."""
    for path in (*folder.glob("journal/*"), *folder.glob("inbox/*")):
        path.unlink(missing_ok=True)


def _delete_repeated(before: list[Item], point_ids: set[str]) -> None:
    """A commit that was cut off and given again keeps the same points once."""
    for item in before:
        known = {path.stem for path in item.folder.glob("points/*.json")}
        if item.removed.why is Why.COMMITTED and known <= point_ids and not item.restored:
            item.delete()


def _write(folder: Path, removed: Removed) -> None:
    write_durably(folder / FILE, removed.model_dump_json(indent=1).encode())


def _read(folder: Path) -> Removed | None:
    try:
        return Removed.model_validate_json((folder / FILE).read_bytes())
    except (OSError, ValueError) as problem:
        log.warning("trash.unreadable", item=folder.name, problem=str(problem))
        return None


def _guessed(folder: Path) -> Removed:
    """An item whose file cannot be read counts as removed just now."""
    machine_id = folder.name.partition(".")[0]
    points = len(list(folder.glob("points/*.json")))
    return Removed(
        machine_id=machine_id, machine_name=machine_id, why=Why.ENDED, points=points, removed_at=datetime.now(UTC),
        passed_seconds=0, seen=host.uptime(),
    )  # fmt: skip
