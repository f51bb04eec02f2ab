"""The ways that are open into machines of drills here. All end with this process."""

import threading
from collections import defaultdict

from ...domain import errors
from ...domain.drills.ways import MOST_OF_A_MACHINE, MOST_OF_ALL, WayKind
from .way_passing import Way

ALONE = frozenset({WayKind.CONSOLE})
"""Kinds that one person at a time has: two would each see half of what the machine says."""


class OpenWays:
    """Which ways are open, by the machine that they lead into. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: dict[str, dict[str, tuple[WayKind, Way | None]]] = defaultdict(dict)

    def take(self, fabric_id: str, way_id: str, kind: WayKind) -> None:
        """Take a place for a way that is about to be opened. Raises NotPossibleNow if there are too many."""
        with self._lock:
            here = self._places[fabric_id]
            if kind in ALONE and any(other is kind for other, _ in here.values()):
                raise errors.NotPossibleNow(
                    f"Somebody is at its {kind} already.", do="Wait until they have left it."
                )
            total = sum(map(len, self._places.values()))
            if len(here) >= MOST_OF_A_MACHINE or total >= MOST_OF_ALL:
                raise errors.NotPossibleNow(
                    f"{len(here)} ways into this machine are open, and {total} at this site.",
                    do="Close one of them first.",
                )
            here[way_id] = (kind, None)

    def put(self, fabric_id: str, way_id: str, way: Way) -> bool:
        """The way that was opened; False if its place was cleared meanwhile, because the drill ended."""
        with self._lock:
            place = self._places.get(fabric_id, {}).get(way_id)
            if place is None:
                return False
            self._places[fabric_id][way_id] = (place[0], way)
            return True

    def leave(self, fabric_id: str, way_id: str) -> None:
        with self._lock:
            self._places.get(fabric_id, {}).pop(way_id, None)
            if not self._places.get(fabric_id):
                self._places.pop(fabric_id, None)

    def close_all_into(self, fabric_id: str) -> int:
        """Close all ways into the machine; returns how many there were."""
        with self._lock:
            cleared = self._places.pop(fabric_id, {})
        ways = [way for _, way in cleared.values() if way is not None]
        for each in ways:
            each.close()
        return len(ways)

    def close_all(self) -> None:
        with self._lock:
            machines = list(self._places)
        for each in machines:
            self.close_all_into(each)
