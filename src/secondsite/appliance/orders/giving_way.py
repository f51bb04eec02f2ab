"""Copies that are started only to be looked at give way to machines that people need."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ...domain import errors


@dataclass(slots=True)
class Inspection:
    """One copy that is being looked at. `for_whom`: the machine whose start it must give way to; empty if
    none."""

    for_whom: str = ""

    def require_no_other(self) -> None:
        """Raises NotPossibleNow once a machine that people need is being started here."""
        if self.for_whom:
            raise errors.NotPossibleNow(
                f"The copy gave way, because {self.for_whom} was started.",
                do=(
                    "Nothing: it is tried again by schedule; or start 'secondsite point verify MACHINE POINT "
                    "--boot' later."
                ),
            )


class GiveWay:
    """The inspections in progress. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looks: dict[str, Inspection] = {}

    @contextmanager
    def look(self, machine_id: str) -> Iterator[Inspection]:
        """Inside the context the machine's copy counts as looked at. Raises NotPossibleNow while another copy
        of it is."""
        look = Inspection()
        with self._lock:
            if machine_id in self._looks:
                raise errors.NotPossibleNow(
                    "A copy of this machine is being looked at already.", do="Wait until that has ended."
                )
            self._looks[machine_id] = look
        try:
            yield look
        finally:
            with self._lock:
                self._looks.pop(machine_id, None)

    def under_way(self) -> frozenset[str]:
        """Ids of machines whose copies are looked at now."""
        with self._lock:
            return frozenset(self._looks)

    def make_way(self, for_whom: str) -> None:
        """Tell every inspection to remove its copy; does not wait for that."""
        with self._lock:
            for look in self._looks.values():
                look.for_whom = for_whom
