"""The frames of one connection, before anything is understood of them.

Pings, pongs and what comes before a greeting are no messages that somebody is charged for (see `link`), and the network's thread, for which
all appliances wait, takes them as they come: one appliance that sent nothing else kept the vault from all others, and one that did
not read the answers filled its memory."""

import time
from typing import Final

from websockets.asyncio.server import ServerConnection
from websockets.frames import DATA_OPCODES, Frame
from websockets.protocol import Event

from ....ground.units import KiB

AT_ONCE: Final = 100.0
PER_SECOND: Final = 10.0
"""Both sides ping every few seconds; nobody greets with more than one frame."""
PIECE_BYTES: Final = 4 * KiB
"""Some hundred frames of the shortest: so many are taken before it is seen that they are too many."""


class FewFrames(ServerConnection):
    """Ended by the first frame that is one too many. `is_known`: it has greeted, and frames with content count no more."""

    is_known = False
    is_flooding = False
    _taken = 0.0
    _taken_at = 0.0

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE_BYTES):
            if self.is_flooding:
                return
            super().data_received(data[start : start + PIECE_BYTES])

    def process_event(self, event: Event) -> None:
        if isinstance(event, Frame) and not (self.is_known and event.opcode in DATA_OPCODES):
            self._count()
        if not self.is_flooding:
            super().process_event(event)

    def _count(self) -> None:
        now = time.monotonic()
        self._taken = max(0.0, self._taken - PER_SECOND * (now - self._taken_at)) + 1
        self._taken_at = now
        if self._taken > AT_ONCE and not self.is_flooding:
            self.is_flooding = True
            self.transport.abort()  # what it has not read would keep it open
