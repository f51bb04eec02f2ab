"""Of which machine a replica says how it is started: whoever has many is told of all of them when one
changes."""

import time

from ...ground.units import HOUR
from ...wire.control.rescue_manifest import RescueMachine

STALE_SECONDS = 1 * HOUR
"""After that the machine's own definition may be another one."""


class StartDescription:
    """Of one replica, since this process began."""

    def __init__(self) -> None:
        self._machine: RescueMachine | None = None
        self._at = 0.0

    def is_of(self, machine: RescueMachine) -> bool:
        """Whether that was written just so, not long ago."""
        return machine == self._machine and time.monotonic() < self._at + STALE_SECONDS

    def note(self, machine: RescueMachine) -> None:
        self._machine, self._at = machine, time.monotonic()
