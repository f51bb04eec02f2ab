"""The tables of the engine: jobs, their tasks (the journal), and the engines that are alive.

The `jobs` row is the lock of everything that belongs to the job: it is locked before tasks are written.
"""

import functools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

metadata = MetaData()
LONG = 4096
"""Length in characters from which arguments count as long: those of a batch of some twenty machines."""
_decoded = functools.lru_cache(maxsize=4)(json.loads)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant: stored in UTC, comes back aware on SQLite and PostgreSQL. Refuses naive values."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone: give an aware time")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Arguments(TypeDecorator[dict[str, Any]]):  # type: ignore[explicit-any]  # JSON of all kinds
    """A job's arguments. Those of a batch grow with its machines, never change, and are read at each of its
    looks: on SQLite, long ones are decoded once. Callers may not change them."""

    impl = JSON
    cache_ok = True

    def result_processor(  # type: ignore[explicit-any]
        self, dialect: Dialect, coltype: object
    ) -> Callable[[Any], Any] | None:
        plain = super().result_processor(dialect, coltype)

        def process(value: str) -> object:
            return _decoded(value) if len(value) > LONG else plain(value) if plain else value

        return process if dialect.name == "sqlite" else plain

    def coerce_compared_value(self, op: object, value: object) -> TypeEngine[Any]:  # type: ignore[explicit-any]
        return self.impl_instance.coerce_compared_value(op, value)  # type: ignore[arg-type]


jobs = Table(
    "jobs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("subject", String(200)),
    Column("subject_name", Text, nullable=False),
    Column("arguments", Arguments, nullable=False),
    Column("state", String(32), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("result", Text),
    Column("error", JSON(none_as_null=True)),
    Column("parent_job_id", String(64), ForeignKey("jobs.id", ondelete="CASCADE")),
    Column("parent_position", Integer),
    Column("parent_attempt", Integer),
    Column("parent_index", Integer),
    Column("cancel_requested", Boolean, nullable=False),
    # The end that was decided while steps are still being undone.
    Column("ending", String(32)),
    Column("ready_at", UtcDateTime, nullable=False),
    # The engine that has the job; the epoch rises with each claim and fences off the claims before it.
    Column("claim_owner", String(200)),
    Column("claim_epoch", Integer, nullable=False),
    Index("ix_jobs_state_ready_at", "state", "ready_at"),
    # What ended lately, among a hundred thousand that ended.
    Index("ix_jobs_state_ended_at", "state", "ended_at"),
    Index("ix_jobs_subject", "subject"),
    Index("ix_jobs_created_at", "created_at"),
    # The counts of a batch are read from this index alone.
    Index("ix_jobs_children", "parent_job_id", "parent_position", "state", "parent_attempt"),
)

tasks = Table(
    "job_tasks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job_id", String(64), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("position", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("key", String(200), nullable=False),
    Column("title", String(200), nullable=False),
    Column("state", String(32), nullable=False),
    Column("sentence", Text, nullable=False),
    Column("progress", Float, nullable=False),
    Column("partial", Boolean, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("error", JSON(none_as_null=True)),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("waiting_for", String(300)),
    Column("waiting_since", UtcDateTime),
    Column("deadline_at", UtcDateTime),
    Column("signalled", Boolean, nullable=False),
    UniqueConstraint("job_id", "kind", "position", "attempt", name="uq_job_tasks_place"),
    Index("ix_job_tasks_waiting_for", "waiting_for"),
)

engines = Table(
    "job_engines",
    metadata,
    Column("owner", String(200), primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)
