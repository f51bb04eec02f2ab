"""Answers to requests with an idempotency key."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import Column, Index, String, Table, delete, insert, select
from sqlalchemy.orm import Session

from .sql import rows
from .sql.columns import ShapeColumn, UtcDateTime, metadata


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """The answer to the request that `caller` made with `key`; None: it held a secret, so it is not kept."""

    caller: str
    key: str
    request_sha256: str
    answer: Mapping[str, JsonValue] | None
    answered_at: datetime


# Short-lived: for repeats of a request with an idempotency key.
ANSWERS = Table(
    "answers",
    metadata,
    Column("caller", String(100), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("request_sha256", String(64), nullable=False),
    Column("answer", ShapeColumn(dict[str, JsonValue])),
    Column("answered_at", UtcDateTime, nullable=False),
    Index("ix_answers_answered_at", "answered_at"),
)


class Answers:
    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, caller: str, key: str) -> AnswerRecord | None:
        query = select(ANSWERS).where(ANSWERS.c.caller == caller, ANSWERS.c.key == key)
        return rows.one(self._session, AnswerRecord, query)

    def add(self, record: AnswerRecord) -> None:
        self._session.execute(insert(ANSWERS).values(**rows.row(record)))

    def forget(self, before: datetime) -> None:
        """Delete the answers that were given before then."""
        self._session.execute(delete(ANSWERS).where(ANSWERS.c.answered_at < before))
