"""Requests that wait for a second person's approval."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from ...domain.access.approvals import OPEN, Rules, Stage
from .. import ports
from . import rows, tables

APPROVALS, RULES = tables.approvals, tables.approval_rules


class SqlApprovals:
    def __init__(self, session: Session) -> None:
        self._session = session

    def rules(self) -> Rules:
        found = self._session.execute(select(RULES)).mappings().one()
        return Rules(found["verbs"], found["lasts_seconds"])

    def set_rules(self, rules: Rules) -> None:
        self._session.execute(update(RULES).values(verbs=rules.verbs, lasts_seconds=rules.lasts_seconds))

    def next_number(self) -> int:
        self._session.execute(update(RULES).values(last_number=RULES.c.last_number + 1))
        return int(self._session.execute(select(RULES.c.last_number)).scalar_one())

    def put(self, record: ports.ApprovalRecord) -> None:
        rows.upsert(self._session, APPROVALS, rows.row(record))

    def find(self, number: int) -> ports.ApprovalRecord | None:
        query = select(APPROVALS).where(APPROVALS.c.number == number)
        return rows.one(self._session, ports.ApprovalRecord, query)

    def open(self) -> Sequence[ports.ApprovalRecord]:
        return self.list(tuple(OPEN), 10**6)

    def list(
        self, stages: Sequence[Stage], limit: int, before: int | None = None
    ) -> Sequence[ports.ApprovalRecord]:
        query = select(APPROVALS).order_by(APPROVALS.c.number.desc()).limit(limit)
        if stages:
            query = query.where(APPROVALS.c.stage.in_(stages))
        if before is not None:
            query = query.where(APPROVALS.c.number < before)
        return rows.many(self._session, ports.ApprovalRecord, query)

    def forget(self, ended_before: datetime, up_to: int) -> None:
        old = or_(APPROVALS.c.ended_at < ended_before, APPROVALS.c.number <= up_to)
        self._session.execute(delete(APPROVALS).where(APPROVALS.c.ended_at.is_not(None), old))
