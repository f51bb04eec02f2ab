"""Notices a vault's database that was restored from a backup, or moved: its jobs are then held until a person
decides.

The file beside the database may have been restored with it, as with a snapshot of the vault's machine. So
each mark has a rising number; appliances are told it, and report the highest one when they connect.

At each start, and every ten minutes, a fresh mark is left in the database and in a file beside it, with the
number of the database's file. A database with another mark, or in another file, is not the one that was last
in use.
"""

import json
import secrets
from collections.abc import Sequence
from pathlib import Path

import structlog
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from ..domain import counters
from ..ground import durable
from ..jobs.model.clock import utc_now
from ..jobs.running import held_jobs
from ..jobs.running.changes import Changes
from ..vault.health import disbelief
from ..vault.store import Store, held_checks, lineage

FILE = "vault.lineage"
RENEWED_EVERY_SECONDS = 600.0
log = structlog.get_logger()


class RestoredVault:
    """Detects a restored database. Call `look` in a transaction before any job runs, `settle` once that is
    committed, then `renew` from time to time."""

    def __init__(self, home: Path, vault_id: str, database_url: str, store: Store) -> None:
        self._store = store
        self._path = home / FILE
        self._vault_id = vault_id
        self._database_url = database_url
        self._fresh = ""
        self._fresh_number = 0
        self._held_for: set[str] = set()
        """Appliances whose reports made this process hold jobs. A database that is put back while the process
        runs is noticed in another way."""
        self.number = 0
        """The number that appliances are told: never higher than the database's."""

    def look(self, session: Session) -> None:
        """Hold all jobs if the database is not the one that was last in use. If this is not committed, the
        next start does it again."""
        inside = lineage.mark(session, self._vault_id)
        restored = self._is_another(inside)
        if restored:
            _hold(session)
        self._mark(session, [] if restored else [inside])

    def hear(self, appliance_id: str, told: int, changes: Changes) -> None:
        """Note the number that an appliance reports; called before it is given any order."""
        with self._store.transaction() as tx:
            changes.tell_on_commit(tx.session)
            if self._believes(tx.session, appliance_id, told):
                disbelief.end(tx, appliance_id)
            else:
                what = f"says that a vault has told it the number {told}, which none can have reached unseen"
                disbelief.note(tx, appliance_id, what, utc_now())

    def _believes(self, session: Session, appliance_id: str, told: int) -> bool:
        """Hold all jobs if the database is older than this number. Returns whether the report is believed: a
        number far above is not, because an appliance that reports a higher one with each connection could
        hold all jobs for ever."""
        known = max(lineage.number(session), self.number)
        if told <= known:
            return True
        if appliance_id in self._held_for or not counters.believed(told, known, counters.MOST_MARKS_UNSEEN):
            return False
        self._held_for.add(appliance_id)
        _hold(session)
        lineage.put_number(session, self._vault_id, told)
        return True

    def renew(self) -> None:
        """Leave a fresh mark: a backup that was taken before is then recognized by its older one."""
        with self._store.transaction() as tx:
            self._mark(tx.session, [lineage.mark(tx.session, self._vault_id)])
        self.settle()

    def settle(self) -> None:
        """Note that the fresh mark is committed: older marks are not accepted any more."""
        self._write([self._fresh])
        self.number = self._fresh_number

    def _mark(self, session: Session, known: Sequence[str | None]) -> None:
        """Write a fresh mark. If the process dies before the commit, the database still has the known mark;
        or it is treated as restored once more."""
        self._fresh = secrets.token_hex(8)
        self._write([self._fresh, *known])
        lineage.put_mark(session, self._vault_id, self._fresh)
        self._fresh_number = counters.next_after(lineage.number(session))
        lineage.put_number(session, self._vault_id, self._fresh_number)

    def _write(self, marks: Sequence[str | None]) -> None:
        beside = {"marks": list(marks), "file": self._file_number()}
        durable.write(self._path, json.dumps(beside) + "\n")

    def _is_another(self, inside: str | None) -> bool:
        """Whether the database is another one. Without the file beside it this is the first start of a
        release that writes it."""
        try:
            beside = json.loads(self._path.read_text())
        except FileNotFoundError:
            return False
        return inside not in beside["marks"] or self._file_number() != beside["file"]

    def _file_number(self) -> int | None:
        """The inode of a database that is a file. The file must not be opened here: closing it would release
        all locks of this process on it, SQLite's too, and another program could then remove the log."""
        url = make_url(self._database_url)
        if url.get_backend_name() != "sqlite" or url.database is None:
            return None
        return Path(url.database).stat().st_ino


def _hold(session: Session) -> None:
    held_checks.keep_all_open(session, utc_now())
    if held := held_jobs.hold_all(session):
        log.warning("jobs.held", jobs=held)
