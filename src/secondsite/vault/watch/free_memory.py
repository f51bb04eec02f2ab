"""Free memory goes back to the kernel while the vault is at work."""

import structlog

from ...ground.periodic import Periodic
from ...ground.processes import malloc
from ..store import Store

log = structlog.get_logger()

EVERY_SECONDS = 5.0
"""A round takes a millisecond or two. In half a minute 20 consoles and a monitoring system left up to 19 MB
free in the midst of the heaps."""


class FreeMemory(Periodic):
    """The thread that gives back pages that connections to the database hold, and what answers and batches
    have left free."""

    def __init__(self, store: Store) -> None:
        super().__init__("free-memory", lambda error: log.error("free-memory.failed", exc_info=error))
        self._store = store

    def look(self) -> None:
        self._store.give_back()
        malloc.give_back()

    def pause_seconds(self) -> float:
        return EVERY_SECONDS
