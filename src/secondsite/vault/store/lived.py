"""How far lived time is (ground/lived_time.py): one row, which several vault processes share."""

from datetime import datetime

from sqlalchemy import Column, Integer, Table, select
from sqlalchemy.orm import Session

from .sql import rows
from .sql.columns import UtcDateTime, metadata

LIVED = Table(
    "lived",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
)


class LivedTime:
    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self) -> datetime | None:
        """The lived time, None before the first. Locks the row: only this transaction can change it until it
        ends."""
        return self._session.execute(select(LIVED.c.at).with_for_update()).scalar_one_or_none()

    def put(self, at: datetime) -> None:
        rows.upsert(self._session, LIVED, {"id": 1, "at": at})
