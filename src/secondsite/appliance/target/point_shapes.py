"""A replica's recovery points as the vault is told of them.

What is on disk decides. A machine may have hundreds of points, and a new one every few seconds: so each time the file of every
manifest is looked at, and read if it is new or was changed since."""

import time
from operator import is_

import structlog
from pydantic import ValidationError

from ...datapath import errors as datapath_errors
from ...datapath.replica import PointLook, PointRecord, Replica
from ...wire.common import compact
from ...wire.common.points import PointShape
from .verdicts import Verdicts

READ_AGAIN_SECONDS = 600.0
"""A disk rots without a write: only reading tells."""

log = structlog.get_logger(__name__)


class PointShapes:
    """Those of one replica. Its caller lets in one thread at a time."""

    def __init__(self, replica: Replica, verdicts: Verdicts) -> None:
        self._replica = replica
        self._verdicts = verdicts
        self._known: dict[str, tuple[PointLook, PointShape]] = {}
        self._keys: tuple[str, ...] = ()
        self._begun_at = 0.0
        self._listed: tuple[PointShape, ...] = ()

    def listed(self) -> tuple[PointShape, ...]:
        """All points that can be read, oldest first; what was given before, if nothing changed."""
        anew = self._are_read_anew()
        found = [
            (look, point) for look in self._replica.looks() if (point := self._found(look, anew)) is not None
        ]
        doubted = self._verdicts.doubted([point for _, point in found])
        self._known = {look.point_id: (look, self._held(self._judged(point, doubted))) for look, point in found}
        listed = tuple(point for _, point in self._known.values())
        if len(listed) != len(self._listed) or not all(map(is_, listed, self._listed)):
            self._listed = listed
        return self._listed

    def _are_read_anew(self) -> bool:
        """Whether it is time to read all; and when a disk was added to all layers, or removed from them."""
        keys, now = self._replica.state.keys, time.monotonic()
        due = keys != self._keys or now - self._begun_at >= READ_AGAIN_SECONDS
        if due:
            self._keys, self._begun_at = keys, now
        return due

    def _found(self, look: PointLook, anew: bool) -> PointShape | None:
        """The point; None if its manifest is damaged, or it was dropped meanwhile."""
        known = self._known.get(look.point_id)
        if known is not None and look.stamp is not None and known[0] == look and not anew:
            return known[1]
        try:
            return shape_if_any(self._replica.point(look.point_id))
        except (datapath_errors.ImageProblem, datapath_errors.PointUnknown):
            return None

    def _judged(self, point: PointShape, doubted: set[str]) -> PointShape:
        """The point with the result of reading its disks. One in doubt is as if it was damaged, until it is read again."""
        verdict = self._verdicts.of(point.id)
        damaged, verified_at = bool(verdict and verdict.bad), verdict.at if verdict else None
        if point.id in doubted:
            damaged, verified_at = True, None
        if (point.damaged, point.verified_at) == (damaged, verified_at):
            return point
        return point.model_copy(update={"damaged": damaged, "verified_at": verified_at})

    def _held(self, point: PointShape) -> PointShape:
        """The same, in little memory: what was held before, if it is equal."""
        known = self._known.get(point.id)
        if known is None:
            return compact.points((point,))[0]
        return point if known[1] is point else compact.points((point,), (known[1],))[0]


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
            "committed": record.committed,
            "added_bytes": record.added_bytes,
            "disks": [disk.key for disk in record.manifest.disks],
            "held": record.held,
            "damaged": False,
            "verified_at": None,
        }
    )
