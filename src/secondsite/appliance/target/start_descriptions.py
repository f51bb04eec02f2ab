"""Remembers for which machine a replica's start description was written: the order contains all machines
whenever one of them changes."""

import time

from ...ground.units import HOUR
from ...wire.control.rescue_manifest import RescueMachine

STALE_SECONDS = 1 * HOUR
"""After this time a description is written again: the machine's own definition may have changed."""


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
