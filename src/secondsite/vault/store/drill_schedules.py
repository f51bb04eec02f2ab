"""Drill schedules. They name machines by their ids, without foreign keys, as plans do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, String, Table, Text, delete, select
from sqlalchemy.orm import Session

from ...domain.drills.schedules import DrillSchedule
from .plans import PlanRecord
from .sql import rows
from .sql.columns import ShapeColumn, UtcDateTime, metadata


@dataclass(frozen=True, slots=True)
class DrillScheduleRecord:
    """A schedule with its state: when its next turn is, the last job, and since when `said` has been
    preventing a turn."""

    name: str
    schedule: DrillSchedule
    created_at: datetime
    changed_at: datetime
    next_at: datetime
    job_id: str | None = None
    started_at: datetime | None = None
    said: str = ""
    said_at: datetime | None = None
    maker_id: str | None = None
    """The token that made or changed it last; it starts nothing that this token could not. None: an earlier
    release did not record it, or somebody on the vault's host made it."""
    plan_made_at: datetime | None = None
    """When the plan that it is for was made, to tell it from later plans of that name."""

    def is_for(self, plan: PlanRecord) -> bool:
        """Whether the schedule is for this plan: another plan may have been given the name."""
        same = self.plan_made_at is None or self.plan_made_at == plan.created_at
        return plan.name == self.schedule.plan and same


DRILL_SCHEDULES = Table(
    "drill_schedules",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("schedule", ShapeColumn(DrillSchedule), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("next_at", UtcDateTime, nullable=False),
    Column("job_id", String(64)),
    Column("started_at", UtcDateTime),
    Column("said", Text, nullable=False),
    Column("said_at", UtcDateTime),
    Column("maker_id", String(64)),
    Column("plan_made_at", UtcDateTime),
)


class DrillSchedules:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, schedule: DrillScheduleRecord) -> None:
        """Add the schedule, or replace the one of that name."""
        rows.upsert(self._session, DRILL_SCHEDULES, rows.row(schedule))

    def find(self, name: str) -> DrillScheduleRecord | None:
        return rows.one(
            self._session,
            DrillScheduleRecord,
            select(DRILL_SCHEDULES).where(DRILL_SCHEDULES.c.name == name),
        )

    def list(self) -> Sequence[DrillScheduleRecord]:
        """All schedules, by name."""
        return rows.many(
            self._session, DrillScheduleRecord, select(DRILL_SCHEDULES).order_by(DRILL_SCHEDULES.c.name)
        )

    def remove(self, name: str) -> None:
        self._session.execute(delete(DRILL_SCHEDULES).where(DRILL_SCHEDULES.c.name == name))
