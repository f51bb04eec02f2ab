"""What is sent about machines, cut into parts of Status messages that are not too large."""

from collections.abc import Sequence
from enum import StrEnum

from ...wire.common.base import Shape
from ...wire.control import changes
from ...wire.control.statuses import ReplicaStatus, SourceStatus

MOST_IN_A_MESSAGE = 4000
"""The largest message, counted in statuses, points and stretches of a journal: about a megabyte."""


class Side(StrEnum):
    SOURCE = "source"
    REPLICA = "replica"


Key = tuple[Side, str]
Part = dict[str, tuple[object, ...]]
_FIELDS: dict[type[Shape], str] = {
    SourceStatus: "sources",
    ReplicaStatus: "replicas",
    changes.SourceFigures: "source_figures",
    changes.ReplicaFigures: "replica_figures",
    changes.ReplicaChange: "replica_changes",
}
_GONE = {Side.SOURCE: "sources_gone", Side.REPLICA: "replicas_gone"}


class News:
    """Collects the news of machines. `says_changes`: the vault takes messages of what changed only."""

    def __init__(self, says_changes: bool) -> None:
        self._says_changes = says_changes
        self._full: list[dict[str, list[object]]] = []
        self._open: dict[str, list[object]] = {}
        self._size = 0

    @property
    def parts(self) -> Sequence[Part]:
        """The fields of each Status message, in the order in which they are to be sent."""
        return [_closed(each) for each in (*self._full, self._open) if each]

    def of(self, told: SourceStatus | ReplicaStatus | None, now: SourceStatus | ReplicaStatus) -> bool:
        """Add what has changed since `told`, if anything; the whole status if nothing was told. Returns
        whether it was added whole."""
        if told == now:
            return False
        said = now if told is None or not self._says_changes else _change(told, now)
        self._add(_FIELDS[type(said)], said, size(said))
        return said is now

    def gone(self, side: Side, machine_id: str) -> None:
        self._add(_GONE[side], machine_id, 1)

    def _add(self, field: str, said: object, size: int) -> None:
        if self._size and self._size + size > MOST_IN_A_MESSAGE:
            self._full.append(self._open)
            self._open, self._size = {}, 0
        self._open.setdefault(field, []).append(said)
        self._size += size


def _change(told: SourceStatus | ReplicaStatus, now: SourceStatus | ReplicaStatus) -> Shape:
    if isinstance(told, SourceStatus) and isinstance(now, SourceStatus):
        return changes.of_source(told, now)
    if isinstance(told, ReplicaStatus) and isinstance(now, ReplicaStatus):
        return changes.of_replica(told, now)
    return now


def size(said: Shape) -> int:
    """How much it counts towards the largest message: its statuses, points and stretches of a journal."""
    if isinstance(said, ReplicaStatus):
        return 1 + len(said.points) + len(said.journal)
    if isinstance(said, changes.ReplicaChange):
        return 1 + len(said.came) + len(said.gone) + len(said.status.journal)
    return 1


def _closed(part: dict[str, list[object]]) -> Part:
    return {field: tuple(said) for field, said in part.items()}
