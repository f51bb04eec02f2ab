"""Journals give way: before the store is full for anything else, kept cycles go, the oldest of all machines first.

A recovery point, a cycle that arrives and an overlay that a machine runs on are needed; a kept cycle only makes what
can be recovered finer. The journal of a machine that is failed over goes last: its operator may be choosing from it.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog

from ..domain.units import GiB
from .hosted import Hosted

MOST_RESERVED_BYTES = 1 * GiB
RESERVED_FRACTION = 0.05

log = structlog.get_logger(__name__)


class Room:
    """The room on the store's file system."""

    def __init__(self, folder: Path, hosted: Callable[[], Iterable[Hosted]]) -> None:
        self._folder = folder
        self._hosted = hosted

    def look(self) -> None:
        """Make room if little is left."""
        if self._is_short():
            self.make()

    def make(self) -> bool:
        """Drop kept cycles until enough is free, one at least; False when there are none to drop."""
        dropped = 0
        while (not dropped or self._is_short()) and self._drop_oldest():
            dropped += 1
        if dropped:
            log.warning("journal.gave-way", cycles=dropped)
        return dropped > 0

    def _drop_oldest(self) -> bool:
        having = [(each.cycles.oldest_at(), each) for each in self._hosted()]
        order = sorted(
            ((not each.accepting, at, each) for at, each in having if at is not None),
            key=lambda found: found[:2],
        )
        return any(each.cycles.give_way(each.points) for _, _, each in order)

    def _is_short(self) -> bool:
        found = os.statvfs(self._folder)
        whole, free = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
        return free < min(MOST_RESERVED_BYTES, RESERVED_FRACTION * whole)
