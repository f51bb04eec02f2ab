"""Shorten journals before the store is full for anything else: drop kept cycles, the oldest of all machines first.

Recovery points, arriving cycles and overlays that machines run on are needed; kept cycles only add instants
between points. The journal of a failed-over machine goes last: its operator may be choosing from it."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog

from ....ground.units import GiB
from ..replica import HostedReplica

MOST_RESERVED_BYTES = 1 * GiB
RESERVED_FRACTION = 0.05

log = structlog.get_logger(__name__)


class JournalSpace:
    """The free space of the store's file system."""

    def __init__(self, folder: Path, hosted: Callable[[], Iterable[HostedReplica]]) -> None:
        self._folder = folder
        self._hosted = hosted

    def free_if_short(self) -> None:
        """Free space if little is left."""
        if self._is_short():
            self.free()

    def free(self, spared: HostedReplica | None = None) -> bool:
        """Drop kept cycles until enough is free, at least one, none of `spared`; False if there are none to drop."""
        dropped = 0
        while (not dropped or self._is_short()) and self._drop_oldest(spared):
            dropped += 1
        if dropped:
            log.warning("journal.shortened", cycles=dropped)
        return dropped > 0

    def _drop_oldest(self, spared: HostedReplica | None) -> bool:
        having = [(each.cycles.oldest_at(), each) for each in self._hosted() if each is not spared]
        order = sorted(
            ((not each.accepting, at, each) for at, each in having if at is not None),
            key=lambda found: found[:2],
        )
        return any(each.cycles.shorten(each.points) for _, _, each in order)

    def _is_short(self) -> bool:
        found = os.statvfs(self._folder)
        whole, free = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
        return free < min(MOST_RESERVED_BYTES, RESERVED_FRACTION * whole)
