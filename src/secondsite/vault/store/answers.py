"""Answers to requests with an idempotency key."""

from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from .. import ports
from . import rows, tables

ANSWERS = tables.answers


class SqlAnswers:
    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, caller: str, key: str) -> ports.AnswerRecord | None:
        query = select(ANSWERS).where(ANSWERS.c.caller == caller, ANSWERS.c.key == key)
        return rows.one(self._session, ports.AnswerRecord, query)

    def add(self, record: ports.AnswerRecord) -> None:
        self._session.execute(insert(ANSWERS).values(**rows.row(record)))

    def forget(self, before: datetime) -> None:
        self._session.execute(delete(ANSWERS).where(ANSWERS.c.answered_at < before))
