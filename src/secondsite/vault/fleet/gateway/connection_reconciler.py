"""Compares the records of connections with the connections that exist, whatever made them differ.

When an appliance's key is refused, its connection is removed from the records, and the process that has it is
told; if that message is lost, the connection is ended here. A connection that ended while the database could
not be written is removed from the records later: else all processes would take its appliance for connected.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

LASTING_SECONDS = 30.0
"""How long a difference has to last: a connection is recorded a moment after it began, and removed a moment
after it ended; on a busy host that takes some seconds."""


@dataclass(slots=True)
class ConnectionReconciler:
    """Compares the connections of this process. For one thread."""

    clock: Callable[[], float] = time.monotonic
    _unrecorded: Mapping[str, float] = field(default_factory=dict)
    _ended: Mapping[str, float] = field(default_factory=dict)

    def unrecorded(self, here: Collection[str], recorded: Collection[str]) -> Sequence[str]:
        """Connections that have been without a record for too long."""
        self._unrecorded = self._since(self._unrecorded, here, recorded)
        return self._lasting(self._unrecorded)

    def ended(self, here: Collection[str], recorded: Collection[str]) -> Sequence[str]:
        """Recorded connections that have not existed here for too long."""
        self._ended = self._since(self._ended, recorded, here)
        return self._lasting(self._ended)

    def _since(
        self, known: Mapping[str, float], these: Collection[str], others: Collection[str]
    ) -> Mapping[str, float]:
        now = self.clock()
        return {each: known.get(each, now) for each in sorted(set(these) - set(others))}

    def _lasting(self, since: Mapping[str, float]) -> Sequence[str]:
        now = self.clock()
        return [each for each, began in since.items() if now - began >= LASTING_SECONDS]
