"""The rows of drill schedules. They name machines by their ids, without foreign keys, as plans do."""

from sqlalchemy import Column, String, Table, Text

from ....domain.drills.schedules import DrillSchedule
from ..columns import Shaped, UtcDateTime
from ..tables import metadata

drill_schedules = Table(
    "drill_schedules",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("schedule", Shaped(DrillSchedule), nullable=False),
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
