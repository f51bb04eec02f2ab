"""The result of the last validation of the whole configuration: one row."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Integer, Table, select
from sqlalchemy.orm import Session

from ...wire.rest.validation import Flaw
from .sql import rows
from .sql.columns import ShapeColumn, UtcDateTime, metadata


@dataclass(frozen=True, slots=True)
class ValidationRecord:
    """The last validation. `machines`: how many were asked about at their sites, `not_asked` how many were
    not."""

    checked_at: datetime
    machines: int
    not_asked: int = 0
    flaws: tuple[Flaw, ...] = ()


VALIDATIONS = Table(
    "validations",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("checked_at", UtcDateTime, nullable=False),
    Column("machines", Integer, nullable=False),
    Column("not_asked", Integer, nullable=False),
    Column("flaws", ShapeColumn(tuple[Flaw, ...]), nullable=False),
)

THE_ONE = 1


class Validations:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, record: ValidationRecord) -> None:
        rows.upsert(self._session, VALIDATIONS, {"id": THE_ONE, **rows.row(record)})

    def last(self) -> ValidationRecord | None:
        columns = VALIDATIONS.c
        query = select(columns.checked_at, columns.machines, columns.not_asked, columns.flaws)
        return rows.one(self._session, ValidationRecord, query)
