"""Several vault processes on one database. What a process holds counts as long as its lease does."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from ....jobs.storage.lease import Member, database_now
from ....jobs.storage.tables import engines
from ....wire.control import Report
from ... import ports
from .. import rows
from .tables import links, passed_orders, processes

CHANNEL = "secondsite_vaults"


class SqlProcesses:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, process: ports.ProcessRecord) -> None:
        rows.upsert(self._session, processes, rows.row(process))

    def list(self) -> Sequence[ports.ProcessRecord]:
        return rows.many(self._session, ports.ProcessRecord, select(processes).order_by(processes.c.id))

    def forget(self, before: datetime) -> None:
        self._session.execute(delete(processes).where(processes.c.seen_at < before))


class SqlLinks:
    """`member` None: nobody else is there."""

    def __init__(self, session: Session, member: Member | None) -> None:
        self._session = session
        self._member = member

    def take(self, appliance_id: str) -> bool:
        if self._member is None:
            return False
        mine = {"appliance_id": appliance_id, **self._member._asdict()}
        rows.upsert(self._session, links, mine)
        tell(self._session, self._member, ("",))
        return True

    def holds(self, appliance_id: str) -> bool:
        if self._member is None:
            return True
        mine = select(links.c.owner).where(self._is_mine(self._member, appliance_id))
        return self._session.execute(mine.with_for_update(read=True)).first() is not None

    def drop(self, appliance_id: str) -> bool:
        if self._member is None:
            return True
        mine = delete(links).where(self._is_mine(self._member, appliance_id)).returning(links.c.owner)
        dropped = self._session.execute(mine).first() is not None
        if dropped:
            tell(self._session, self._member, ("",))
        return dropped

    def revoke(self, appliance_id: str) -> None:
        self._session.execute(delete(links).where(links.c.appliance_id == appliance_id))

    def mine(self) -> Sequence[str]:
        if self._member is None:
            return ()
        owned = (links.c.owner == self._member.owner) & (links.c.epoch == self._member.epoch)
        return self._session.execute(select(links.c.appliance_id).where(owned)).scalars().all()

    def elsewhere(self) -> Mapping[str, str]:
        if self._member is None:
            return {}
        others = select(links.c.appliance_id, links.c.owner).where(
            links.c.owner != self._member.owner, self._lives()
        )
        return {row.appliance_id: row.owner for row in self._session.execute(others)}

    def drop_dead(self) -> Sequence[str]:
        if self._member is None:
            return ()
        seemed = select(links.c.appliance_id).where(~self._lives()).with_for_update(of=links)
        locked = self._session.execute(seemed).scalars().all()
        if not locked:
            return ()
        # one that was taken over while its lock was waited for was judged by its former owner: PostgreSQL looks at the new row, but not
        # anew for what there is not (NOT EXISTS)
        dead = delete(links).where(links.c.appliance_id.in_(locked), ~self._lives())
        return sorted(self._session.execute(dead.returning(links.c.appliance_id)).scalars())

    def any_living(self, appliance_id: str) -> bool:
        living = select(links.c.owner).where(links.c.appliance_id == appliance_id, self._lives())
        return self._member is not None and self._session.execute(living).first() is not None

    def _is_mine(self, member: Member, appliance_id: str) -> ColumnElement[bool]:
        mine = (links.c.owner == member.owner) & (links.c.epoch == member.epoch)
        return mine & (links.c.appliance_id == appliance_id)

    def _lives(self) -> ColumnElement[bool]:
        same = (engines.c.owner == links.c.owner) & (engines.c.epoch == links.c.epoch)
        return exists().where(same, engines.c.expires_at > database_now(self._session))


class SqlPassedOrders:
    """`member` None: nobody else is there, and nothing is passed on."""

    def __init__(self, session: Session, member: Member | None) -> None:
        self._session = session
        self._owner = member.owner if member else ""
        self._lease = f"{member.epoch}:{member.owner}"[:200] if member else ""
        self._member = member

    def ask(self, orders: Sequence[ports.Passed]) -> None:
        now = database_now(self._session)
        for each in orders:
            asked = {"asked_by": self._owner, "asked_at": now, "taken_by": None}
            values = rows.row(each) | asked | {"is_news": False}
            fresh = set(asked)
            rows.upsert(self._session, passed_orders, values, only=fresh)

    def take(
        self, appliance_ids: Sequence[str], asked_within_seconds: float, *, again: bool = False
    ) -> Sequence[ports.Passed]:
        since = database_now(self._session) - timedelta(seconds=asked_within_seconds)
        wanted = (
            update(passed_orders)
            .where(
                passed_orders.c.appliance_id.in_(appliance_ids),
                passed_orders.c.report.is_(None),
                passed_orders.c.asked_at > since,
                *(() if again else (self._is_not_mine(),)),
            )
            .values(taken_by=self._lease)
            .returning(*_COLUMNS)
        )
        return [ports.Passed(**row) for row in self._session.execute(wanted).mappings()]

    def _is_not_mine(self) -> ColumnElement[bool]:
        return or_(passed_orders.c.taken_by.is_(None), passed_orders.c.taken_by != self._lease)

    def progressed(self, order_id: str, fraction: float, sentence: str) -> None:
        self._put(order_id, {"fraction": fraction, "sentence": sentence})

    def reported(self, report: Report) -> None:
        self._put(report.order_id, {"report": report})

    def _put(self, order_id: str, news: Mapping[str, object]) -> None:
        waited_for = update(passed_orders).where(passed_orders.c.order_id == order_id)
        self._session.execute(waited_for.values(**news, is_news=True))

    def news(self) -> Sequence[ports.Passed]:
        mine = (passed_orders.c.asked_by == self._owner) & passed_orders.c.is_news
        has_ended = passed_orders.c.report.is_not(None)
        ended = delete(passed_orders).where(mine, has_ended).returning(*_COLUMNS)
        # one whose report comes between the two is news the next time: as read it would stay, and nobody be told of it again
        goes_on = update(passed_orders).where(mine, ~has_ended).values(is_news=False).returning(*_COLUMNS)
        found = [*self._session.execute(ended).mappings(), *self._session.execute(goes_on).mappings()]
        return [ports.Passed(**row) for row in found]

    def forget(self, order_ids: Sequence[str]) -> None:
        mine = passed_orders.c.asked_by == self._owner
        self._session.execute(delete(passed_orders).where(mine, passed_orders.c.order_id.in_(order_ids)))

    def forget_old(self, seconds: float) -> None:
        before = database_now(self._session) - timedelta(seconds=seconds)
        self._session.execute(delete(passed_orders).where(passed_orders.c.asked_at < before))

    def tell(self, news: Sequence[str]) -> None:
        if self._member is not None:
            tell(self._session, self._member, news)


_COLUMNS = [passed_orders.c[name] for name in ports.Passed.__dataclass_fields__]


def tell(session: Session, member: Member, news: Sequence[str]) -> None:
    """Each with who says it."""
    for each in news:
        session.execute(select(func.pg_notify(CHANNEL, f"{member.owner} {each}")))


def heard(payload: str, member: Member | None) -> str | None:
    """What another process said; None for our own words."""
    owner, _, said = payload.partition(" ")
    return None if member is not None and owner == member.owner else said
