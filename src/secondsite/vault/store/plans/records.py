"""Recovery plans, each in a row."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ... import ports
from .. import rows
from .tables import plans


class SqlPlans:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, plan: ports.PlanRecord) -> None:
        rows.upsert(self._session, plans, rows.row(plan))

    def find(self, name: str) -> ports.PlanRecord | None:
        return rows.one(self._session, ports.PlanRecord, select(plans).where(plans.c.name == name))

    def list(self) -> Sequence[ports.PlanRecord]:
        return rows.many(self._session, ports.PlanRecord, select(plans).order_by(plans.c.name))

    def remove(self, name: str) -> None:
        self._session.execute(delete(plans).where(plans.c.name == name))
