"""The last check of the whole configuration."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from ... import ports
from .. import rows
from .tables import validations

THE_ONE = 1


class SqlValidations:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, record: ports.ValidationRecord) -> None:
        rows.upsert(self._session, validations, {"id": THE_ONE, **rows.row(record)})

    def last(self) -> ports.ValidationRecord | None:
        columns = validations.c
        query = select(columns.checked_at, columns.machines, columns.not_asked, columns.flaws)
        return rows.one(self._session, ports.ValidationRecord, query)
