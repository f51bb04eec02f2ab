"""The scripts of a machine's hooks run one after the other, also those of several jobs.

A vault that has heard nothing of a script for a while goes on without it, and may have the next one run: what the first one does would come
after what the second one has done.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ...domain import errors
from ...wire.control import Order

WAITS_SECONDS = 40.0
"""Within the time that the vault gives an order besides its script's own."""


class ScriptTurns:
    """Safe from any thread."""

    def __init__(self) -> None:
        self._ended = threading.Condition()
        self._running: dict[str, str] = {}

    @contextmanager
    def taken(self, order: Order, script: str) -> Iterator[None]:
        """The only one of its machine inside the context; a drill's copy is another machine. Raises NotPossibleNow if an earlier one does not
        end."""
        whose = f"{order.machine_id}/{'machine' if order.drill_generation is None else 'drill'}"
        with self._ended:
            if not self._ended.wait_for(lambda: whose not in self._running, WAITS_SECONDS):
                raise errors.NotPossibleNow(
                    f"Script {script} was not run: {self._running[whose]} of the same machine, which began before, still runs.",
                    do="Look at what that one does; once it has ended, do by hand what is still wanted.",
                )
            self._running[whose] = script
        try:
            yield
        finally:
            with self._ended:
                del self._running[whose]
                self._ended.notify_all()
