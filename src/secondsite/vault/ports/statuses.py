"""What was last heard of machines, and how their RPO has been."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ...domain import rpo
from ...wire.common.points import PointShape
from ...wire.control.statuses import OldCopyStatus, ReplicaStatus, SourceStatus


@dataclass(frozen=True, slots=True)
class StatusRecord:
    """What the two appliances said last about a machine, and when."""

    machine_id: str
    source: SourceStatus | None = None
    source_at: datetime | None = None
    replica: ReplicaStatus | None = None
    replica_at: datetime | None = None
    generation: int = 0
    """The highest number of an order for the machine that either appliance has seen."""
    old_copy: OldCopyStatus | None = None
    """What the source's appliance said last of an old copy that an undone reprotect left there, and when."""
    old_copy_at: datetime | None = None
    drill_generation: int = 0
    """As `generation`, of orders for drills."""


@dataclass(frozen=True, slots=True)
class RpoBlock:
    """Ten minutes of a machine's RPO series."""

    machine_id: str
    begins_at: datetime
    slots: rpo.Block


Said = tuple[SourceStatus | ReplicaStatus, datetime]
"""A status, and when it was said."""


PointRows = Mapping[str, int]
"""The numbers of the rows of a replica's points, by the ids of the points."""


@dataclass(frozen=True, slots=True)
class PointNews:
    """All `points` of a replica; of these, the ids of those that came or were changed, and of those that are `gone`, against the
    `rows` that are stored. Without `rows` it is not known what is stored, and `points` alone count."""

    machine_id: str
    points: Sequence[PointShape]
    came: Collection[str] = ()
    gone: Collection[str] = ()
    rows: PointRows | None = None


class StatusRecords(Protocol):
    def get(self, machine_id: str) -> StatusRecord: ...
    def get_many(self, machine_ids: Sequence[str]) -> Mapping[str, StatusRecord]:
        """Those of which something was said, by id."""

    def put(self, said: Sequence[Said]) -> None:
        """Statuses of many machines: whole, their points as rows that come and go."""

    def put_documents(self, said: Sequence[Said]) -> None:
        """Statuses without points, of machines that are under protection."""

    def put_points(self, news: Sequence[PointNews]) -> Mapping[str, PointRows]:
        """Of machines that are under protection; gives the rows that there are then, by machine. Where it is known what is stored,
        nothing is read of it but the number of rows."""

    def put_figures(self, said: Sequence[Said]) -> None:
        """Of machines that are under protection, whose documents are stored, and when that was said."""

    def put_numbers(self, seen: Mapping[str, tuple[int, int]]) -> None:
        """By machine under protection, the highest numbers of its orders, and of those of its drills, that an appliance has seen;
        those that are lower than what is stored change nothing."""

    def put_source(self, status: SourceStatus, at: datetime) -> None: ...
    def put_replica(self, status: ReplicaStatus, at: datetime) -> None: ...
    def put_old_copy(self, status: OldCopyStatus, at: datetime) -> None: ...
    def generation(self, machine_id: str) -> int: ...
    def generations(self, machine_ids: Sequence[str], *, of_drills: bool = False) -> Mapping[str, int]:
        """Those that are known, by id."""

    def drill_generation(self, machine_id: str) -> int: ...
    def epochs(self, machine_id: str) -> tuple[int | None, int | None]:
        """Of what its source and its replica said last, without reading the rest of it."""

    def remove(self, machine_id: str) -> None: ...


class RpoBlocks(Protocol):
    def fill(self, begins_at: datetime, measured: Mapping[str, rpo.Block]) -> None:
        """Slots of many machines (by id) that are under protection; one that is filled already stays as it is."""

    def list(self, machine_id: str, since: datetime) -> Sequence[RpoBlock]:
        """Those that end after `since`, oldest first."""

    def forget(self, before: datetime) -> None:
        """Drop the blocks that begin before then."""
