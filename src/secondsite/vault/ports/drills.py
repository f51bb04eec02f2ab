"""Test failovers that the vault starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ...domain.drills.schedules import DrillSchedule
from .plans import PlanRecord


@dataclass(frozen=True, slots=True)
class DrillScheduleRecord:
    """A schedule, and how it goes: when its next turn is, the last job, and since when `said` is in the way of a turn."""

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
    """Whose token made or changed it last; it starts nothing that this token could not. None: an earlier release kept no maker, or
    somebody on the vault's host made it."""
    plan_made_at: datetime | None = None
    """Which plan of that name it is for."""

    def is_for(self, plan: PlanRecord) -> bool:
        """Another plan may have been given the name."""
        same = self.plan_made_at is None or self.plan_made_at == plan.created_at
        return plan.name == self.schedule.plan and same


class DrillSchedules(Protocol):
    def put(self, schedule: DrillScheduleRecord) -> None:
        """A new one, or in place of the one of that name."""

    def find(self, name: str) -> DrillScheduleRecord | None: ...
    def list(self) -> Sequence[DrillScheduleRecord]:
        """By name."""

    def remove(self, name: str) -> None: ...
