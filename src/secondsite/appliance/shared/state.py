"""The durable state of an appliance: one SQLite file in its home; each change is one transaction.

sources   what we replicate from here: the vault's setup and our progress
replicas  replicas for other sites: the vault's setup and whether cycles are accepted
unchanged until when their sources wrote nothing since which cycle
reports   the report of every order, so that a repeated order gets the same answer; kept 30 days of lived time
facts     the rest by key: definitions of withdrawn machines, runs
"""

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ...datapath.transfer import UnchangedState
from ...domain import errors
from ...ground import durable, seams
from ...ground.lived_time import LivedClock
from ...ground.units import DAY, MiB
from ...wire.control import Report

REPORTS_KEPT_SECONDS = 30 * DAY
LIVED = "lived"
SCARCE_BYTES = 1 * MiB
"""With fewer free bytes than this, an error of SQLite counts as a full disk. XFS keeps some space back for
itself."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS sources (machine_id TEXT PRIMARY KEY, setup TEXT NOT NULL, progress TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS replicas (machine_id TEXT PRIMARY KEY, setup TEXT NOT NULL, accepting INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS unchanged (machine_id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, taken_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS reports (order_id TEXT PRIMARY KEY, report TEXT NOT NULL, stored_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS reports_by_age ON reports (stored_at);
CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""  # noqa: E501
VERSION = 1
"""The version of the file. It rises with every release whose state an older release must not touch; files of
before it was written say 0."""
NOTE_UNCHANGED = """
INSERT INTO unchanged VALUES (?, ?, ?, ?)
ON CONFLICT (machine_id) DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq, taken_at = excluded.taken_at
"""  # noqa: E501
"""An update in place: replacing a row would insert another one, and write the index's page too."""


def run_key(machine_id: str, run: str) -> str:
    """The key of what is remembered of a machine that runs on a point."""
    return f"run/{machine_id}/{run}"


def merging_key(machine_id: str) -> str:
    """The key of what is remembered while the disks of a machine that came home become its own again."""
    return f"merging/{machine_id}"


def moved_key(machine_id: str) -> str:
    """The key of what is remembered of a replica that became another appliance's, until no copy that was
    started from it here is left."""
    return f"moved/{machine_id}"


class HomeFull(errors.StoreFull):
    """No space in the appliance's home, which usually lies on another file system than its stores."""


class State:
    """The durable state. Thread-safe; every method is one transaction. Raises NotPossibleNow for the file of
    a newer release, HomeFull if there is no space."""

    def __init__(
        self,
        path: Path,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._now = now
        self._lived = LivedClock(lambda: datetime.fromtimestamp(now(), UTC), monotonic)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        with _telling_of_room(path):
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._require_known()
            self._db.executescript(SCHEMA)
            self._db.execute(f"PRAGMA user_version = {VERSION}")
        self._inode = durable.inode(path)

    def require_own_file(self) -> None:
        """Raises NotPossibleNow if the file was removed or replaced: what is written to the open one is
        lost with it."""
        if durable.inode(self._path) != self._inode:
            raise errors.NotPossibleNow(
                f"{self._path} was removed or replaced while the appliance ran.",
                do="Put the appliance's home back if it is gone, then start the appliance again.",
            )

    def _require_known(self) -> None:
        (found,) = self._db.execute("PRAGMA user_version").fetchone()
        if found > VERSION:
            self._db.close()
            raise errors.NotPossibleNow(
                (
                    f"{self._path} was written by a newer release: its version is {found}, and this program "
                    f"knows it up to {VERSION}."
                ),
                do=(
                    "Start the appliance with the newer release: an appliance is never put back to an older "
                    "one. Its machines run on meanwhile."
                ),
            )

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _telling_of_room(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                seams.reach("appliance.state.before-commit")
                self.require_own_file()
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # SQLite may have rolled it back
                    self._db.execute("ROLLBACK")
                raise
        seams.reach("appliance.state.committed")

    def _rows(self, query: str, *values: object) -> list[tuple[str, ...]]:
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def _change(self, statement: str, *values: object) -> None:
        with self._transaction() as db:
            db.execute(statement, values)

    def sources(self) -> dict[str, tuple[str, str]]:
        """machine id → (setup JSON, progress JSON)."""
        return {
            row[0]: (row[1], row[2]) for row in self._rows("SELECT machine_id, setup, progress FROM sources")
        }

    def put_source(self, machine_id: str, setup: str, progress: str) -> None:
        self._change("INSERT OR REPLACE INTO sources VALUES (?, ?, ?)", machine_id, setup, progress)

    def remove_source(self, machine_id: str) -> None:
        self._change("DELETE FROM sources WHERE machine_id = ?", machine_id)

    def replicas(self) -> dict[str, tuple[str, bool]]:
        """machine id → (setup JSON, accepting)."""
        rows = self._rows("SELECT machine_id, setup, accepting FROM replicas")
        return {row[0]: (row[1], bool(row[2])) for row in rows}

    def put_replica(self, machine_id: str, setup: str, accepting: bool) -> None:
        self._change("INSERT OR REPLACE INTO replicas VALUES (?, ?, ?)", machine_id, setup, accepting)

    def remove_replica(self, machine_id: str) -> None:
        with self._transaction() as db:
            db.execute("DELETE FROM replicas WHERE machine_id = ?", (machine_id,))
            db.execute("DELETE FROM unchanged WHERE machine_id = ?", (machine_id,))

    def unchanged(self, machine_id: str) -> UnchangedState | None:
        """Until when the replica's machine is known to have written nothing; None if nothing was noted."""
        query = "SELECT machine_id, epoch, seq, taken_at FROM unchanged WHERE machine_id = ?"
        rows = self._rows(query, machine_id)
        return UnchangedState(rows[0][0], int(rows[0][1]), int(rows[0][2]), rows[0][3]) if rows else None

    def put_unchanged(self, said: Sequence[UnchangedState]) -> None:
        with self._transaction() as db:
            db.executemany(
                NOTE_UNCHANGED, [(each.machine_id, each.epoch, each.seq, each.taken_at) for each in said]
            )

    def remove_unchanged(self, machine_id: str) -> None:
        self._change("DELETE FROM unchanged WHERE machine_id = ?", machine_id)

    def report(self, order_id: str) -> Report | None:
        """The stored report of an order that ended."""
        rows = self._rows("SELECT report FROM reports WHERE order_id = ?", order_id)
        return Report.model_validate_json(rows[0][0]) if rows else None

    def put_report(self, report: Report) -> None:
        with self._transaction() as db:
            db.execute("DELETE FROM reports WHERE stored_at < ?", (self._follow(db) - REPORTS_KEPT_SECONDS,))
            values = (report.order_id, report.model_dump_json(), self._now())
            db.execute("INSERT OR REPLACE INTO reports VALUES (?, ?, ?)", values)

    def lived(self) -> float:
        """Lived time in seconds since the epoch: by it is decided what is old enough to be forgotten."""
        with self._transaction() as db:
            return self._follow(db)

    def _follow(self, db: sqlite3.Connection) -> float:
        row = db.execute("SELECT value FROM facts WHERE key = ?", (LIVED,)).fetchone()
        newest = db.execute("SELECT MAX(stored_at) FROM reports").fetchone()[0] if row is None else row[0]
        kept = None if newest is None else datetime.fromtimestamp(float(newest), UTC)
        lived = self._lived.follow(kept).timestamp()
        db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (LIVED, repr(lived)))
        return lived

    def fact(self, key: str) -> str | None:
        rows = self._rows("SELECT value FROM facts WHERE key = ?", key)
        return rows[0][0] if rows else None

    def facts(self, prefix: str) -> dict[str, str]:
        """All facts whose key starts with `prefix`."""
        rows = self._rows("SELECT key, value FROM facts WHERE substr(key, 1, ?) = ?", len(prefix), prefix)
        return {row[0]: row[1] for row in rows}

    def put_fact(self, key: str, value: str) -> None:
        self._change("INSERT OR REPLACE INTO facts VALUES (?, ?)", key, value)

    def remove_fact(self, key: str) -> None:
        self._change("DELETE FROM facts WHERE key = ?", key)


@contextmanager
def _telling_of_room(path: Path) -> Iterator[None]:
    """Inside, an error of SQLite on a full file system becomes a HomeFull: SQLite itself reports an I/O
    error, or a file that cannot be opened, when there is no space for its own files."""
    try:
        yield
    except sqlite3.OperationalError as problem:
        if shutil.disk_usage(path.parent).free > SCARCE_BYTES:
            raise
        raise HomeFull(
            f"No space left for {path}: {problem}.",
            do=f"Free space on the file system of the appliance's home, {path.parent}, then repeat.",
        ) from problem
