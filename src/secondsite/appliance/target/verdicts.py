"""Results of reading a replica's points and of starting machines from them, kept durably: when each was read,
which are damaged, and which proved that their machine runs.

A damaged block lies in a layer that newer points and the head read too. So the source compares all blocks
once after damage was found, and later points are whole. The old points stay marked. What was sealed in
between is in doubt until it is read: nothing starts from it."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from pydantic import Field

from ...domain.points import Grade
from ...ground.plural import counted
from ...wire.common.base import Shape
from ...wire.common.findings import FindingShape
from ...wire.common.points import PointShape
from ..shared import State

PREFIX = "verdicts/"


class PointVerdict(Shape):
    """`bad`: keys of the disks that are not what was sealed; empty if the point is whole. `since`: when that
    was first found. `order` and `since_order` count the readings, because clocks can be set back."""

    at: datetime
    bad: tuple[str, ...] = ()
    since: datetime | None = None
    order: int = 0
    since_order: int = 0

    @property
    def found_at(self) -> datetime:
        return self.since or self.at


class PointProof(Shape):
    """What the last machine that was started from a point proved. `grade`: None if it proved nothing."""

    at: datetime
    grade: Grade | None = None


class _Record(Shape):
    """`compared` is the newest cycle (epoch, seq) that compared all blocks after damage was found."""

    points: Mapping[str, PointVerdict] = Field(default_factory=dict)
    proofs: Mapping[str, PointProof] = Field(default_factory=dict)
    compare: bool = False
    compared: tuple[int, int] = (0, 0)
    missed: str = ""
    """Which missed write of the source was heeded last."""


class Verdicts:
    """The results of one replica. Every change is durable when its method returns."""

    def __init__(self, state: State, machine_id: str) -> None:
        self._state = state
        self._key = PREFIX + machine_id
        self._changing = threading.Lock()
        found = state.fact(self._key)
        self.is_new = found is None
        """Whether nothing was ever recorded for this replica."""
        self._take(_Record.model_validate_json(found) if found else _Record())

    def of(self, point_id: str) -> PointVerdict | None:
        return self._record.points.get(point_id)

    @property
    def edition(self) -> object:
        """An object that is another one after each change."""
        return self._record

    def note(self, point_id: str, bad: tuple[str, ...], at: datetime, known: Iterable[str]) -> None:
        """Record the result of reading a point; drop results of points that are not `known`."""
        with self._changing:
            points = {**self._record.points, point_id: self._verdict(self.of(point_id), bad, at)}
            known = set(known)
            self._save(points={key: each for key, each in points.items() if key in known})

    def _verdict(self, before: PointVerdict | None, bad: tuple[str, ...], at: datetime) -> PointVerdict:
        order = self._next_order()
        if not bad:
            return PointVerdict(at=at, order=order)
        first = before if before and before.bad else None
        since, since_order = (first.found_at, first.since_order) if first else (at, order)
        return PointVerdict(at=at, bad=bad, since=since, order=order, since_order=since_order)

    def proof_of(self, point_id: str) -> PointProof | None:
        return self._record.proofs.get(point_id)

    def prove(self, point_id: str, grade: Grade | None, at: datetime, known: Iterable[str]) -> None:
        """Record what a machine that was started from a point proved; drop proofs of points that are not
        `known`."""
        with self._changing:
            proofs, known = {**self._record.proofs, point_id: PointProof(at=at, grade=grade)}, set(known)
            self._save(proofs={key: each for key, each in proofs.items() if key in known})

    @property
    def missed(self) -> str:
        """The missed write that was heeded last."""
        return self._record.missed

    def unprove(self, missed: str, point_ids: Iterable[str]) -> None:
        """Take the grade from points that may lack a write that the source's tracking missed."""
        with self._changing:
            lost = set(point_ids)
            kept = {key: each for key, each in self._record.proofs.items() if key not in lost}
            self._save(proofs=kept, missed=missed)

    def _next_order(self) -> int:
        return 1 + max((each.order for each in self._record.points.values()), default=0)

    @property
    def wants_comparison(self) -> bool:
        """Whether the next cycle must compare all blocks."""
        return self._record.compare

    def needs_repair(self, points: Iterable[PointShape]) -> bool:
        """Whether damage was found for which no comparison was requested yet."""
        record = self._record
        return not record.compare and any(
            self._bad(point) and (point.epoch, point.seq) >= record.compared for point in points
        )

    def doubted(self, points: Sequence[PointShape]) -> set[str]:
        """Ids of the points that stand on a damaged one, and were not read since that was found. A
        comparison that began between the two has repaired the later one."""
        if self.is_whole:
            return set()
        damaged = [(verdict, each) for each in points if (verdict := self._bad(each))]
        return {
            point.id
            for point in points
            if any(self._stands_on(point, each, verdict) for verdict, each in damaged)
        }

    def _stands_on(self, point: PointShape, damaged: PointShape, verdict: PointVerdict) -> bool:
        place, own = (damaged.epoch, damaged.seq), self.of(point.id)
        above = place < (point.epoch, point.seq) and not set(verdict.bad).isdisjoint(point.disks)
        repaired = place < self._record.compared <= (point.epoch, point.seq)
        return above and not repaired and (own is None or own.order < verdict.since_order)

    def _bad(self, point: PointShape) -> PointVerdict | None:
        verdict = self.of(point.id)
        return verdict if verdict is not None and verdict.bad else None

    def ask_for_comparison(self) -> None:
        with self._changing:
            self._save(compare=True)

    def compared(self, epoch: int, seq: int) -> None:
        """Note a cycle that begins to compare all blocks."""
        with self._changing:
            if self._record.compare:
                self._save(compare=False, compared=(epoch, seq))

    def distrust(self) -> None:
        """Note that the files are not those that were read: points that were found whole are in doubt, and
        the next cycle must compare all blocks."""
        with self._changing:
            bad = {point_id: each for point_id, each in self._record.points.items() if each.bad}
            self._save(points=bad, proofs={}, compare=True)

    def findings(self, machine_name: str, points: Iterable[PointShape]) -> tuple[FindingShape, ...]:
        """A finding that names the damaged points and their disks; none if all are whole."""
        if self.is_whole:
            return ()
        bad = [(point.id, verdict) for point in points if (verdict := self.of(point.id)) and verdict.bad]
        if not bad:
            return ()
        named = "; ".join(f"{point_id} on {', '.join(verdict.bad)}" for point_id, verdict in bad[-3:])
        more = f" and {counted(len(bad) - 3, 'older point')}" if len(bad) > 3 else ""
        what = (
            f"Recovery points of {machine_name} are not what was sealed: {named}{more}. No choice picks them."
        )
        return (FindingShape(code="replica-damaged", what=what, since=min(each.found_at for _, each in bad)),)

    def forget(self) -> None:
        with self._changing:
            self._take(_Record())
            self._state.remove_fact(self._key)

    def _save(self, **changes: object) -> None:
        record = self._record.model_copy(update=changes)
        self._state.put_fact(self._key, record.model_dump_json())
        self._take(record)

    def _take(self, record: _Record) -> None:
        self._record = record
        self.is_whole = not any(verdict.bad for verdict in record.points.values())
