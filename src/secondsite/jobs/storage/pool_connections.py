"""The open connections of an engine's pool, so that those to a database that went silent can be hung up.

A call that waits for such a database waits as long as the network does, minutes or for ever, and keeps its
thread.
"""

import contextlib
import os
import socket
import weakref

import psycopg
from sqlalchemy import Engine, event

_LINES: weakref.WeakKeyDictionary[Engine, "weakref.WeakSet[psycopg.Connection]"] = weakref.WeakKeyDictionary()


def follow(db: Engine, beside: Engine | None = None) -> None:
    """Remember what the pool opens from now on; with those of the engine that it is `beside`."""
    lines = _LINES.setdefault(beside or db, weakref.WeakSet())
    event.listen(db, "connect", lambda connection, _record: lines.add(connection))


def hang_up(db: Engine) -> int:
    """Whoever waits on one of them gets an error now; gives how many were open."""
    found = [line for line in list(_LINES.get(db, ())) if not line.closed]
    for line in found:
        with contextlib.suppress(OSError, psycopg.Error):
            _shut(line.fileno())
    return len(found)


def _shut(descriptor: int) -> None:
    with socket.socket(fileno=os.dup(descriptor)) as line:
        line.shutdown(socket.SHUT_RDWR)
