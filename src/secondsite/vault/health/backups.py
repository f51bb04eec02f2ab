"""Whether the vault has a good backup, by its own record: all its processes see it, wherever it was made."""

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
    """`most`: so long a vault may be without one; zero: for ever. Of the log it reads what it has not read
    before."""

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
