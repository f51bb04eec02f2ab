"""What was done in a store is written down in it, for whoever looks later."""

from __future__ import annotations

import getpass
import json
import socket
from datetime import datetime, timezone

from . import files
from .store import Replica

FILE = "rescue.jsonl"


def note(replica: Replica, did: str, **more: str) -> None:
    """In the store that the machine lies in; durable when it returns."""
    who = {"at": now().isoformat(timespec="seconds"), "by": getpass.getuser(), "host": socket.gethostname()}
    body = {**who, "did": did, "machine_id": replica.id, "machine": replica.name, **more}
    files.append(replica.store / FILE, json.dumps(body, sort_keys=True))


def now() -> datetime:
    """By this host's clock, in UTC."""
    return datetime.now(timezone.utc)  # noqa: UP017 Python 3.9 has no datetime.UTC
