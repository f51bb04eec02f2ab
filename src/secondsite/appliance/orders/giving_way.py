"""Copies that are started only to be looked at give way to machines that people need."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ...domain import errors


@dataclass(slots=True)
class Inspection:
    """One that is under way. `for_whom`: what began here meanwhile; empty: nothing."""

    for_whom: str = ""

    def require_no_other(self) -> None:
        """Raises NotPossibleNow once a machine is started here that people need."""
        if self.for_whom:
            raise errors.NotPossibleNow(
                f"The copy gave way, because {self.for_whom} was started.",
                do=(
                    "Nothing: it is tried again by schedule; or start 'secondsite point verify MACHINE POINT "
                    "--boot' later."
                ),
            )


class GiveWay:
    """Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looks: dict[str, Inspection] = {}

    @contextmanager
    def look(self, machine_id: str) -> Iterator[Inspection]:
        """Under way inside the context. Raises NotPossibleNow while another one of the machine is."""
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
        """Machines whose copies are looked at now."""
        with self._lock:
            return frozenset(self._looks)

    def make_way(self, for_whom: str) -> None:
        """Every copy goes, as soon as its look notices; nobody waits for that."""
        with self._lock:
            for look in self._looks.values():
                look.for_whom = for_whom
