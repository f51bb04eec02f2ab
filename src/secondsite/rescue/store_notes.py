"""Records in the store what was done in it, for whoever looks later."""

from __future__ import annotations

import getpass
import json
import socket
from datetime import datetime, timezone
from pathlib import Path

from . import files
from .store import Replica

FILE = "rescue.jsonl"
STARTED = "started"
DID = (STARTED, "discarded")


def note(replica: Replica, did: str, **more: str) -> None:
    """Record what was done with a machine, in its store; durable when it returns."""
    who = {"at": now().isoformat(timespec="seconds"), "by": getpass.getuser(), "host": socket.gethostname()}
    body = {**who, "did": did, "machine_id": replica.id, "machine": replica.name, **more}
    files.append(replica.store / FILE, json.dumps(body, sort_keys=True))


def last_start(store: Path, machine_id: str) -> str:
    """The way in which the machine was started last, unless that was discarded since; empty if it never
    was."""
    way = ""
    try:
        lines = files.content(store / FILE).decode(errors="replace").splitlines()
    except OSError:
        return way
    for line in lines:
        try:
            said = json.loads(line)
        except ValueError:  # of a write that was cut off
            continue
        if isinstance(said, dict) and said.get("machine_id") == machine_id and said.get("did") in DID:
            way = str(said.get("way") or "") if said["did"] == STARTED else ""
    return way


def now() -> datetime:
    """Now by this host's clock, in UTC."""
    return datetime.now(timezone.utc)  # noqa: UP017 Python 3.9 has no datetime.UTC
