"""Looks after machines beside their cycles: what a dead process left open is ended, whatever the target does."""

import time
from collections.abc import Callable, Sequence

import structlog

from ...fabrics.interface import Fabric
from ...ground.periodic import Periodic
from . import views
from .machine import Source

LOOK_SECONDS = 2.0
AGAIN_SECONDS = 20.0
"""Wait before a machine is tried again that could not be tidied."""

log = structlog.get_logger(__name__)


class Watch(Periodic):
    """The first look is at once: no view outlives the start of its appliance by much."""

    def __init__(self, fabric: Fabric, sources: Callable[[], Sequence[Source]]) -> None:
        super().__init__("source-watch", lambda error: log.error("watch.failed", exc_info=error))
        self._fabric = fabric
        self._sources = sources
        self._not_before: dict[str, float] = {}

    def start(self) -> None:
        super().start()
        self.wake()

    def look(self) -> None:
        for source in self._sources():
            if not source.tidy and time.monotonic() >= self._not_before.get(source.machine_id, 0.0):
                self._tidy(source)

    def pause_seconds(self) -> float:
        return LOOK_SECONDS

    def _tidy(self, source: Source) -> None:
        # whoever has the lock does it itself
        with source.try_lock("removing what a cycle left behind") as locked:
            if locked and not views.sweep(self._fabric, source):
                self._not_before[source.machine_id] = time.monotonic() + AGAIN_SECONDS
