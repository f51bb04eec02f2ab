"""A backup to our storage, as a task of the machine's node.

A node makes one backup at a time. Ours waits for none: while its owner's runs, there is no cycle."""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass
from urllib.parse import quote

from ....domain.errors import FabricError
from ..connection import Connection
from ..errors import PveAway, PveRefused, plain
from ..machines import Known
from ..shapes import ActiveTask, read_all
from ..tasks import UPID, ended

KIND = "vzdump"
BUSY = re.compile(r"can't acquire lock|got timeout")
"""How the task of a backup ends that does not wait for another one of its node."""
END_SECONDS = 60.0
"""For Proxmox VE to take away what it made for a backup."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A task that was begun; `about` says of what, for errors."""

    task: str
    node: str
    about: str

    @property
    def path(self) -> str:
        return f"/nodes/{self.node}/tasks/{quote(self.task, safe='')}"


def begun(connection: Connection, found: Known, storage: str, fleecing: str) -> Backup:
    """Orders a backup of this machine. Raises PveAway, PveRefused."""
    fields = {
        "vmid": str(found.row.vmid),
        "storage": storage,
        "mode": "snapshot",
        "lockwait": "0",
        "fleecing": f"enabled=1,storage={fleecing}",
        "notification-mode": "notification-system",
        "quiet": "1",
    }
    told = connection.post(f"/nodes/{found.row.node}/{KIND}", fields)
    backup = of_task(told if isinstance(told, str) else "", f"the cycle of {found.row.label}")
    if backup is None:
        raise PveRefused(f"Proxmox VE names no task for the cycle of {found.row.label}: {plain(told)}.")
    return backup


def of_task(task: str, about: str) -> Backup | None:
    found = UPID.fullmatch(task)
    return Backup(task, found[1], about) if found is not None else None


def require_running(connection: Connection, backup: Backup) -> None:
    """Raises FabricError with what it ended with, if it has ended without asking for anything."""
    try:
        ended(connection, backup.task, backup.about, 0.0)
    except PveAway:
        return
    except PveRefused as problem:
        raise _in_our_words(problem, backup) from None
    raise PveRefused(
        f"{backup.about} ended before its disks could be read.",
        do="Look whether the storage is of type 'secondsite' at that node: 'pvesm status'.",
    )


def awaited(connection: Connection, backup: Backup, seconds: float = END_SECONDS) -> None:
    """Waits for its end. Raises FabricError if it failed, PveAway if it goes on."""
    try:
        ended(connection, backup.task, backup.about, seconds)
    except PveRefused as problem:
        raise _in_our_words(problem, backup) from None


def is_over(connection: Connection, backup: Backup, seconds: float = END_SECONDS) -> bool:
    """Waits until it has ended, well or not; False if that takes longer."""
    try:
        ended(connection, backup.task, backup.about, seconds)
    except PveRefused:
        return True
    except PveAway:
        return False
    return True


def stop(connection: Connection, backup: Backup) -> None:
    """Ends a backup that somebody left; harmless if it has ended, or is not known any more."""
    with contextlib.suppress(PveRefused):
        connection.delete(backup.path)


def another_waits(connection: Connection, backup: Backup) -> bool:
    """Whether the node has another backup, which waits for ours. A token without Sys.Audit sees only its
    own."""
    told = connection.get(f"/nodes/{backup.node}/tasks", {"source": "active", "typefilter": KIND})
    tasks = [each for each in read_all(ActiveTask, told, "running tasks") if isinstance(each, ActiveTask)]
    return any(each.upid != backup.task and each.type == KIND and not each.status for each in tasks)


class Waiting:
    """For how long another backup has been seen waiting; asked seldom, told often."""

    def __init__(self, connection: Connection, backup: Backup) -> None:
        self._connection, self._backup = connection, backup
        self._since: float | None = None

    def look(self) -> None:
        with contextlib.suppress(FabricError):
            waits = another_waits(self._connection, self._backup)
            self._since = (self._since or time.monotonic()) if waits else None

    def seconds(self) -> float:
        since = self._since
        return 0.0 if since is None else time.monotonic() - since


def _in_our_words(problem: FabricError, backup: Backup) -> FabricError:
    if BUSY.search(problem.message):
        return PveAway(
            f"Node {backup.node} makes another backup: {backup.about} gives way to it.",
            do="Nothing: it is tried again. If it lasts: 'cat /var/log/pve/tasks/active' at the node.",
        )
    return problem
