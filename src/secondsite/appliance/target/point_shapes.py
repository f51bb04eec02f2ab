"""A replica's recovery points as the vault is told of them."""

import structlog
from pydantic import ValidationError

from ...datapath.replica import PointRecord
from ...wire.common.points import PointShape
from .verdicts import PointVerdict

log = structlog.get_logger(__name__)


def shape_if_any(record: PointRecord, verdict: PointVerdict | None) -> PointShape | None:
    """A point for the vault, with the result of reading it; None if what its manifest says is not what a point may be."""
    try:
        return shape(record, verdict)
    except ValidationError as problem:
        log.warning("point.not-listed", point=record.point_id, problem=str(problem))
        return None


def shape(record: PointRecord, verdict: PointVerdict | None) -> PointShape:
    """A point for the vault, with the result of reading it."""
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
            "damaged": bool(verdict and verdict.bad),
            "verified_at": verdict.at if verdict else None,
        }
    )


def in_doubt(point: PointShape) -> PointShape:
    """As if it was damaged, until it is read again."""
    return point.model_copy(update={"damaged": True, "verified_at": None})
