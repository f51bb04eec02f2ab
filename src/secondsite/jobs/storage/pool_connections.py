"""The open connections of an engine's pool, so that those to a database that no longer answers can be closed.

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
    """Remember the connections that the pool opens from now on, together with those of the engine `beside`
    which this one is."""
    lines = _LINES.setdefault(beside or db, weakref.WeakSet())
    event.listen(db, "connect", lambda connection, _record: lines.add(connection))


def hang_up(db: Engine) -> int:
    """Close all open connections: a call that waits on one of them fails now; gives their number."""
    found = [line for line in list(_LINES.get(db, ())) if not line.closed]
    for line in found:
        with contextlib.suppress(OSError, psycopg.Error):
            _shut(line.fileno())
    return len(found)


def _shut(descriptor: int) -> None:
    with socket.socket(fileno=os.dup(descriptor)) as line:
        line.shutdown(socket.SHUT_RDWR)
