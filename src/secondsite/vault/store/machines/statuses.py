"""The last statuses of machines: a document that hardly ever changes, figures beside it, and a row for each
point."""

import dataclasses
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Table,
    bindparam,
    cast,
    delete,
    select,
    type_coerce,
)
from sqlalchemy.orm import Session

from ....jobs.storage.prepared import PreparedStatement, Row, SubsetQuery
from ....wire.common.points import PointShape
from ....wire.control import changes
from ....wire.control.changes import ReplicaFigures, SourceFigures
from ....wire.control.statuses import OldCopyStatus, ReplicaStatus, SourceStatus
from ..sql import rows
from ..sql.columns import ListColumn, ReportColumn, UtcDateTime, metadata
from .points import POINTS, PointNews, PointRows, Points
from .records import MACHINES


@dataclass(frozen=True, slots=True)
class ArrivalRecord:
    """A machine is on at the host of the appliance of this name, which has no part in its replication; when
    that was first and last reported."""

    appliance: str
    since: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class StatusRecord:
    """The last statuses of a machine from both appliances, and when they were reported."""

    machine_id: str
    source: SourceStatus | None = None
    source_at: datetime | None = None
    replica: ReplicaStatus | None = None
    replica_at: datetime | None = None
    generation: int = 0
    """The highest number of an order for the machine that either appliance has seen."""
    old_copy: OldCopyStatus | None = None
    """The last report of the source's appliance about an old copy that an undone reprotect left, and when."""
    old_copy_at: datetime | None = None
    drill_generation: int = 0
    """As `generation`, for orders for drills."""
    came: ArrivalRecord | None = None
    """Where it is on at another host of its source site; not stored, as the next."""
    moved: ArrivalRecord | None = None
    """The same at its target site."""
    left: ArrivalRecord | None = None
    """The same at a site that it has left for a further one."""


DatedStatus = tuple[SourceStatus | ReplicaStatus, datetime]
"""A status, and when it was reported."""

STATUSES = Table(
    "machine_statuses",
    metadata,
    Column("machine_id", ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True),
    Column("source", ReportColumn(SourceStatus)),
    Column("source_at", UtcDateTime),
    Column("replica", ReportColumn(ReplicaStatus)),
    Column("replica_at", UtcDateTime),
    Column("generation", BigInteger, nullable=False, default=0),
    Column("old_copy", ReportColumn(OldCopyStatus)),
    Column("old_copy_at", UtcDateTime),
    Column("drill_generation", BigInteger, nullable=False, default=0),
)

# Figures change with every cycle, the rest of a status hardly ever. These are newer than those in the
# document, if they were reported later.
FIGURES = Table(
    "machine_figures",
    metadata,
    Column("machine_id", ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True),
    Column("source", ListColumn(SourceFigures)),
    Column("source_at", UtcDateTime),
    Column("replica", ListColumn(ReplicaFigures)),
    Column("replica_at", UtcDateTime),
    sqlite_with_rowid=False,
)

STATUS, FIGURE, MACHINE = STATUSES.c, FIGURES.c, MACHINES.c
# Made once: building a statement takes as long as running it.
_THIS = STATUS.machine_id == bindparam("wanted")
_NUMBERS = PreparedStatement(select(STATUS.generation, STATUS.drill_generation).where(_THIS))
_EPOCHS = PreparedStatement(
    select(
        *(
            cast(type_coerce(side, JSON)["epoch"].as_string(), BigInteger).label(side.name)
            for side in (STATUS.source, STATUS.replica)
        )
    ).where(_THIS)
)
_DOCUMENTS = SubsetQuery(select(STATUSES), STATUS.machine_id)
_FIGURES = SubsetQuery(select(FIGURES), FIGURE.machine_id)
_FENCED = SubsetQuery(
    select(STATUS.machine_id, type_coerce(STATUS.source, JSON)["fenced"].as_boolean().label("fenced")),
    STATUS.machine_id,
)
_EDITIONS = SubsetQuery(
    select(
        STATUS.machine_id, STATUS.source_at, STATUS.replica_at, STATUS.old_copy_at, STATUS.generation,
        STATUS.drill_generation, FIGURE.source_at.label("source_figures_at"),
        FIGURE.replica_at.label("replica_figures_at"),
    ).outerjoin(FIGURES, FIGURE.machine_id == STATUS.machine_id),
    STATUS.machine_id,
)  # fmt: skip
_PROTECTED = SubsetQuery(select(MACHINE.id), MACHINE.id)


class StatusRecords:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._points = Points(session)

    def get(self, machine_id: str) -> StatusRecord:
        """The last statuses of the machine; empty if there are none."""
        return self.get_many((machine_id,)).get(machine_id) or StatusRecord(machine_id)

    def get_many(self, machine_ids: Sequence[str]) -> Mapping[str, StatusRecord]:
        """The last statuses of the machines that have any, by id."""
        points = self._points.of(machine_ids)
        found = self.many_without_points(machine_ids)
        return {each: _with_points(record, points.get(each, [])) for each, record in found.items()}

    def editions(self, machine_ids: Sequence[str]) -> Mapping[str, Hashable]:
        """Of the machines that have statuses: what is another whenever these or their figures are, by id."""
        return {row["machine_id"]: tuple(row.values()) for row in _EDITIONS.all(self._session, machine_ids)}

    def without_points(self, machine_id: str) -> StatusRecord:
        """As `get`, but the replica has no points: to read these took a third of the failover of a thousand
        machines."""
        return self.many_without_points((machine_id,)).get(machine_id) or StatusRecord(machine_id)

    def fenced(self, machine_ids: Sequence[str]) -> set[str]:
        """Those of which the source's last status says that the machine is fenced there."""
        return {row["machine_id"] for row in _FENCED.all(self._session, machine_ids) if row["fenced"]}

    def with_whole_points(self, machine_ids: Sequence[str]) -> set[str]:
        """Those of which a point is known that was not found damaged, without reading the points."""
        return self._points.whole(machine_ids)

    def many_without_points(self, machine_ids: Sequence[str]) -> dict[str, StatusRecord]:
        """The last statuses of the machines that have any, by id, without points."""
        found = {row["machine_id"]: StatusRecord(**row) for row in _DOCUMENTS.all(self._session, machine_ids)}
        for row in _FIGURES.all(self._session, machine_ids):
            machine_id = row["machine_id"]
            if machine_id in found:
                found[machine_id] = _with_figures(found[machine_id], row)
        return found

    def put(self, said: Sequence[DatedStatus]) -> None:
        """Write whole statuses of many machines, with their points as rows."""
        there = self._protected({status.machine_id for status, _ in said})
        said = [each for each in said if each[0].machine_id in there]
        self.put_documents(said)
        replicas = [each for each, _ in said if isinstance(each, ReplicaStatus)]
        self.put_points([PointNews(each.machine_id, each.points) for each in replicas])
        self.put_figures(said)

    def put_documents(self, said: Sequence[DatedStatus]) -> None:
        """Write statuses without their points, of protected machines."""
        for side, ordered in _by_side(said):
            values = [
                {"machine_id": each.machine_id, side: _without_points(each), f"{side}_at": at}
                for each, at in ordered
            ]
            rows.upsert_many(self._session, STATUSES, values)

    def put_points(self, news: Sequence[PointNews]) -> Mapping[str, PointRows]:
        """Write changes of points of protected machines; gives the rows after that, by machine. If it is
        known what is stored, only the number of rows is read."""
        return self._points.put(news)

    def put_figures(self, said: Sequence[DatedStatus]) -> None:
        """Write figures of protected machines whose documents are stored, and when they were reported."""
        for side, ordered in _by_side(said):
            values = [
                {"machine_id": each.machine_id, side: changes.figures(each), f"{side}_at": at}
                for each, at in ordered
            ]
            rows.upsert_many(self._session, FIGURES, values)

    def put_numbers(self, seen: Mapping[str, tuple[int, int]]) -> None:
        """By protected machine, write the highest numbers of its orders, and of those of its drills, that an
        appliance has seen; lower ones than stored change nothing."""
        values = [
            {"machine_id": each, "generation": number, "drill_generation": of_drills}
            for each, (number, of_drills) in sorted(seen.items())
        ]
        rows.upsert_many(self._session, STATUSES, values, rising=True)

    def put_source(self, status: SourceStatus, at: datetime) -> None:
        self.put([(status, at)])

    def put_replica(self, status: ReplicaStatus, at: datetime) -> None:
        self.put([(status, at)])

    def put_old_copy(self, status: OldCopyStatus, at: datetime) -> None:
        if self._protected((status.machine_id,)):
            values = {"machine_id": status.machine_id, "old_copy": status, "old_copy_at": at}
            rows.upsert(self._session, STATUSES, values)

    def generation(self, machine_id: str) -> int:
        """The highest number of an order that an appliance reported; 0 if none did."""
        return self._highest("generation", machine_id)

    def drill_generation(self, machine_id: str) -> int:
        """As `generation`, for drills."""
        return self._highest("drill_generation", machine_id)

    def epochs(self, machine_id: str) -> tuple[int | None, int | None]:
        """The epochs of the last statuses of its source and its replica, without reading the rest of them."""
        said = _EPOCHS.one(self._session, {"wanted": machine_id})
        return (None, None) if said is None else (said["source"], said["replica"])

    def generations(self, machine_ids: Sequence[str], *, of_drills: bool = False) -> Mapping[str, int]:
        """The known highest numbers, by machine id."""
        columns = STATUSES.c
        number = columns.drill_generation if of_drills else columns.generation
        found: dict[str, int] = {}
        for ids in rows.parts(machine_ids):
            some = columns.machine_id.in_(ids)
            said = self._session.execute(select(columns.machine_id, number).where(some))
            found |= {row.machine_id: row[1] for row in said}
        return found

    def remove(self, machine_id: str) -> None:
        for table in (POINTS, FIGURES, STATUSES):
            self._session.execute(delete(table).where(table.c.machine_id == machine_id))

    def _highest(self, column: str, machine_id: str) -> int:
        said = _NUMBERS.one(self._session, {"wanted": machine_id})
        return 0 if said is None else said[column]

    def _protected(self, machine_ids: Collection[str]) -> set[str]:
        """Those that are protected: an appliance may still report on a machine whose protection has just
        ended."""
        return {row["id"] for row in _PROTECTED.all(self._session, sorted(machine_ids))}


def _by_side(said: Sequence[DatedStatus]) -> Iterator[tuple[str, list[DatedStatus]]]:
    """By side, always in the same order: two vault processes would otherwise wait for each other."""
    ordered = sorted(said, key=lambda each: each[0].machine_id)
    yield "source", [each for each in ordered if isinstance(each[0], SourceStatus)]
    yield "replica", [each for each in ordered if isinstance(each[0], ReplicaStatus)]


def _without_points(status: SourceStatus | ReplicaStatus) -> SourceStatus | ReplicaStatus:
    return status.model_copy(update={"points": ()}) if isinstance(status, ReplicaStatus) else status


def _with_points(record: StatusRecord, points: Sequence[PointShape]) -> StatusRecord:
    if record.replica is None:
        return record
    replica = record.replica.model_copy(update={"points": tuple(points)})
    return dataclasses.replace(record, replica=replica)


def _with_figures(record: StatusRecord, row: Row) -> StatusRecord:
    """The record with the figures, which are written with each document, and after it."""
    source, replica = record.source, record.replica
    if source and row["source"] and row["source"].epoch == source.epoch:
        newer = changes.with_figures(source, row["source"])
        record = dataclasses.replace(record, source=newer, source_at=row["source_at"])
    if replica and row["replica"] and row["replica"].epoch == replica.epoch:
        said = changes.with_figures(replica, row["replica"])
        record = dataclasses.replace(record, replica=said, replica_at=row["replica_at"])
    return record
