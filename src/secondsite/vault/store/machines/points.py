"""The points of replicas: a row for each; a new point takes the row of one that is gone, so that as little as
possible is written."""

import dataclasses
import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    Table,
    bindparam,
    delete,
    false,
    func,
    select,
    type_coerce,
)
from sqlalchemy.orm import Session

from ....jobs.storage.prepared import SubsetQuery
from ....wire.common import compact
from ....wire.common.points import PointShape
from ..sql import rows
from ..sql.columns import ReportColumn, metadata

PointRows = Mapping[str, int]
"""The numbers of the rows of a replica's points, by the ids of the points."""


@dataclass(frozen=True, slots=True)
class PointNews:
    """Changes of a replica's points: all `points`; of these, the ids that came or were changed, and those
    that are `gone`, relative to the stored `rows`. Without `rows` it is not known what is stored, and only
    `points` count."""

    machine_id: str
    points: Sequence[PointShape]
    came: Collection[str] = ()
    gone: Collection[str] = ()
    rows: PointRows | None = None


# Points come and go one by one. Without a row id, the points of a machine lie together on SQLite.
POINTS = Table(
    "machine_points",
    metadata,
    Column("machine_id", ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("point", ReportColumn(PointShape), nullable=False),
    sqlite_with_rowid=False,
)

POINT = POINTS.c
Row = dict[str, object]
Kept = Mapping[int, Mapping[str, JsonValue]]
"""The stored points, by the numbers of their rows."""
# Made once: building a statement takes as long as running it.
_ONE = delete(POINTS).where(POINT.machine_id == bindparam("machine"), POINT.number == bindparam("row"))
_COUNTS = SubsetQuery(
    select(POINT.machine_id, func.count().label("points")).group_by(POINT.machine_id), POINT.machine_id
)
_WHOLE = SubsetQuery(
    select(POINT.machine_id)
    .distinct()
    .where(func.coalesce(type_coerce(POINT.point, JSON)["damaged"].as_boolean(), false()).is_(false())),
    POINT.machine_id,
)
_STORED = SubsetQuery(
    select(POINT.machine_id, POINT.number, type_coerce(POINT.point, JSON).label("point")),
    POINT.machine_id,
)
_IN_ORDER = SubsetQuery(
    select(POINT.machine_id, POINT.point).order_by(POINT.machine_id, POINT.epoch, POINT.seq, POINT.number),
    POINT.machine_id,
)


class Points:
    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, machine_ids: Sequence[str]) -> Mapping[str, list[PointShape]]:
        """The points of each machine, oldest first; those of another release that cannot be read are left
        out."""
        found: dict[str, list[PointShape]] = {}
        for row in _IN_ORDER.all(self._session, machine_ids):
            if row["point"] is not None:
                found.setdefault(row["machine_id"], []).append(row["point"])
        return found

    def whole(self, machine_ids: Sequence[str]) -> set[str]:
        """See `StatusRecords.with_whole_points`."""
        return {row["machine_id"] for row in _WHOLE.all(self._session, machine_ids)}

    def put(self, news: Sequence[PointNews]) -> Mapping[str, PointRows]:
        """See `StatusRecords.put_points`."""
        # Always in the same order: two vault processes would otherwise wait for each other.
        ordered = sorted(news, key=lambda each: each.machine_id)
        unknown = self._unknown(ordered)
        kept = self._kept(sorted(unknown))
        changes = [
            _compared(each, kept.get(each.machine_id, {})) if each.machine_id in unknown else _placed(each)
            for each in ordered
        ]
        rows.upsert_many(self._session, POINTS, [row for each in changes for row in each.came])
        gone = [row for each in changes for row in each.gone]
        if gone:
            self._session.connection().execute(_ONE, gone)
        return {each.machine_id: change.rows for each, change in zip(ordered, changes, strict=True)}

    def _unknown(self, news: Sequence[PointNews]) -> set[str]:
        """The machines whose stored points are not known, or no longer: their protection may have ended, and
        begun again."""
        known = {each.machine_id: each.rows for each in news if each.rows is not None}
        counts = {row["machine_id"]: row["points"] for row in _COUNTS.all(self._session, list(known))}
        there = {each for each, points in known.items() if counts.get(each, 0) == len(points)}
        return {each.machine_id for each in news if each.machine_id not in there}

    def _kept(self, machine_ids: Sequence[str]) -> Mapping[str, Kept]:
        found: dict[str, dict[int, Mapping[str, JsonValue]]] = {}
        for row in _STORED.all(self._session, machine_ids):
            found.setdefault(row["machine_id"], {})[row["number"]] = row["point"]
        return found


@dataclass(frozen=True, slots=True)
class _Changes:
    """Rows to write, rows to delete, and all rows after that."""

    came: Sequence[Row]
    gone: Sequence[Row]
    rows: PointRows


def _compared(news: PointNews, kept: Kept) -> _Changes:
    """The changes against what is stored: of all points those that are not stored in this form."""
    numbers = {str(point["id"]): number for number, point in kept.items()}
    ids = {point.id for point in news.points}
    came = {
        point.id
        for point in news.points
        if point.id not in numbers or kept[numbers[point.id]] != _written(point)
    }
    doubles = sorted(set(kept) - set(numbers.values()))
    changes = _placed(dataclasses.replace(news, came=came, gone=numbers.keys() - ids, rows=numbers))
    return dataclasses.replace(
        changes, gone=[*changes.gone, *({"machine": news.machine_id, "row": each} for each in doubles)]
    )


def _placed(news: PointNews) -> _Changes:
    now = dict(news.rows or {})
    free = sorted((now.pop(each) for each in news.gone if each in now), reverse=True)
    unused = itertools.count(max((*now.values(), *free), default=-1) + 1)
    came: list[Row] = []
    for point in (each for each in news.points if each.id in news.came):
        if point.id not in now:
            now[point.id] = free.pop() if free else next(unused)
        came.append(_row(news.machine_id, now[point.id], point))
    return _Changes(came, [{"machine": news.machine_id, "row": number} for number in free], now)


def _row(machine_id: str, number: int, point: PointShape) -> Row:
    place = {"epoch": point.epoch, "seq": point.seq}
    return {"machine_id": machine_id, "number": number, **place, "point": compact.to_be_written(point)}


def _written(point: PointShape) -> Mapping[str, JsonValue]:
    return compact.to_be_written(point).model_dump(mode="json")
