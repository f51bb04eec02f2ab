"""Whom to tell, and how that goes."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ....jobs.storage.lease import database_now
from ... import ports
from .. import rows
from .tables import claims, deliveries, targets


class SqlNoticeTargets:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, target: ports.NoticeTargetRecord) -> None:
        rows.upsert(self._session, targets, rows.row(target))

    def find(self, name: str) -> ports.NoticeTargetRecord | None:
        return rows.one(
            self._session, ports.NoticeTargetRecord, select(targets).where(targets.c.name == name)
        )

    def by_id(self, target_id: str) -> ports.NoticeTargetRecord | None:
        this = select(targets).where(targets.c.id == target_id)
        return rows.one(self._session, ports.NoticeTargetRecord, this)

    def list(self) -> Sequence[ports.NoticeTargetRecord]:
        return rows.many(self._session, ports.NoticeTargetRecord, select(targets).order_by(targets.c.name))

    def remove(self, target_id: str) -> None:
        self._session.execute(delete(targets).where(targets.c.id == target_id))

    def deliveries(self) -> Mapping[str, ports.NoticeDelivery]:
        found = rows.many(self._session, ports.NoticeDelivery, select(deliveries))
        return {each.target_id: each for each in found}

    def put_delivery(self, delivery: ports.NoticeDelivery) -> None:
        there = select(targets.c.id).where(targets.c.id == delivery.target_id).with_for_update(read=True)
        if self._session.execute(there).first() is not None:
            rows.upsert(self._session, deliveries, rows.row(delivery))

    def claim(self, target_id: str, by: str, seconds: float) -> bool:
        # the target's row is the lock: two who claim come one after the other
        there = select(targets.c.id).where(targets.c.id == target_id).with_for_update()
        if self._session.execute(there).first() is None:
            return False
        now = database_now(self._session)
        held = self._session.execute(select(claims).where(claims.c.target_id == target_id)).one_or_none()
        # far ahead: the clock was set back since
        if held and held.owner != by and now < held.until < now + timedelta(seconds=2 * seconds):
            return False
        until = now + timedelta(seconds=seconds)
        rows.upsert(self._session, claims, {"target_id": target_id, "owner": by, "until": until})
        return True

    def let_go(self, target_id: str, by: str) -> None:
        mine = (claims.c.target_id == target_id) & (claims.c.owner == by)
        self._session.execute(delete(claims).where(mine))
