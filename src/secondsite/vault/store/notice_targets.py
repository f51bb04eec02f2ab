"""Targets of notices, and the state of delivery to each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ...domain.notices.targets import NoticeTarget
from ...domain.notices.weekly import Told
from ...jobs.storage.lease import database_now
from .notices import CLAIMS, DELIVERIES, REPORTS, TARGETS, NoticeDelivery
from .sql import rows


@dataclass(frozen=True, slots=True)
class NoticeTargetRecord:
    """A target in its last edition. `secret` signs what a webhook is sent, or is the password of a mail
    server's user."""

    id: str
    name: str
    target: NoticeTarget
    secret: str | None
    created_at: datetime
    changed_at: datetime


class NoticeTargets:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, target: NoticeTargetRecord) -> None:
        """Add the target, or replace the one with that id; the state of its delivery stays."""
        rows.upsert(self._session, TARGETS, rows.row(target))

    def find(self, name: str) -> NoticeTargetRecord | None:
        return rows.one(self._session, NoticeTargetRecord, select(TARGETS).where(TARGETS.c.name == name))

    def by_id(self, target_id: str) -> NoticeTargetRecord | None:
        this = select(TARGETS).where(TARGETS.c.id == target_id)
        return rows.one(self._session, NoticeTargetRecord, this)

    def list(self) -> Sequence[NoticeTargetRecord]:
        """All targets, by name."""
        return rows.many(self._session, NoticeTargetRecord, select(TARGETS).order_by(TARGETS.c.name))

    def remove(self, target_id: str) -> None:
        """Delete the target with its marks, and notices that still wait."""
        self._session.execute(delete(TARGETS).where(TARGETS.c.id == target_id))

    def deliveries(self) -> Mapping[str, NoticeDelivery]:
        """The state of delivery of each target."""
        found = rows.many(self._session, NoticeDelivery, select(DELIVERIES))
        return {each.target_id: each for each in found}

    def put_delivery(self, delivery: NoticeDelivery) -> None:
        """Write the state of a target that still exists."""
        there = select(TARGETS.c.id).where(TARGETS.c.id == delivery.target_id).with_for_update(read=True)
        if self._session.execute(there).first() is not None:
            rows.upsert(self._session, DELIVERIES, rows.row(delivery))

    def reports(self) -> Mapping[str, Told]:
        """By target: the last weekly report that it was told."""
        return {row.target_id: row.told for row in self._session.execute(select(REPORTS))}

    def put_report(self, target_id: str, told: Told) -> None:
        rows.upsert(self._session, REPORTS, {"target_id": target_id, "told": told})

    def claim(self, target_id: str, by: str, seconds: float) -> bool:
        """Claim the target, so that no other process sends to it for so many seconds, by the database's
        clock, or until it is let go. False if another process has it."""
        # the target's row is the lock: of two claims one waits for the other
        there = select(TARGETS.c.id).where(TARGETS.c.id == target_id).with_for_update()
        if self._session.execute(there).first() is None:
            return False
        now = database_now(self._session)
        held = self._session.execute(select(CLAIMS).where(CLAIMS.c.target_id == target_id)).one_or_none()
        # far ahead: the clock was set back since
        if held and held.owner != by and now < held.until < now + timedelta(seconds=2 * seconds):
            return False
        until = now + timedelta(seconds=seconds)
        rows.upsert(self._session, CLAIMS, {"target_id": target_id, "owner": by, "until": until})
        return True

    def let_go(self, target_id: str, by: str) -> None:
        mine = (CLAIMS.c.target_id == target_id) & (CLAIMS.c.owner == by)
        self._session.execute(delete(CLAIMS).where(mine))
