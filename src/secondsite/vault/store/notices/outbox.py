"""What targets know, and what they are still to be told."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, case, delete, func, select, update
from sqlalchemy.orm import Session

from ....domain.notices.marks import Key, Mark
from ... import ports
from .. import rows
from .tables import marks, notices

UNSENT = notices.c.ended_at.is_(None)
_COLUMNS = (notices.c.id, notices.c.happening, notices.c.made_at)


class SqlNotices:
    def __init__(self, session: Session) -> None:
        self._session = session

    def marks(self, target_id: str) -> Mapping[Key, Mark]:
        found = self._session.execute(select(marks).where(marks.c.target_id == target_id))
        return {
            (key := Key(row.machine_id, row.code)): Mark(
                key, row.machine, row.present, row.changed_at, row.told_at, row.times
            )
            for row in found
        }

    def put_marks(self, target_id: str, marks_of_it: Collection[Mark]) -> None:
        rows.upsert_many(self._session, marks, [_row(target_id, each) for each in marks_of_it])

    def remove_marks(self, target_id: str, keys: Collection[Key]) -> None:
        for key in keys:
            this = (marks.c.target_id == target_id) & (marks.c.machine_id == key.machine_id)
            self._session.execute(delete(marks).where(this, marks.c.code == key.code))

    def add(self, target_id: str, news: Sequence[ports.Notice]) -> None:
        there = self.known([each.id for each in news])
        values = [
            {
                **rows.row(each),
                "target_id": target_id,
                "critical": each.happening.severity == "critical",
                "given_up": False,
            }
            for each in news
            if each.id not in there
        ]
        if values:
            self._session.execute(notices.insert(), values)

    def known(self, notice_ids: Sequence[str]) -> frozenset[str]:
        found: set[str] = set()
        for part in rows.parts(notice_ids):
            found.update(self._session.execute(select(notices.c.id).where(notices.c.id.in_(part))).scalars())
        return frozenset(found)

    def unsent(self) -> Mapping[str, ports.Unsent]:
        critical = func.sum(case((notices.c.critical, 1), else_=0)).label("critical")
        begun = func.count(notices.c.message_id).label("begun")
        counted = select(notices.c.target_id, func.count().label("notices"), critical, begun)
        found = self._session.execute(counted.where(UNSENT).group_by(notices.c.target_id))
        return {row.target_id: ports.Unsent(row.notices, row.critical, row.begun > 0) for row in found}

    def message(self, target_id: str, *, critical: bool = False) -> ports.NoticeMessage | None:
        begun = UNSENT & (notices.c.target_id == target_id) & notices.c.message_id.is_not(None)
        if critical:
            begun &= notices.c.critical
        first = select(notices.c.message_id).where(begun).order_by(notices.c.number).limit(1)
        message_id = self._session.execute(first).scalar_one_or_none()
        return None if message_id is None else self._message(message_id)

    def begin(
        self, target_id: str, message_id: str, at_most: int, *, critical: bool
    ) -> ports.NoticeMessage | None:
        waiting: list[ColumnElement[bool]] = [
            UNSENT,
            notices.c.target_id == target_id,
            notices.c.message_id.is_(None),
        ]
        if critical:
            waiting.append(notices.c.critical)
        chosen = select(notices.c.number).where(*waiting).order_by(notices.c.number).limit(at_most)
        taken = (
            update(notices)
            .where(notices.c.number.in_(chosen.scalar_subquery()))
            .values(message_id=message_id)
        )
        self._session.execute(taken)
        message = self._message(message_id)
        return message if message.notices else None

    def _message(self, message_id: str) -> ports.NoticeMessage:
        query = select(*_COLUMNS).where(UNSENT, notices.c.message_id == message_id).order_by(notices.c.number)
        found = self._session.execute(query)
        return ports.NoticeMessage(message_id, [ports.Notice(*row) for row in found])

    def end(self, message_id: str, at: datetime) -> None:
        of_it = update(notices).where(notices.c.message_id == message_id, UNSENT)
        self._session.execute(of_it.values(ended_at=at))

    def give_up(self, message_id: str, made_before: datetime, at: datetime) -> int:
        old = (notices.c.message_id == message_id) & UNSENT & (notices.c.made_at < made_before)
        given = update(notices).where(old).values(ended_at=at, given_up=True).returning(notices.c.number)
        return len(self._session.execute(given).all())

    def forget(self, ended_before: datetime) -> None:
        self._session.execute(delete(notices).where(notices.c.ended_at < ended_before))


def _row(target_id: str, mark: Mark) -> dict[str, object]:
    values = rows.row(mark)
    del values["key"]
    return {**values, "target_id": target_id, "machine_id": mark.key.machine_id, "code": mark.key.code}
