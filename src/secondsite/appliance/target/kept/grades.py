"""What is known of a replica's points lies beside them: which proved that their machine runs, and which are damaged. That changes seldom;
which were read changes with every point."""

from collections.abc import Sequence
from pathlib import Path

from ....ground import durable
from ....rescue import GRADES, signed
from ....wire.common.points import PointShape


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
