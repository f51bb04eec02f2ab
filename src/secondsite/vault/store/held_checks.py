"""For how long the checks of failed-over plans have held, and which of these plans are kept open. Rows are
found by their plan's name, and are of one run: that of the job `run_id`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, String, Table, delete, select
from sqlalchemy.orm import Session

from ...domain.plans.held_checks import HeldChecks
from .plans import PLANS
from .sql import rows
from .sql.columns import ShapeColumn, UtcDateTime, metadata

ANY_BEFORE = "any-before"
"""In place of a run: all that were begun until `kept_open_at`."""
RESTORED = "the restore of this vault's database"


@dataclass(frozen=True, slots=True)
class HeldChecksRecord:
    """What is known after the failover of a plan. Once it is kept open, or its commit was started, it is not
    looked at any more."""

    plan: str
    run_id: str
    held: HeldChecks | None = None
    """None: nothing was looked at yet."""
    kept_open_by: str | None = None
    kept_open_at: datetime | None = None
    job_id: str | None = None
    """The job of the commit that began by itself."""

    @property
    def is_over(self) -> bool:
        return self.kept_open_by is not None or self.job_id is not None


HELD_CHECKS = Table(
    "held_checks",
    metadata,
    Column("plan", String(63), primary_key=True),
    Column("run_id", String(64), nullable=False),
    Column("held", ShapeColumn(HeldChecks)),
    Column("kept_open_by", String(255)),
    Column("kept_open_at", UtcDateTime),
    Column("job_id", String(64)),
)


class HeldChecksRecords:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, record: HeldChecksRecord) -> None:
        """Add what is known of the plan, or replace it."""
        rows.upsert(self._session, HELD_CHECKS, rows.row(record))

    def find(self, plan: str) -> HeldChecksRecord | None:
        query = select(HELD_CHECKS).where(HELD_CHECKS.c.plan == plan)
        return rows.one(self._session, HeldChecksRecord, query)

    def list(self) -> Sequence[HeldChecksRecord]:
        """What is known of all plans, by their names."""
        return rows.many(self._session, HeldChecksRecord, select(HELD_CHECKS).order_by(HELD_CHECKS.c.plan))

    def remove(self, plan: str) -> None:
        self._session.execute(delete(HELD_CHECKS).where(HELD_CHECKS.c.plan == plan))


def keep_all_open(session: Session, now: datetime) -> None:
    """Leave what was failed over until now to a person: the database is from before, and somebody may have
    said so since."""
    for name in session.execute(select(PLANS.c.name)).scalars().all():
        kept = HeldChecksRecord(name, ANY_BEFORE, kept_open_by=RESTORED, kept_open_at=now)
        rows.upsert(session, HELD_CHECKS, rows.row(kept))
