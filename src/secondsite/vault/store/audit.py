"""The audit log: what was done by whom, in a chain that shows tampering."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from ...domain.access import chain
from ...domain.access.chain import BEGINNING, Entry, Link, Outcome
from .sql import rows
from .sql.columns import UtcDateTime, Word, metadata


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """A query for entries that match all given fields."""

    who: str | None = None
    verb: str | None = None
    object: str | None = None
    outcome: Outcome | None = None
    job_id: str | None = None
    number: int | None = None
    since: datetime | None = None
    before: datetime | None = None
    oldest_first: bool = False


@dataclass(frozen=True, slots=True)
class AuditCount:
    """How many entries there are of one token, route and outcome."""

    who: str
    verb: str
    outcome: Outcome
    many: int


@dataclass(frozen=True, slots=True)
class AuditEnds:
    """The last entry of the chain, and the entry after which it begins: older ones were deleted as the
    setting says. `kept_days` None: for ever."""

    head: Link = BEGINNING
    anchor: Link = BEGINNING
    kept_days: int | None = 365


# Append-only. Only pruning deletes, from the beginning.
AUDIT = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("who", Text, nullable=False),
    Column("token_id", String(64), nullable=False),
    Column("address", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("outcome", Word(Outcome), nullable=False),
    Column("code", Integer),
    Column("job_id", String(64)),
    Column("details", Text, nullable=False),
    Column("former", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Index("ix_audit_at", "at"),
)

# One row.
AUDIT_ENDS = Table(
    "audit_ends",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("head_number", BigInteger, nullable=False),
    Column("head_digest", String(64), nullable=False),
    Column("anchor_number", BigInteger, nullable=False),
    Column("anchor_digest", String(64), nullable=False),
    Column("kept_days", Integer),
)

AT_ONCE = 500
UNREADABLE = Entry(datetime.min.replace(tzinfo=UTC), "", "", "", "", "", Outcome.DONE)
MORE_THAN_ANY = 2**62


class Audit:
    def __init__(self, session: Session) -> None:
        self._session = session

    def append(self, entry: Entry) -> Entry:
        """Append the entry to the chain; gives it with its number and digest. Waits for other writers: call
        it last in a transaction."""
        # pending rows are written first: afterwards nothing may wait while this lock is held
        self._session.flush()
        if self._session.get_bind().dialect.name == "postgresql":
            self._session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('audit', 0))"))
        linked = chain.linked(entry, self.ends().head)
        self._session.execute(insert(AUDIT).values(**rows.row(linked)))
        self._session.execute(update(AUDIT_ENDS).values(head_number=linked.number, head_digest=linked.digest))
        return linked

    def ends(self) -> AuditEnds:
        found = self._session.execute(select(AUDIT_ENDS)).mappings().one()
        return AuditEnds(
            head=Link(found["head_number"], found["head_digest"]),
            anchor=Link(found["anchor_number"], found["anchor_digest"]),
            kept_days=found["kept_days"],
        )

    def keep(self, days: int | None) -> None:
        self._session.execute(update(AUDIT_ENDS).values(kept_days=days))

    def find(self, wanted: AuditFilter, limit: int, after: int | None) -> Sequence[Entry]:
        columns = AUDIT.c
        query = select(AUDIT).where(*_conditions(wanted)).limit(limit)
        query = query.order_by(columns.number if wanted.oldest_first else columns.number.desc())
        if after is not None:
            query = query.where(columns.number > after if wanted.oldest_first else columns.number < after)
        return rows.many(self._session, Entry, query)

    def counts(self, since: datetime, before: datetime, most: int) -> Sequence[AuditCount]:
        """How often each did what, with which outcome: the most frequent ones."""
        of, many = AUDIT.c, func.count().label("many")
        query = select(of.who, of.verb, of.outcome, many).where(of.at >= since, of.at < before)
        counted = query.group_by(of.who, of.verb, of.outcome).order_by(many.desc(), of.who, of.verb)
        return rows.many(self._session, AuditCount, counted.limit(most))

    def chain(self) -> Iterator[Entry]:
        """All entries in their order."""
        after: int | None = None
        while found := self._following(after):
            yield from found
            after = found[-1].number

    def _following(self, after: int | None) -> Sequence[Entry]:
        """The next entries. A row that was written by hand, and is no entry at all, comes as one whose digest
        is wrong."""
        wanted = AuditFilter(oldest_first=True)
        try:
            return self.find(wanted, AT_ONCE, after)
        except ValueError:
            return self._one_by_one(wanted, after)

    def _one_by_one(self, wanted: AuditFilter, after: int | None) -> Sequence[Entry]:
        query = select(AUDIT.c.number).order_by(AUDIT.c.number).limit(AT_ONCE)
        numbers = self._session.execute(query if after is None else query.where(AUDIT.c.number > after))
        found: list[Entry] = []
        for number in numbers.scalars().all():
            try:
                found += self.find(dataclasses.replace(wanted, number=number), 1, None)
            except ValueError:
                return [*found, dataclasses.replace(UNREADABLE, number=number)]
        return found

    def last_before(self, at: datetime) -> Link | None:
        """The last entry at the beginning of the log that is older; None if there is none."""
        stays = select(func.min(AUDIT.c.number)).where(AUDIT.c.at >= at).scalar_subquery()
        query = (
            select(AUDIT)
            .where(AUDIT.c.number < func.coalesce(stays, MORE_THAN_ANY))
            .order_by(AUDIT.c.number.desc())
            .limit(1)
        )
        found = rows.many(self._session, Entry, query)
        return chain.link_of(found[0]) if found else None

    def cut(self, anchor: Link) -> None:
        """Delete all entries up to this one."""
        self._session.execute(delete(AUDIT).where(AUDIT.c.number <= anchor.number))
        self._session.execute(
            update(AUDIT_ENDS).values(anchor_number=anchor.number, anchor_digest=anchor.digest)
        )


def _conditions(wanted: AuditFilter) -> Iterator[ColumnElement[bool]]:
    columns = AUDIT.c
    for name in ("who", "verb", "outcome", "job_id", "number"):
        value = getattr(wanted, name)
        if value is not None:
            yield columns[name] == value
    if wanted.object is not None:
        in_details = columns.details.contains(json.dumps(wanted.object), autoescape=True)
        yield or_(columns.object.contains(wanted.object, autoescape=True), in_details)
    if wanted.since is not None:
        yield columns.at >= wanted.since
    if wanted.before is not None:
        yield columns.at < wanted.before
