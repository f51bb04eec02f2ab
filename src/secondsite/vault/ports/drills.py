"""Test failovers that the vault starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ...domain.drills.schedules import DrillSchedule


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


class DrillSchedules(Protocol):
    def put(self, schedule: DrillScheduleRecord) -> None:
        """A new one, or in place of the one of that name."""

    def find(self, name: str) -> DrillScheduleRecord | None: ...
    def list(self) -> Sequence[DrillScheduleRecord]:
        """By name."""

    def remove(self, name: str) -> None: ...
