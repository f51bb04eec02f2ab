"""What is known of a replica's points lies beside them: which proved that their machine runs, and which are damaged. That changes seldom;
which were read changes with every point. An appliance that has lost its own records, and found the store, believes them."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ...domain.points import Grade
from ...ground import durable
from ...rescue import GRADES, signed, trusted
from ...wire.common.points import PointShape
from .verdicts import Verdicts


class GradesFile:
    """Written when it changes, and once after each start of the appliance."""

    def __init__(self, root: Path) -> None:
        self._path = root / GRADES
        self._written: dict[str, dict[str, object]] | None = None

    def put(self, points: Sequence[PointShape]) -> None:
        """Raises OSError."""
        told = {each.id: _told(each) for each in points if each.damaged or each.proof is not None}
        if told != self._written:
            durable.write(self._path, signed({"points": told}))
            self._written = told


def _told(point: PointShape) -> dict[str, object]:
    return {"grade": point.proof and str(point.proof), "bad": list(point.disks) if point.damaged else []}


def recall(root: Path, verdicts: Verdicts, known: Collection[str]) -> None:
    """What the file says of the points that are `known`. One that is missing or damaged says nothing."""
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
