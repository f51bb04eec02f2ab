"""What appliances said last of machines: a document that hardly ever changes, figures beside it, and a row for each point."""

import dataclasses
import itertools
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import JsonValue
from sqlalchemy import JSON, Row, bindparam, delete, exists, select, type_coerce
from sqlalchemy.orm import Session

from ....wire.common.points import PointShape
from ....wire.control import changes
from ....wire.control.statuses import OldCopyStatus, ReplicaStatus, SourceStatus
from ... import ports
from .. import rows, tables

STATUSES = tables.statuses.c
FIGURES = tables.figures.c
POINTS = tables.points.c
MACHINES = tables.machines.c
Kept = dict[int, tuple[str, Mapping[str, JsonValue]]]
"""By the numbers of their rows: ids of points, and what is stored of them."""


class SqlStatuses:
    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, machine_id: str) -> ports.StatusRecord:
        """What was said last; empty when nothing was."""
        return self.get_many((machine_id,)).get(machine_id) or ports.StatusRecord(machine_id)

    def get_many(self, machine_ids: Sequence[str]) -> Mapping[str, ports.StatusRecord]:
        """Those of which something was said, by id."""
        found: dict[str, ports.StatusRecord] = {}
        for ids in rows.parts(machine_ids):
            points = self._points(ids)
            for record in rows.many(
                self._session, ports.StatusRecord, select(tables.statuses).where(STATUSES.machine_id.in_(ids))
            ):
                found[record.machine_id] = _with_points(record, points.get(record.machine_id, []))
            for row in self._session.execute(select(tables.figures).where(FIGURES.machine_id.in_(ids))):
                if row.machine_id in found:
                    found[row.machine_id] = _with_figures(found[row.machine_id], row)
        return found

    def put(self, said: Sequence[ports.Said]) -> None:
        there = self._protected({status.machine_id for status, _ in said})
        # Always in the same order, so that two vault processes cannot lock each other out.
        ordered = sorted(said, key=lambda each: each[0].machine_id)
        sources = [
            (each, at) for each, at in ordered if isinstance(each, SourceStatus) and each.machine_id in there
        ]
        replicas = [
            (each, at) for each, at in ordered if isinstance(each, ReplicaStatus) and each.machine_id in there
        ]
        rows.upsert_many(
            self._session,
            tables.statuses,
            [{"machine_id": each.machine_id, "source": each, "source_at": at} for each, at in sources],
        )
        rows.upsert_many(
            self._session,
            tables.statuses,
            [
                {"machine_id": each.machine_id, "replica": _without_points(each), "replica_at": at}
                for each, at in replicas
            ],
        )
        self.put_points([each for each, _ in replicas])
        self.put_figures(said)

    def put_points(self, replicas: Sequence[ReplicaStatus]) -> None:
        """Only what differs from what is there is written."""
        protected = self._protected({each.machine_id for each in replicas})
        replicas = sorted(
            (each for each in replicas if each.machine_id in protected), key=lambda each: each.machine_id
        )
        there = self._kept([each.machine_id for each in replicas])
        news = [_news(each, there.get(each.machine_id, {})) for each in replicas]
        rows.upsert_many(self._session, tables.points, [row for came, _ in news for row in came])
        gone = [row for _, gone in news for row in gone]
        if gone:
            this = (POINTS.machine_id == bindparam("machine")) & (POINTS.number == bindparam("row"))
            self._session.connection().execute(delete(tables.points).where(this), gone)

    def put_figures(self, said: Sequence[ports.Said]) -> None:
        there = self._protected({status.machine_id for status, _ in said})
        ordered = sorted(said, key=lambda each: each[0].machine_id)
        for side, kind in (("source", SourceStatus), ("replica", ReplicaStatus)):
            values = [
                {"machine_id": each.machine_id, side: changes.figures(each), f"{side}_at": at}
                for each, at in ordered
                if isinstance(each, kind) and each.machine_id in there
            ]
            rows.upsert_many(self._session, tables.figures, values)

    def put_source(self, status: SourceStatus, at: datetime) -> None:
        self.put([(status, at)])

    def put_replica(self, status: ReplicaStatus, at: datetime) -> None:
        self.put([(status, at)])

    def put_old_copy(self, status: OldCopyStatus, at: datetime) -> None:
        self._put(status.machine_id, {"old_copy": status, "old_copy_at": at})

    def generation(self, machine_id: str) -> int:
        """The highest number that an appliance said it had seen; 0 if none did."""
        return self._highest("generation", machine_id)

    def drill_generation(self, machine_id: str) -> int:
        """The same for drills."""
        return self._highest("drill_generation", machine_id)

    def generations(self, machine_ids: Sequence[str], *, of_drills: bool = False) -> Mapping[str, int]:
        columns = tables.statuses.c
        number = columns.drill_generation if of_drills else columns.generation
        found: dict[str, int] = {}
        for begin in range(0, len(machine_ids), rows.AT_ONCE):
            some = columns.machine_id.in_(machine_ids[begin : begin + rows.AT_ONCE])
            said = self._session.execute(select(columns.machine_id, number).where(some))
            found |= {row.machine_id: row[1] for row in said}
        return found

    def put_generation(self, machine_id: str, generation: int) -> None:
        """The highest one stays, whoever else writes one meanwhile."""
        self._put(machine_id, {"generation": generation}, rising="generation")

    def put_drill_generation(self, machine_id: str, generation: int) -> None:
        self._put(machine_id, {"drill_generation": generation}, rising="drill_generation")

    def remove(self, machine_id: str) -> None:
        for table in (tables.points, tables.figures, tables.statuses):
            self._session.execute(delete(table).where(table.c.machine_id == machine_id))

    def _highest(self, column: str, machine_id: str) -> int:
        said = select(STATUSES[column]).where(STATUSES.machine_id == machine_id)
        return self._session.execute(said).scalar_one_or_none() or 0

    def _put(self, machine_id: str, values: dict[str, object], rising: str | None = None) -> None:
        # An appliance may still speak of a machine whose protection has just ended.
        if self._session.execute(select(exists().where(MACHINES.id == machine_id))).scalar():
            rows.upsert(self._session, tables.statuses, {"machine_id": machine_id, **values}, rising=rising)

    def _protected(self, machine_ids: Collection[str]) -> set[str]:
        """The same of many."""
        return {
            each
            for ids in rows.parts(sorted(machine_ids))
            for each in self._session.execute(select(MACHINES.id).where(MACHINES.id.in_(ids))).scalars()
        }

    # -- points -------------------------------------------------------------------------------------------------

    def _points(self, machine_ids: Sequence[str]) -> Mapping[str, list[PointShape]]:
        """By machine, oldest first; one that a former release kept and that is not understood is not there."""
        query = (
            select(POINTS.machine_id, POINTS.point)
            .where(POINTS.machine_id.in_(machine_ids))
            .order_by(POINTS.machine_id, POINTS.epoch, POINTS.seq, POINTS.number)
        )
        found: dict[str, list[PointShape]] = {}
        for machine_id, point in self._session.execute(query):
            if point is not None:
                found.setdefault(machine_id, []).append(point)
        return found

    def _kept(self, machine_ids: Sequence[str]) -> Mapping[str, Kept]:
        """The points of these machines as they are stored, and the numbers of their rows."""
        found: dict[str, Kept] = {}
        for ids in rows.parts(machine_ids):
            stored = select(POINTS.machine_id, POINTS.number, type_coerce(POINTS.point, JSON)).where(
                POINTS.machine_id.in_(ids)
            )
            for machine_id, number, point in self._session.execute(stored):
                found.setdefault(machine_id, {})[number] = (str(point["id"]), point)
        return found


def _news(replica: ReplicaStatus, kept: Kept) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Rows that are written, and rows that are there no more. A point that comes takes the row of one that went: then as little as
    can be of the database changes."""
    now = {point.id: point for point in replica.points}
    stays = {point_id: number for number, (point_id, _) in kept.items() if point_id in now}
    free = sorted(set(kept) - set(stays.values()), reverse=True)
    unused = itertools.count(max(kept, default=-1) + 1)
    came: list[dict[str, object]] = []
    for point in now.values():
        number = stays.get(point.id)
        if number is None:
            number = free.pop() if free else next(unused)
            came.append(_row(replica.machine_id, number, point))
        elif kept[number][1] != point.model_dump(mode="json"):
            came.append(_row(replica.machine_id, number, point))
    return came, [{"machine": replica.machine_id, "row": number} for number in free]


def _row(machine_id: str, number: int, point: PointShape) -> dict[str, object]:
    place = {"epoch": point.epoch, "seq": point.seq}
    return {"machine_id": machine_id, "number": number, **place, "point": point}


def _without_points(status: ReplicaStatus) -> ReplicaStatus:
    return status.model_copy(update={"points": ()})


def _with_points(record: ports.StatusRecord, points: Sequence[PointShape]) -> ports.StatusRecord:
    if record.replica is None:
        return record
    replica = record.replica.model_copy(update={"points": tuple(points)})
    return dataclasses.replace(record, replica=replica)


def _with_figures(record: ports.StatusRecord, row: Row[Any]) -> ports.StatusRecord:  # type: ignore[explicit-any]
    """They are written with each document, and after it."""
    source, replica = record.source, record.replica
    if source and row.source and row.source.epoch == source.epoch:
        newer = changes.with_figures(source, row.source)
        record = dataclasses.replace(record, source=newer, source_at=row.source_at)
    if replica and row.replica and row.replica.epoch == replica.epoch:
        said = changes.with_figures(replica, row.replica)
        record = dataclasses.replace(record, replica=said, replica_at=row.replica_at)
    return record
