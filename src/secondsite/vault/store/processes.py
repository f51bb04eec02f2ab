"""Several vault processes on one database: which there are, which connections they have, and the orders that
they pass on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from ...jobs.storage.lease import Member, database_now
from ...jobs.storage.tables import engines
from ...wire.control import Order, Report
from .sql import rows
from .sql.columns import ShapeColumn, UtcDateTime, metadata


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A vault process. `trusted` are the fingerprints of its CAs, the issuing one first."""

    id: str
    name: str
    control_url: str
    trusted: tuple[str, ...]
    version: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class RelayedOrder:
    """An order that is passed on. `report` None: not yet; then `fraction` and `sentence` are its progress."""

    order_id: str
    appliance_id: str
    order: Order
    report: Report | None = None
    fraction: float = 0.0
    sentence: str = ""


PROCESSES = Table(
    "vault_processes",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("control_url", Text, nullable=False),
    Column("trusted", ShapeColumn(tuple[str, ...]), nullable=False),
    Column("version", Text, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)

# Which process has the newest connection of an appliance, under which epoch of its lease.
LINKS = Table(
    "appliance_links",
    metadata,
    Column("appliance_id", ForeignKey("appliances.id", ondelete="CASCADE"), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("epoch", Integer, nullable=False),
)

# Orders that one process has to give and another one can.
PASSED_ORDERS = Table(
    "passed_orders",
    metadata,
    Column("order_id", String(300), primary_key=True),
    Column("appliance_id", String(64), nullable=False),
    Column("order", ShapeColumn(Order), nullable=False),
    Column("asked_by", String(200), nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("taken_by", String(200)),
    Column("report", ShapeColumn(Report)),
    Column("fraction", Float, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("is_news", Boolean, nullable=False),
)

CHANNEL = "secondsite_vaults"


class Processes:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, process: ProcessRecord) -> None:
        rows.upsert(self._session, PROCESSES, rows.row(process))

    def list(self) -> Sequence[ProcessRecord]:
        return rows.many(self._session, ProcessRecord, select(PROCESSES).order_by(PROCESSES.c.id))

    def forget(self, before: datetime) -> None:
        """Delete processes that were not seen since then."""
        self._session.execute(delete(PROCESSES).where(PROCESSES.c.seen_at < before))


class Links:
    """The newest connection of each appliance. `member` None: there is only one process."""

    def __init__(self, session: Session, member: Member | None) -> None:
        self._session = session
        self._member = member

    def take(self, appliance_id: str) -> bool:
        """Record that the appliance has connected here, which ends its other connections; gives whether
        another process may have had it."""
        if self._member is None:
            return False
        mine = {"appliance_id": appliance_id, **self._member._asdict()}
        rows.upsert(self._session, LINKS, mine)
        tell(self._session, self._member, ("",))
        return True

    def holds(self, appliance_id: str) -> bool:
        """Whether its newest connection is here; until this transaction ends, no other process gets it."""
        if self._member is None:
            return True
        mine = select(LINKS.c.owner).where(self._is_mine(self._member, appliance_id))
        return self._session.execute(mine.with_for_update(read=True)).first() is not None

    def drop(self, appliance_id: str) -> bool:
        """Record that its connection here has ended; gives whether that was the newest."""
        if self._member is None:
            return True
        mine = delete(LINKS).where(self._is_mine(self._member, appliance_id)).returning(LINKS.c.owner)
        dropped = self._session.execute(mine).first() is not None
        if dropped:
            tell(self._session, self._member, ("",))
        return dropped

    def revoke(self, appliance_id: str) -> None:
        """Record that its key no longer counts: the process with its connection ends it soon, and writes
        nothing more that it reports."""
        self._session.execute(delete(LINKS).where(LINKS.c.appliance_id == appliance_id))

    def mine(self) -> Sequence[str]:
        """Appliances whose newest recorded connection is here; none if there is only one process."""
        if self._member is None:
            return ()
        owned = (LINKS.c.owner == self._member.owner) & (LINKS.c.epoch == self._member.epoch)
        return self._session.execute(select(LINKS.c.appliance_id).where(owned)).scalars().all()

    def elsewhere(self) -> Mapping[str, str]:
        """By appliance, the other living process that has its connection."""
        if self._member is None:
            return {}
        others = select(LINKS.c.appliance_id, LINKS.c.owner).where(
            LINKS.c.owner != self._member.owner, self._lives()
        )
        return {row.appliance_id: row.owner for row in self._session.execute(others)}

    def drop_dead(self) -> Sequence[str]:
        """Delete connections of processes that are dead, or have lost their lease since; gives their
        appliances."""
        if self._member is None:
            return ()
        seemed = select(LINKS.c.appliance_id).where(~self._lives()).with_for_update(of=LINKS)
        locked = self._session.execute(seemed).scalars().all()
        if not locked:
            return ()
        # a row that changed hands while this waited for its lock was judged by its former owner: PostgreSQL
        # looks at the new row, but does not evaluate NOT EXISTS again
        dead = delete(LINKS).where(LINKS.c.appliance_id.in_(locked), ~self._lives())
        return sorted(self._session.execute(dead.returning(LINKS.c.appliance_id)).scalars())

    def any_living(self, appliance_id: str) -> bool:
        living = select(LINKS.c.owner).where(LINKS.c.appliance_id == appliance_id, self._lives())
        return self._member is not None and self._session.execute(living).first() is not None

    def _is_mine(self, member: Member, appliance_id: str) -> ColumnElement[bool]:
        mine = (LINKS.c.owner == member.owner) & (LINKS.c.epoch == member.epoch)
        return mine & (LINKS.c.appliance_id == appliance_id)

    def _lives(self) -> ColumnElement[bool]:
        same = (engines.c.owner == LINKS.c.owner) & (engines.c.epoch == LINKS.c.epoch)
        return exists().where(same, engines.c.expires_at > database_now(self._session))


class RelayedOrders:
    """Orders that are passed on between processes. `member` None: there is only one, and nothing is passed
    on."""

    def __init__(self, session: Session, member: Member | None) -> None:
        self._session = session
        self._owner = member.owner if member else ""
        self._lease = f"{member.epoch}:{member.owner}"[:200] if member else ""
        self._member = member

    def ask(self, orders: Sequence[RelayedOrder]) -> None:
        """Pass orders on; this process waits for their reports."""
        now = database_now(self._session)
        for each in orders:
            asked = {"asked_by": self._owner, "asked_at": now, "taken_by": None}
            values = rows.row(each) | asked | {"is_news": False}
            fresh = set(asked)
            rows.upsert(self._session, PASSED_ORDERS, values, only=fresh)

    def take(
        self, appliance_ids: Sequence[str], asked_within_seconds: float, *, again: bool = False
    ) -> Sequence[RelayedOrder]:
        """Orders that other processes have lately asked for, for appliances whose connection is here, each
        once; `again`: also those that were taken before and have no report yet."""
        since = database_now(self._session) - timedelta(seconds=asked_within_seconds)
        wanted = (
            update(PASSED_ORDERS)
            .where(
                PASSED_ORDERS.c.appliance_id.in_(appliance_ids),
                PASSED_ORDERS.c.report.is_(None),
                PASSED_ORDERS.c.asked_at > since,
                *(() if again else (self._is_not_mine(),)),
            )
            .values(taken_by=self._lease)
            .returning(*_COLUMNS)
        )
        return [RelayedOrder(**row) for row in self._session.execute(wanted).mappings()]

    def _is_not_mine(self) -> ColumnElement[bool]:
        return or_(PASSED_ORDERS.c.taken_by.is_(None), PASSED_ORDERS.c.taken_by != self._lease)

    def progressed(self, order_id: str, fraction: float, sentence: str) -> None:
        self._put(order_id, {"fraction": fraction, "sentence": sentence})

    def reported(self, report: Report) -> None:
        self._put(report.order_id, {"report": report})

    def _put(self, order_id: str, news: Mapping[str, object]) -> None:
        waited_for = update(PASSED_ORDERS).where(PASSED_ORDERS.c.order_id == order_id)
        self._session.execute(waited_for.values(**news, is_news=True))

    def news(self) -> Sequence[RelayedOrder]:
        """What came of the orders that this process asked for, each piece once; a report ends the order."""
        mine = (PASSED_ORDERS.c.asked_by == self._owner) & PASSED_ORDERS.c.is_news
        has_ended = PASSED_ORDERS.c.report.is_not(None)
        ended = delete(PASSED_ORDERS).where(mine, has_ended).returning(*_COLUMNS)
        # an order whose report comes between the two statements must stay news until the next time: marked as
        # read it would never be reported
        goes_on = update(PASSED_ORDERS).where(mine, ~has_ended).values(is_news=False).returning(*_COLUMNS)
        found = [*self._session.execute(ended).mappings(), *self._session.execute(goes_on).mappings()]
        return [RelayedOrder(**row) for row in found]

    def forget(self, order_ids: Sequence[str]) -> None:
        mine = PASSED_ORDERS.c.asked_by == self._owner
        self._session.execute(delete(PASSED_ORDERS).where(mine, PASSED_ORDERS.c.order_id.in_(order_ids)))

    def forget_old(self, seconds: float) -> None:
        before = database_now(self._session) - timedelta(seconds=seconds)
        self._session.execute(delete(PASSED_ORDERS).where(PASSED_ORDERS.c.asked_at < before))

    def tell(self, news: Sequence[str]) -> None:
        """Send these words to all processes once this transaction commits."""
        if self._member is not None:
            tell(self._session, self._member, news)


_COLUMNS = [PASSED_ORDERS.c[name] for name in RelayedOrder.__dataclass_fields__]


def tell(session: Session, member: Member, news: Sequence[str]) -> None:
    """Notify each word, with the process that sends it."""
    for each in news:
        session.execute(select(func.pg_notify(CHANNEL, f"{member.owner} {each}")))


def heard(payload: str, member: Member | None) -> str | None:
    """The word of another process; None for this process's own."""
    owner, _, said = payload.partition(" ")
    return None if member is not None and owner == member.owner else said
