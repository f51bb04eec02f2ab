"""What is recorded of connections is held against those that there are, however it came to differ.

A connection whose key was refused is taken from the record, and the process that has it is told. Where that
word is lost, it is ended all the same. And one that ended while that could not be written down is taken from
the record later: else all processes took its appliance for connected.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

LASTING_SECONDS = 30.0
"""A connection is recorded a moment after it began, and taken from the record a moment after it ended; on
a busy host some seconds."""


@dataclass(slots=True)
class ConnectionReconciler:
    """Of this process's connections. Looked at by one thread."""

    clock: Callable[[], float] = time.monotonic
    _unrecorded: Mapping[str, float] = field(default_factory=dict)
    _ended: Mapping[str, float] = field(default_factory=dict)

    def unrecorded(self, here: Collection[str], recorded: Collection[str]) -> Sequence[str]:
        """Connections that are not recorded, for long enough."""
        self._unrecorded = self._since(self._unrecorded, here, recorded)
        return self._lasting(self._unrecorded)

    def ended(self, here: Collection[str], recorded: Collection[str]) -> Sequence[str]:
        """Those that are recorded, and are not here, for long enough."""
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
