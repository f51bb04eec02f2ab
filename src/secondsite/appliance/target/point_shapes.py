"""A replica's recovery points, as the vault sees them.

What is on disk decides. A machine may have hundreds of points, and a new one every few seconds: so each
time the file of every manifest is looked at, and read if it is new or was changed since."""

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from operator import is_
from pathlib import Path

import structlog
from pydantic import ValidationError

from ...datapath import errors as datapath_errors
from ...datapath.replica import PointFingerprint, PointRecord, Replica
from ...domain.points import Grade
from ...ground import durable
from ...rescue import GRADES, signed, trusted
from ...wire.common import compact
from ...wire.common.points import PointShape
from .verdicts import PointProof, PointVerdict, Verdicts

READ_AGAIN_SECONDS = 600.0
"""After this time unchanged manifests are read again: a disk may rot without a write, which only reading
shows."""

_Known = tuple[PointFingerprint, PointShape]
log = structlog.get_logger(__name__)


class PointShapes:
    """The points of one replica. Only one thread may use it at a time."""

    def __init__(self, replica: Replica, verdicts: Verdicts) -> None:
        self._replica = replica
        self._verdicts = verdicts
        self._known: dict[str, _Known] = {}
        self._keys: tuple[str, ...] = ()
        self._begun_at = 0.0
        self._judged_by: object = None
        self._listed: tuple[PointShape, ...] = ()

    def listed(self, only_new: bool = False) -> tuple[PointShape, ...]:
        """All points that can be read, oldest first; the same object as before, if nothing changed. With
        `only_new` the files of points that are known already are not looked at."""
        before, stamped = self._valid(), not only_new
        now: dict[str, _Known] = {}
        fresh: list[str] = []
        for look in self._replica.looks(stamped):
            known = before.get(look[0])
            if known is not None and _is_same(known[0], look, stamped):
                now[look[0]] = known
            elif (point := self._read(look.point_id)) is not None:
                now[look[0]] = (look, point)
                fresh.append(look[0])
        self._judge(now, fresh)
        listed = tuple([point for _, point in now.values()])
        if len(listed) != len(self._listed) or not all(map(is_, listed, self._listed)):
            self._listed = listed
        self._known = now
        return self._listed

    def _valid(self) -> Mapping[str, _Known]:
        """The points that are known from earlier; none every few minutes, and after a disk was added to all
        layers or removed from them."""
        keys, now = self._replica.state.keys, time.monotonic()
        if keys == self._keys and now - self._begun_at < READ_AGAIN_SECONDS:
            return self._known
        self._keys, self._begun_at = keys, now
        return {}

    def _read(self, point_id: str) -> PointShape | None:
        """The point; None if its manifest is damaged, or it was dropped meanwhile."""
        try:
            return shape_if_any(self._replica.point(point_id))
        except (datapath_errors.ImageProblem, datapath_errors.PointUnknown):
            return None

    def _judge(self, now: dict[str, _Known], fresh: Sequence[str]) -> None:
        """Complete points with the results of reading their disks: fresh points, or all if there are new
        results or some are in doubt."""
        verdicts, edition = self._verdicts, self._verdicts.edition
        doubted = verdicts.doubted([point for _, point in now.values()])
        is_known = edition is self._judged_by and verdicts.is_whole
        self._judged_by = edition
        for point_id in fresh if is_known else list(now):
            look, point = now[point_id]
            judged = _judged(point, verdicts.of(point_id), point_id in doubted, verdicts.proof_of(point_id))
            if judged is not point or point_id in fresh:
                held = self._known.get(point_id)
                now[point_id] = look, compact.points((judged,), held[1:] if held else ())[0]


def _is_same(known: PointFingerprint, look: PointFingerprint, stamped: bool) -> bool:
    return known == look and look.stamp is not None if stamped else known[:-1] == look[:-1]


def _judged(
    point: PointShape, verdict: PointVerdict | None, doubted: bool, proof: PointProof | None
) -> PointShape:
    """The point with the results of reading it, and of starting a machine from it. A point in doubt counts as
    damaged until it is read again."""
    damaged, verified_at = bool(verdict and verdict.bad), verdict.at if verdict else None
    if doubted:
        damaged, verified_at = True, None
    grade, proven_at = (proof.grade, proof.at) if proof and proof.grade else (None, None)
    if (point.damaged, point.verified_at, point.proof, point.proven_at) == (
        damaged,
        verified_at,
        grade,
        proven_at,
    ):
        return point
    told = {"damaged": damaged, "verified_at": verified_at, "proof": grade, "proven_at": proven_at}
    return point.model_copy(update=told)


def shape_if_any(record: PointRecord) -> PointShape | None:
    """A point for the vault; None if what its manifest says is not what a point may be."""
    try:
        return shape(record)
    except ValidationError as problem:
        log.warning("point.not-listed", point=record.point_id, problem=str(problem))
        return None


def shape(record: PointRecord) -> PointShape:
    """A point for the vault, as if it was never read."""
    return PointShape.model_validate(
        {
            "id": record.point_id,
            "taken_at": record.manifest.taken_at,
            "sealed_at": record.manifest.sealed_at,
            "uptime": record.manifest.uptime,
            "consistency": record.manifest.consistency,
            "epoch": record.manifest.epoch,
            "seq": record.manifest.seq,
            "set_id": record.manifest.set_id,
            "reason": record.manifest.reason,
            "compared": record.manifest.extra.get("compared") is True,
            "committed": record.committed,
            "added_bytes": record.added_bytes,
            "disks": [disk.key for disk in record.manifest.disks],
            "held": record.held,
            "damaged": False,
            "verified_at": None,
        }
    )


# What is known of a replica's points is kept beside them: which ones proved that their machine runs, and
# which are damaged. That changes seldom, while which ones were read changes with every point. An appliance
# that has lost its own records, and found the store, relies on this file.


class GradesFile:
    """The file with the grades of one replica's points. It is written when it changes, and once after each
    start of the appliance."""

    def __init__(self, root: Path) -> None:
        self._path = root / GRADES
        self._written: dict[str, dict[str, object]] | None = None

    def put(self, points: Sequence[PointShape]) -> None:
        """Write the grades of these points, if they have changed. Raises OSError."""
        told = {each.id: _told(each) for each in points if each.damaged or each.proof is not None}
        if told != self._written:
            durable.write(self._path, signed({"points": told}))
            self._written = told


def _told(point: PointShape) -> dict[str, object]:
    return {"grade": point.proof and str(point.proof), "bad": list(point.disks) if point.damaged else []}


def recall(root: Path, verdicts: Verdicts, known: Collection[str]) -> None:
    """Record what the file says of the points that are `known`. A missing or damaged file says nothing."""
    path = root / GRADES
    try:
        told, at = trusted(path).get("points", {}), datetime.fromtimestamp(path.stat().st_mtime, UTC)
        for point_id in known:
            said = told.get(point_id) or {}
            if said.get("grade"):
                verdicts.prove(point_id, Grade(said["grade"]), at, known)
            if said.get("bad"):
                verdicts.note(point_id, tuple(map(str, said["bad"])), at, known)
    except (OSError, ValueError, TypeError, AttributeError):
        return
