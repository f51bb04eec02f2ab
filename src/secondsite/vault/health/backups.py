"""Whether the vault has a good backup, by its own record, which all its processes see, wherever it was
made."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ...domain import backups
from ...domain.access.chain import Outcome
from ...domain.health import HealthFinding
from ..store import AuditFilter, Transaction

VERB = "vault backup"
AT_ONCE = 100


@dataclass(slots=True)
class Backups:
    """The last good backup. `most`: how long a vault may be without one; zero: for ever. Only new entries of
    the log are read."""

    most: timedelta
    _last: datetime | None = None
    _read: int = 0

    def last(self, tx: Transaction) -> datetime | None:
        wanted = AuditFilter(verb=VERB, outcome=Outcome.DONE, oldest_first=True)
        head = tx.audit.ends().head.number
        if head < self._read:  # the database was restored
            self._last, self._read = None, 0
        after, last = self._read, self._last
        while found := tx.audit.find(wanted, AT_ONCE, after):
            after, last = found[-1].number, found[-1].at
        self._last, self._read = last, head
        return last

    def finding(self, tx: Transaction, now: datetime) -> HealthFinding | None:
        first = tx.audit.find(AuditFilter(oldest_first=True), 1, None)
        return backups.finding(now, self.last(tx), first[0].at if first else None, self.most)
