"""What this site keeps of replicas that the vault has deleted, until the deletion delay is over.

STORE/trash/MACHINE.TOKEN/               a replica, whole, as it was
STORE/trash/MACHINE.TOKEN/removed.json   what it was, why it is here, and for how long

A replica comes here by one rename; the points that a commit removes come as a second replica of the same
files. Only the delay and a person at this host (`secondsite appliance trash`) end that. The delay is
counted by the uptime of the host, as that of `delayed_deletions`."""

from __future__ import annotations

import contextlib
import errno
import secrets
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import structlog

from ....datapath import replica as replicas
from ....datapath.files import store_error
from ....domain import errors
from ....domain.amounts import size, span
from ....ground import host, real_files, seams
from ....ground.durable import sync_folder
from ....ground.plural import counted
from ....ground.problem import SecondsiteError
from ..replica import FAILOVER, HostedReplica
from .item import FILE, Item, TrashItem, Why, freed_bytes, write

log = structlog.get_logger(__name__)


class Trash:
    """The trash of one store. Whoever puts something in has locked its replica."""

    def __init__(self, store: Path, delay_seconds: float) -> None:
        self.folder = store / "trash"
        self.delay_seconds = delay_seconds

    def items(self) -> list[Item]:
        """All items, the oldest first."""
        found = [Item(folder) for folder in self._folders()]
        return sorted(found, key=lambda item: item.removed.removed_at)

    def has_ended(self, machine_id: str) -> bool:
        """Whether a whole replica of this machine came here because its protection ended."""
        return any(
            item.removed.why is Why.ENDED for item in self.items() if item.removed.machine_id == machine_id
        )

    def takes(self, hosted: HostedReplica) -> bool:
        """Whether a replica has anything to keep: a point, with a deletion delay that is not 0."""
        return bool(self.delay_seconds and hosted.replica.point_ids)

    def put(self, hosted: HostedReplica) -> str:
        """Move a whole replica here; returns a sentence."""
        place = self._place(hosted)
        _note(hosted.replica.files.root, _removed(hosted, Why.ENDED))
        seams.reach("appliance.trash.noted")
        try:
            hosted.replica.move(place)
        except OSError as problem:
            raise _not_moved(problem, place) from problem
        seams.reach("appliance.trash.moved")
        _drop_cycles(place)
        return f"removed the replica; {self._told(hosted, place)}"

    def keep_points(self, hosted: HostedReplica) -> str:
        """Keep the points that a commit of the failover is about to remove; returns the end of a sentence,
        empty if there are none.

        Points on the old disks of a machine are not kept: the machine comes home to these disks, which are
        written then."""
        state = hosted.replica.state
        run = state.run(FAILOVER)
        others = run is not None and set(hosted.replica.point_ids) - {run.point_id}
        on_old_disks = any(Path(disk.base).is_absolute() for disk in state.disks)
        if not others or on_old_disks or not self.delay_seconds or state.stands_on_its_run:
            return ""
        place = self._place(hosted)
        before = [item for item in self.items() if item.removed.machine_id == hosted.machine_id]
        _share(hosted, place)
        seams.reach("appliance.trash.shared")
        _delete_repeated(before, hosted.replica.files.points)
        return f"; {self._told(hosted, place)}"

    def sweep(self) -> None:
        """Delete what an interrupted removal left here. The folder is made now: a store that is full later
        may have no space for it."""
        with contextlib.suppress(OSError):
            self._make()
        if self.folder.exists():
            replicas.sweep(self.folder)
            for part in self.folder.glob(".part-*"):
                shutil.rmtree(part, ignore_errors=True)

    def empty(self) -> None:
        """Delete what has been here for the whole delay, and count the time of the others. One that cannot be
        deleted keeps no other one."""
        for item in self.items():
            try:
                self._look(item)
            except Exception as problem:
                log.error("trash.not-deleted", item=item.name, problem=str(problem))

    def costs(self) -> str:
        """A sentence about the space that the trash takes; empty for an empty trash."""
        items = self.items()
        if not items:
            return ""
        freed = size(freed_bytes(items))
        return (
            f"The trash keeps {counted(len(items), 'removed replica')}, {freed}, for "
            f"{span(self.delay_seconds)}; to let one go earlier, at this host: 'secondsite appliance trash "
            "list'."
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

    def _make(self) -> None:
        if not self.folder.exists():
            self.folder.mkdir(parents=True)
            sync_folder(self.folder.parent)

    def _place(self, hosted: HostedReplica) -> Path:
        try:
            self._make()
        except OSError as problem:
            raise store_error(problem, self.folder) from problem
        return self.folder / f"{hosted.machine_id}.{secrets.token_hex(3)}"

    def _told(self, hosted: HostedReplica, place: Path) -> str:
        free = sum(not point.committed for point in hosted.points)
        kept = f"its {counted(free, 'recovery point')} can be restored" if free else "its files stay"
        return f"{kept} at this site for {span(self.delay_seconds)} (trash {place.name})"


def find(known: Sequence[Item], name: str) -> Item:
    """An item by its name, or by the machine's if there is just one; raises NotFound."""
    exactly = [item for item in known if item.name == name]  # a machine may be named like an item
    found = exactly or [
        item for item in known if name in (item.removed.machine_id, item.removed.machine_name)
    ]
    if len(found) == 1:
        return found[0]
    raise errors.NotFound(
        f"The trash has {counted(len(found), 'item')} of the name '{name}'."
        + "".join(f" {item.name}" for item in found),
        do="Name one as 'secondsite appliance trash list' shows it.",
    )


def _removed(hosted: HostedReplica, why: Why) -> TrashItem:
    return TrashItem(
        machine_id=hosted.machine_id,
        machine_name=hosted.setup.machine_name,
        why=why,
        points=len(hosted.replica.point_ids),
        removed_at=datetime.now(UTC),
        passed_seconds=0,
        seen=host.uptime(),
        damaged=tuple(point.id for point in hosted.points if point.damaged),
    )


def _drop_cycles(folder: Path) -> None:
    """Delete cycles, kept or waiting: they are no points, and nobody could start a machine from them
    there."""
    for path in (*folder.glob("journal/*"), *folder.glob("inbox/*")):
        path.unlink(missing_ok=True)


def _not_moved(problem: OSError, place: Path) -> SecondsiteError:
    if problem.errno != errno.EXDEV:
        return store_error(problem, place)
    return errors.NotPossibleNow(
        f"The replica cannot be moved to {place}: that is on another file system.",
        do="Stop the appliance, have 'replicas' and 'trash' of its store on one file system, and start it "
        "again. With deletion_delay_seconds 0 in its appliance.json nothing is kept, and the removal goes "
        "on.",
    )


def _share(hosted: HostedReplica, place: Path) -> None:
    part = place.with_name(f".part-{place.name}")
    try:
        hosted.replica.share(part)
        write(part, _removed(hosted, Why.COMMITTED))
        part.rename(place)
        sync_folder(place.parent)
    except Exception as problem:
        shutil.rmtree(part, ignore_errors=True)
        if isinstance(problem, OSError):
            raise store_error(problem, part) from problem
        raise


def _delete_repeated(before: list[Item], points: Path) -> None:
    """Delete an earlier item with the same points, which an interrupted commit left: it is repeated now."""
    for item in before:
        if item.removed.why is Why.COMMITTED and not item.restored and _are_all_in(item, points):
            item.delete()


def _are_all_in(item: Item, points: Path) -> bool:
    """Whether all points of an item are among these, with the same manifests: the source gives the ids, and
    may give one twice."""
    found = list(item.folder.glob("points/*.json"))
    with contextlib.suppress(OSError):
        return bool(found) and all(
            real_files.content(path) == real_files.content(points / path.name) for path in found
        )
    return False


def _note(replica: Path, removed: TrashItem) -> None:
    """Write the item's file. A full store must not keep a protection from ending, so it may be missing; the
    file of an interrupted earlier removal must not stay."""
    try:
        write(replica, removed)
    except errors.StoreFull:
        (replica / FILE).unlink(missing_ok=True)
