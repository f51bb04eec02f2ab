"""How far the vault's lived time is: one row, which several vault processes share."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from . import rows, tables


class SqlLivedTime:
    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self) -> datetime | None:
        return self._session.execute(select(tables.lived.c.at).with_for_update()).scalar_one_or_none()

    def put(self, at: datetime) -> None:
        rows.upsert(self._session, tables.lived, {"id": 1, "at": at})
