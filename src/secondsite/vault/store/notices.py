"""Marks of targets, and notices that wait for them. The rows name machines by their ids, without foreign
keys."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    case,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.orm import Session

from ...domain.notices.happenings import Happening
from ...domain.notices.marks import Key, Mark
from ...domain.notices.targets import NoticeTarget
from ...domain.notices.weekly import Told
from .sql import rows
from .sql.columns import ShapeColumn, UtcDateTime, metadata


@dataclass(frozen=True, slots=True)
class NoticeDelivery:
    """The state of delivery to a target: the other side's last answer, since when it fails, when the next try
    is, and how many notices were given up that it was not told of."""

    target_id: str
    sent_at: datetime | None = None
    said: str = ""
    failures: int = 0
    failing_since: datetime | None = None
    next_at: datetime | None = None
    given_up: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a target has to be told. Its id stays the same however often it is sent."""

    id: str
    happening: Happening
    made_at: datetime


@dataclass(frozen=True, slots=True)
class NoticeMessage:
    """Notices that are sent together, under an id of their own."""

    id: str
    notices: Sequence[Notice]


@dataclass(frozen=True, slots=True)
class Unsent:
    """How many notices of a target wait, how many of them are critical, and whether a message of it has
    been begun."""

    notices: int
    critical: int
    begun: bool


TARGETS = Table(
    "notice_targets",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(63), nullable=False, unique=True),
    Column("target", ShapeColumn(NoticeTarget), nullable=False),
    Column("secret", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

# Not in the targets' rows, which people change: what is written here with each message must not undo that.
DELIVERIES = Table(
    "notice_deliveries",
    metadata,
    Column("target_id", ForeignKey("notice_targets.id", ondelete="CASCADE"), primary_key=True),
    Column("sent_at", UtcDateTime),
    Column("said", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failing_since", UtcDateTime),
    Column("next_at", UtcDateTime),
    Column("given_up", Integer, nullable=False),
)

CLAIMS = Table(
    "notice_claims",
    metadata,
    Column("target_id", ForeignKey("notice_targets.id", ondelete="CASCADE"), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("until", UtcDateTime, nullable=False),
)

MARKS = Table(
    "notice_marks",
    metadata,
    Column("target_id", ForeignKey("notice_targets.id", ondelete="CASCADE"), primary_key=True),
    Column("machine_id", String(64), primary_key=True),
    Column("code", String(64), primary_key=True),
    Column("machine", String(200), nullable=False),
    Column("present", Boolean, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("told_at", UtcDateTime, nullable=False),
    Column("times", Integer, nullable=False),
)

REPORTS = Table(
    "weekly_reports",
    metadata,
    Column("target_id", ForeignKey("notice_targets.id", ondelete="CASCADE"), primary_key=True),
    Column("told", ShapeColumn(Told), nullable=False),
)

# `number` is their order.
NOTICES = Table(
    "notices",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("target_id", ForeignKey("notice_targets.id", ondelete="CASCADE"), nullable=False),
    Column("happening", ShapeColumn(Happening), nullable=False),
    Column("critical", Boolean, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("message_id", String(64)),
    Column("ended_at", UtcDateTime),
    Column("given_up", Boolean, nullable=False),
    Index("ix_notices_unsent", "ended_at", "target_id", "message_id", "critical"),
)

UNSENT = NOTICES.c.ended_at.is_(None)
_COLUMNS = (NOTICES.c.id, NOTICES.c.happening, NOTICES.c.made_at)


class Notices:
    def __init__(self, session: Session) -> None:
        self._session = session

    def marks(self, target_id: str) -> Mapping[Key, Mark]:
        found = self._session.execute(select(MARKS).where(MARKS.c.target_id == target_id))
        return {
            (key := Key(row.machine_id, row.code)): Mark(
                key, row.machine, row.present, row.changed_at, row.told_at, row.times
            )
            for row in found
        }

    def put_marks(self, target_id: str, marks_of_it: Collection[Mark]) -> None:
        rows.upsert_many(self._session, MARKS, [_row(target_id, each) for each in marks_of_it])

    def remove_marks(self, target_id: str, keys: Collection[Key]) -> None:
        for key in keys:
            this = (MARKS.c.target_id == target_id) & (MARKS.c.machine_id == key.machine_id)
            self._session.execute(delete(MARKS).where(this, MARKS.c.code == key.code))

    def add(self, target_id: str, news: Sequence[Notice]) -> None:
        """Add notices; one whose id exists already stays as it is."""
        there = self.known([each.id for each in news])
        values = [
            {
                **rows.row(each),
                "target_id": target_id,
                "critical": each.happening.wakes,
                "given_up": False,
            }
            for each in news
            if each.id not in there
        ]
        if values:
            self._session.execute(NOTICES.insert(), values)

    def known(self, notice_ids: Sequence[str]) -> frozenset[str]:
        """Those of these ids that exist, sent or not."""
        found: set[str] = set()
        for part in rows.parts(notice_ids):
            found.update(self._session.execute(select(NOTICES.c.id).where(NOTICES.c.id.in_(part))).scalars())
        return frozenset(found)

    def unsent(self) -> Mapping[str, Unsent]:
        """What waits, by target, for those that have any."""
        critical = func.sum(case((NOTICES.c.critical, 1), else_=0)).label("critical")
        begun = func.count(NOTICES.c.message_id).label("begun")
        counted = select(NOTICES.c.target_id, func.count().label("notices"), critical, begun)
        found = self._session.execute(counted.where(UNSENT).group_by(NOTICES.c.target_id))
        return {row.target_id: Unsent(row.notices, row.critical, row.begun > 0) for row in found}

    def message(self, target_id: str, *, critical: bool = False) -> NoticeMessage | None:
        """The first message that was begun and not sent, None without one; with `critical` the first that has
        a critical notice."""
        begun = UNSENT & (NOTICES.c.target_id == target_id) & NOTICES.c.message_id.is_not(None)
        if critical:
            begun &= NOTICES.c.critical
        first = select(NOTICES.c.message_id).where(begun).order_by(NOTICES.c.number).limit(1)
        message_id = self._session.execute(first).scalar_one_or_none()
        return None if message_id is None else self._message(message_id)

    def begin(self, target_id: str, message_id: str, at_most: int, *, critical: bool) -> NoticeMessage | None:
        """Begin a message of the notices that wait, the oldest first; with `critical` only of critical ones.
        None: nothing waits."""
        waiting: list[ColumnElement[bool]] = [
            UNSENT,
            NOTICES.c.target_id == target_id,
            NOTICES.c.message_id.is_(None),
        ]
        if critical:
            waiting.append(NOTICES.c.critical)
        chosen = select(NOTICES.c.number).where(*waiting).order_by(NOTICES.c.number).limit(at_most)
        taken = (
            update(NOTICES)
            .where(NOTICES.c.number.in_(chosen.scalar_subquery()))
            .values(message_id=message_id)
        )
        self._session.execute(taken)
        message = self._message(message_id)
        return message if message.notices else None

    def _message(self, message_id: str) -> NoticeMessage:
        query = select(*_COLUMNS).where(UNSENT, NOTICES.c.message_id == message_id).order_by(NOTICES.c.number)
        found = self._session.execute(query)
        return NoticeMessage(message_id, [Notice(*row) for row in found])

    def end(self, message_id: str, at: datetime) -> None:
        """End a message that was sent."""
        of_it = update(NOTICES).where(NOTICES.c.message_id == message_id, UNSENT)
        self._session.execute(of_it.values(ended_at=at))

    def give_up(self, message_id: str, made_before: datetime, at: datetime) -> int:
        """Drop the notices of the message that are older than that; gives their number."""
        old = (NOTICES.c.message_id == message_id) & UNSENT & (NOTICES.c.made_at < made_before)
        given = update(NOTICES).where(old).values(ended_at=at, given_up=True).returning(NOTICES.c.number)
        return len(self._session.execute(given).all())

    def forget(self, ended_before: datetime) -> None:
        self._session.execute(delete(NOTICES).where(NOTICES.c.ended_at < ended_before))


def _row(target_id: str, mark: Mark) -> dict[str, object]:
    values = rows.row(mark)
    del values["key"]
    return {**values, "target_id": target_id, "machine_id": mark.key.machine_id, "code": mark.key.code}
