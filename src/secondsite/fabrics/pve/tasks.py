"""Long acts of Proxmox VE: each is a task of a node, and is waited for until it ends."""

from __future__ import annotations

import re
import time
from urllib.parse import quote

from pydantic import JsonValue

from .connection import Connection
from .errors import PveAway, PveRefused, plain, refusal
from .shapes import Task, read

LOOK_SECONDS = 0.5
UPID = re.compile(r"UPID:([A-Za-z0-9-]{1,63}):[\x21-\x7e]{1,400}")
WELL = re.compile(r"OK|WARNINGS: [0-9]+")
FAILED = 500
"""The status by which Proxmox VE says what a task's end says in words."""


def ended(connection: Connection, started: JsonValue, what: str, within_seconds: float) -> None:
    """Waits for the end of a task. Raises PveRefused with what it ended with, and PveAway for one that goes
    on after `within_seconds`, or cannot be asked for."""
    found = UPID.fullmatch(started) if isinstance(started, str) else None
    if found is None:
        raise PveRefused(f"Proxmox VE names no task for {what}: {plain(started)}.")
    path = f"/nodes/{found[1]}/tasks/{quote(found[0], safe='')}/status"
    until = time.monotonic() + within_seconds
    while (task := read(Task, connection.get(path), what)).status != "stopped":
        if time.monotonic() >= until:
            raise PveAway(f"{what} at node {found[1]} has not ended within {within_seconds:.0f} s.")
        time.sleep(LOOK_SECONDS)
    if not WELL.fullmatch(task.exitstatus):
        raise refusal(FAILED, what, task.exitstatus)
