"""Views of the disks of machines of Proxmox VE: each is a backup that hands its disks to us.

QEMU counts what changed since the last backup that we called done. The plugin says per disk whether that
count is there ('reuse'); of any other disk everything is read, and compared. A node makes one backup
at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ....domain import errors
from ...interface import (
    AcknowledgedDisks,
    ChangeSession,
    ComparedBlocks,
    DiskChanges,
    ExpectedBlocks,
    Obstacle,
    RunningView,
    SessionRequest,
    Unwritten,
)
from ..connection import Connection
from ..errors import PveAway, PveRefused
from ..machines import Known, Machines
from ..tagging import PveTags
from . import backup as backups
from .backup import Backup, Waiting
from .provider import Begun, Expected, Provider
from .records import MarkRecord, MarkRecords
from .words import DEVICE_PREFIX, Read, is_there, said

DIAL_SECONDS = 120.0
"""For Proxmox VE to begin a backup: it starts a machine that is off, without letting it run."""
INSTANT_SECONDS = 60.0
LOOK_SECONDS = 1.0
TURN_SECONDS = 600.0
"""How long a cycle waits for those of other machines of its node."""
BACKUP = RunningView("backup")
PLUGIN_TYPE = "secondsite"
USE, NEW, REUSE = "use", "new", "reuse"


@dataclass(frozen=True, slots=True)
class Replicated:
    """What cycles need at each node. `storage` is of the plugin's type, `fleecing` holds what guests
    overwrite meanwhile. `socket` is where the plugin dials, `records` a folder of ours alone."""

    socket: Path
    records: Path
    fleecing: str
    storage: str = "secondsite"


@dataclass(frozen=True, slots=True)
class _View:
    """A backup whose instant is fixed."""

    begun: Begun
    backup: Backup
    read: Read
    taken_at: datetime
    pause_seconds: float
    counted: bool
    """Whether its marks were asked to be those since the base."""


class PveTracking:
    def __init__(self, connection: Connection, machines: Machines, tags: PveTags, how: Replicated) -> None:
        self._connection, self._machines, self._tags, self._how = connection, machines, tags, how
        self._provider = Provider(how.socket)
        self._records = MarkRecords(how.records)
        self._lock = threading.Lock()
        self._open: dict[str, _View] = {}
        self._turns: dict[str, threading.Lock] = {}

    def check(self, fabric_id: str) -> Sequence[Obstacle]:
        found = self._machines.find(fabric_id)
        if found is None:
            raise errors.NotFound(f"No machine {fabric_id} is known here.")
        storage, node = self._how.storage, found.row.node
        # Asked for by its name, one that is not there is an error and no empty list.
        told = self._connection.get(f"/nodes/{node}/storage")
        rows = [row for row in told if isinstance(row, dict)] if isinstance(told, list) else []
        if any((row.get("storage"), row.get("type")) == (storage, PLUGIN_TYPE) for row in rows):
            return []
        return [
            Obstacle(
                f"Node {node} has no storage '{storage}' of type 'secondsite'.",
                "Put SecondsitePlugin.pm of this release on each node; its head says how to add the storage.",
            )
        ]

    def enable(self, fabric_id: str, tag: str) -> None:
        self._tags.enable(fabric_id, tag)

    def disable(self, fabric_id: str) -> None:
        """QEMU counts on until the machine is off; that costs no writes of it."""
        self.end(fabric_id)
        self._tags.disable(fabric_id)
        self._records.forget(fabric_id)

    def recognizes(self, acknowledged: AcknowledgedDisks) -> bool:
        """QEMU's count dies with the machine, and says nothing of its disks."""
        return False

    @contextmanager
    def open(self, request: SessionRequest) -> Iterator[ChangeSession]:
        found = self._found(request)
        with self._turn(found.row.node), self._provider.expecting(found.row.vmid) as expected:
            backup = backups.begun(self._connection, found, self._how.storage, self._how.fleecing)
            self._records.change(request.fabric_id, task=backup.task)
            with self._ending(request.fabric_id, backup):
                yield from self._viewed(request, expected, backup)

    def _found(self, request: SessionRequest) -> Known:
        """Raises NotOurs for a machine without our tag, unless the view is on trial."""
        found = (
            self._machines.find(request.fabric_id) if request.trial else self._tags.ours(request.fabric_id)
        )
        if found is None:
            raise errors.NotFound(f"No machine {request.fabric_id} is known here.")
        return found

    @contextmanager
    def _turn(self, node: str) -> Iterator[None]:
        with self._lock:
            turn = self._turns.setdefault(node, threading.Lock())
        if not turn.acquire(timeout=TURN_SECONDS):
            raise PveAway(f"Cycles of other machines of node {node} take too long: one is made at a time.")
        try:
            yield
        finally:
            turn.release()

    @contextmanager
    def _ending(self, fabric_id: str, backup: Backup) -> Iterator[None]:
        """What goes wrong takes the backup along; the task is forgotten once it has ended."""
        try:
            yield
        except BaseException:
            if not backups.is_over(self._connection, backup, LOOK_SECONDS):
                backups.stop(self._connection, backup)
            raise
        finally:
            if backups.is_over(self._connection, backup):
                self._records.change(fabric_id, task="")

    def _viewed(self, request: SessionRequest, expected: Expected, backup: Backup) -> Iterator[ChangeSession]:
        begun = self._dialled(expected, backup)
        try:
            view = self._fixed(request, begun, backup)
            waiting = Waiting(self._connection, backup)
            begun.line.keep_going(waiting.look)
            with self._noted(request.fabric_id, view):
                yield _session(request, view, waiting)
                self._done(request, view)
        except BaseException as problem:
            begun.line.fail(str(problem) or type(problem).__name__)
            raise
        finally:
            begun.line.close()

    def _dialled(self, expected: Expected, backup: Backup) -> Begun:
        until = time.monotonic() + DIAL_SECONDS
        while (begun := expected.take(LOOK_SECONDS)) is None:
            backups.require_running(self._connection, backup)
            if time.monotonic() > until:
                raise PveAway(f"{backup.about} shows no disks after {DIAL_SECONDS:.0f} s.")
        return begun

    def _fixed(self, request: SessionRequest, begun: Begun, backup: Backup) -> _View:
        record = self._records.get(request.fabric_id)
        counted = _is_counted(request, record, begun)
        if not counted:
            # From the answer on QEMU may count anew: what was known is not so any more.
            self._records.change(request.fabric_id, checkpoint=None, sizes={})
        with request.instant():
            taken_at, before = datetime.now(UTC), time.monotonic()
            begun.line.answer(
                {"modes": _modes(request, begun, counted), "seconds": int(request.longest_seconds)}
            )
            read = said(Read, begun.line.heard(INSTANT_SECONDS))
        _require_here(request, begun, read, backup)
        return _View(begun, backup, read, taken_at, time.monotonic() - before, counted)

    @contextmanager
    def _noted(self, fabric_id: str, view: _View) -> Iterator[None]:
        with self._lock:
            self._open[fabric_id] = view
        try:
            yield
        finally:
            with self._lock:
                del self._open[fabric_id]

    def _done(self, request: SessionRequest, view: _View) -> None:
        """Between the word and the end of the task nobody knows since when QEMU counts. After a view that was
        given up, it counts as before."""
        if view.begun.line.is_ended:
            return
        self._records.change(request.fabric_id, checkpoint=None)
        view.begun.line.done()
        backups.awaited(self._connection, view.backup)
        if not request.trial:
            sizes = {key: volume.size for key in request.disks if (volume := view.read.of(key))}
            self._records.change(request.fabric_id, checkpoint=request.new_checkpoint, sizes=sizes)

    def end(self, fabric_id: str) -> None:
        """Ends an open view, and waits until the machine's lock is gone: nobody stops, marks or fences it
        before. Harmless without one. Raises PveAway if it stays."""
        with self._lock:
            view = self._open.get(fabric_id)
        if view is not None:
            view.begun.line.fail("The machine is needed for something else.")
            if not backups.is_over(self._connection, view.backup):
                raise PveAway(f"{view.backup.about} was ended, but goes on at its node.")

    def end_left_over(self, fabric_id: str) -> None:
        left = backups.of_task(self._records.get(fabric_id).task, "the cycle of before")
        if left is None:
            return
        if not backups.is_over(self._connection, left, 0.0):
            backups.stop(self._connection, left)
        if not backups.is_over(self._connection, left):
            raise PveAway(f"The cycle that a dead process left at node {left.node} does not end.")
        self._records.change(fabric_id, task="")

    def keeping(self, fabric_id: str) -> AbstractContextManager[None]:
        """QEMU's count dies with the machine: what it wrote at last is found by comparing."""
        return nullcontext()

    def unwritten(self, fabric_id: str, disks: Sequence[str], base: str) -> Unwritten | None:
        return None

    def all_unwritten(self, asked: Sequence[AcknowledgedDisks]) -> Mapping[str, Unwritten]:
        return {}

    def compare(self, expected: ExpectedBlocks) -> ComparedBlocks | None:
        return None

    def acknowledge(self, fabric_id: str, keep: str | None) -> None:
        if self._records.get(fabric_id).checkpoint not in (None, keep):
            self._records.change(fabric_id, checkpoint=None, sizes={})

    def hand_over(self, fabric_id: str) -> str:
        return ""

    def take_over(self, fabric_id: str, known: str) -> None:
        """A migration takes no count along."""

    def close(self) -> None:
        self._provider.close()


def _is_counted(request: SessionRequest, record: MarkRecord, begun: Begun) -> bool:
    """Whether what changed since the base is all that is wanted, and can be known."""
    if request.trial or request.beyond_changes or request.base is None or record.checkpoint != request.base:
        return False
    sizes = begun.asked.sizes
    return all(record.sizes.get(key) == sizes.get(f"{DEVICE_PREFIX}{key}", -1) for key in request.disks)


def _modes(request: SessionRequest, begun: Begun, counted: bool) -> Mapping[str, str]:
    """A view on trial counts nothing: what is not named here has no marks, and loses them."""
    wanted = () if request.trial else request.disks
    devices = [f"{DEVICE_PREFIX}{key}" for key in wanted]
    return {each: USE if counted else NEW for each in devices if each in begun.asked.sizes}


def _require_here(request: SessionRequest, begun: Begun, read: Read, backup: Backup) -> None:
    missing = [key for key in request.disks if read.of(key) is None]
    if missing or read.vmid != begun.asked.vmid:
        raise PveRefused(
            f"{backup.about} does not show its disks {', '.join(missing)}.",
            do="Let them be backed up (without 'backup=0' in the definition), or leave them out.",
        )
    if not all(is_there(volume) for key in request.disks if (volume := read.of(key))):
        raise PveRefused(
            f"{backup.about} shows its disks at a socket that is not at this host.",
            do=f"Run the appliance at node {backup.node}.",
        )


def _session(request: SessionRequest, view: _View, waiting: Waiting) -> ChangeSession:
    return ChangeSession(
        taken_at=view.taken_at,
        checkpoint=None if request.trial else request.new_checkpoint,
        disks=tuple(_changes(key, view) for key in request.disks),
        pause_seconds=view.pause_seconds,
        abandon=_abandon(view),
        wanted_seconds=waiting.seconds,
        how=BACKUP,
    )


def _abandon(view: _View) -> Callable[[], None]:
    return lambda: view.begun.line.fail("The view was given up.")


def _changes(key: str, view: _View) -> DiskChanges:
    volume = view.read.volumes[f"{DEVICE_PREFIX}{key}"]
    marked = view.counted and volume.mode == REUSE and volume.bitmap is not None
    bitmaps = (volume.bitmap,) if marked and volume.bitmap else ()
    return DiskChanges(key, volume.size, Path(volume.socket), f"{DEVICE_PREFIX}{key}", bitmaps)
