"""Recovery plans. They name machines by their ids, without foreign keys: a plan outlives the protection of
its machines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, String, Table, delete, select
from sqlalchemy.orm import Session

from ...domain.plans.plan import RecoveryPlan
from .sql import rows
from .sql.columns import ShapeColumn, UtcDateTime, metadata


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan in its last edition."""

    name: str
    plan: RecoveryPlan
    created_at: datetime
    changed_at: datetime


PLANS = Table(
    "plans",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("plan", ShapeColumn(RecoveryPlan), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)


class Plans:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, plan: PlanRecord) -> None:
        """Add the plan, or replace the one of that name."""
        rows.upsert(self._session, PLANS, rows.row(plan))

    def find(self, name: str) -> PlanRecord | None:
        return rows.one(self._session, PlanRecord, select(PLANS).where(PLANS.c.name == name))

    def list(self) -> Sequence[PlanRecord]:
        """All plans, by name."""
        return rows.many(self._session, PlanRecord, select(PLANS).order_by(PLANS.c.name))

    def remove(self, name: str) -> None:
        self._session.execute(delete(PLANS).where(PLANS.c.name == name))
