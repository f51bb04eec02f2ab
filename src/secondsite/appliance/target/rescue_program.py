"""Puts the program that starts machines from the store alone into the store: where it is needed there may be
nothing else. And remembers for which machine a replica's start description was written: the order contains
all machines whenever one of them changes."""

import time
from pathlib import Path

import structlog

from ...ground import durable, real_files
from ...ground.units import HOUR
from ...rescue import NAME, bundle
from ...wire.control.rescue_manifest import RescueMachine

STALE_SECONDS = 1 * HOUR
"""After this time a description is written again: the machine's own definition may have changed."""

log = structlog.get_logger(__name__)


def put(store: Path) -> None:
    """Write this release's program into the store, in place of what is there. An error is ignored: a store
    that cannot be written has findings of its own."""
    path, content = store / NAME, bundle()
    try:
        if not path.exists() or real_files.content(path) != content:
            durable.write(path, content)
        path.chmod(0o755)
    except OSError as error:
        log.warning("rescue-file.not-written", path=str(path), problem=str(error))


class StartDescription:
    """What was described of one replica, since this process began."""

    def __init__(self) -> None:
        self._machine: RescueMachine | None = None
        self._at = 0.0

    def is_of(self, machine: RescueMachine) -> bool:
        """Whether this very machine was described not long ago."""
        return machine == self._machine and time.monotonic() < self._at + STALE_SECONDS

    def note(self, machine: RescueMachine) -> None:
        self._machine, self._at = machine, time.monotonic()
