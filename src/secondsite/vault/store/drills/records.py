"""Drill schedules, each in a row."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ... import ports
from .. import rows
from .tables import drill_schedules


class SqlDrillSchedules:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, schedule: ports.DrillScheduleRecord) -> None:
        rows.upsert(self._session, drill_schedules, rows.row(schedule))

    def find(self, name: str) -> ports.DrillScheduleRecord | None:
        return rows.one(
            self._session,
            ports.DrillScheduleRecord,
            select(drill_schedules).where(drill_schedules.c.name == name),
        )

    def list(self) -> Sequence[ports.DrillScheduleRecord]:
        return rows.many(
            self._session, ports.DrillScheduleRecord, select(drill_schedules).order_by(drill_schedules.c.name)
        )

    def remove(self, name: str) -> None:
        self._session.execute(delete(drill_schedules).where(drill_schedules.c.name == name))
