"""One appliance's connection: its messages come in, orders and answers go out in the order in which they were
given."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from typing import Final

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import DATA_OPCODES, Frame
from websockets.protocol import Event

from ....ground.attention import Attention
from ....ground.log_limit import LogLimit
from ....ground.units import KiB, MiB
from ....wire.control import FullReportRequest, Order, RenewAnswer

_log = structlog.get_logger()

MOST_UNHEARD_BYTES = 64 * MiB
"""The most bytes of messages that wait to be handled: several times the statuses of a thousand machines. More
is not read until some were handled: the database may be away for long."""
EACH_BYTES = 16 * KiB
"""What a message counts for besides its text."""
EACH_SECONDS = 0.001
"""Processor time that a message takes at least."""


class Quiet:
    """A log that writes each event once in a while only."""

    def __init__(self) -> None:
        self._seldom = LogLimit()

    def warning(self, event: str, **said: object) -> None:
        untold = self._seldom.untold(event)
        if untold is not None:
            _log.warning(event, **said, **({"untold": untold} if untold else {}))


class Room:
    """Messages of an appliance that wait to be handled, over all its connections: ending a connection does
    not free them. Belongs to one event loop; only `heard` may be called from other threads."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._unheard_bytes = 0
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._lock = threading.Lock()
        self.attention = Attention()
        self.log = Quiet()

    def is_free(self) -> bool:
        """Whether more may be read."""
        return self._has_room.is_set() and not self.attention.rest_seconds()

    async def free(self) -> None:
        """Returns when more may be read."""
        await asyncio.sleep(self.attention.rest_seconds())
        await self._has_room.wait()

    def took(self, text_bytes: int) -> None:
        """A message of this length now waits to be handled."""
        with self._lock:
            self._unheard_bytes += text_bytes + EACH_BYTES
            if self._unheard_bytes > MOST_UNHEARD_BYTES:
                self._has_room.clear()

    def heard(self, text_bytes: int) -> None:
        """A message of this length was handled."""
        with self._lock:
            was_full = self._unheard_bytes > MOST_UNHEARD_BYTES
            self._unheard_bytes -= text_bytes + EACH_BYTES
            has_room = self._unheard_bytes <= MOST_UNHEARD_BYTES
        if was_full and has_room:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and the connection with it
                self._loop.call_soon_threadsafe(self._has_room.set)


class Link:
    """The connection of one appliance. Belongs to one event loop; only `send` may be called from other
    threads."""

    def __init__(self, connection: ServerConnection, appliance_id: str, room: Room) -> None:
        self.appliance_id = appliance_id
        self.room = room
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._outgoing: asyncio.Queue[Order | RenewAnswer | FullReportRequest] = asyncio.Queue()

    def send(self, message: Order | RenewAnswer | FullReportRequest) -> None:
        """Queue the message. If the connection ends first it is lost, and asked for again."""
        self._loop.call_soon_threadsafe(self._outgoing.put_nowait, message)

    async def run(self, received: Callable[["Link", str | bytes], None]) -> None:
        """Pass messages both ways until the connection ends."""
        writer = asyncio.create_task(self._write())
        try:
            await self._turn()
            async for message in self._connection:
                self.room.attention.spend(EACH_SECONDS)
                received(self, message)
                await self._turn()
        finally:
            writer.cancel()

    async def _turn(self) -> None:
        """Let other connections have their turn; then wait until more may be read, as long as the connection
        lives: an appliance that had flooded the vault and gone kept the connection from ending."""
        await asyncio.sleep(0)
        if self.room.is_free():
            return
        either = [asyncio.ensure_future(each) for each in (self.room.free(), self._connection.wait_closed())]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in either:
                each.cancel()

    async def close(self, reason: str) -> None:
        await self._connection.close(1000, reason)

    async def _write(self) -> None:
        try:
            while True:
                message = await self._outgoing.get()
                await self._connection.send(message.model_dump_json())
        except ConnectionClosed:
            return


# The frames of one connection, before they are parsed. Pings, pongs and frames before the greeting are not
# charged to an appliance as messages are (`Room`), and the network's thread, for which all appliances wait,
# takes them as they come: one appliance that sent nothing else kept the vault from all others, and one that
# did not read the answers filled its memory.

AT_ONCE: Final = 100.0
PER_SECOND: Final = 10.0
"""Frames per second that are allowed: both sides ping every few seconds; a greeting is one frame."""
PIECE_BYTES: Final = 4 * KiB
"""Bytes that are read at a time. They can hold some hundred of the shortest frames, which are taken before
they are found to be too many."""


class FewFrames(ServerConnection):
    """A connection that is ended by the first frame above the limit. `is_known`: it has greeted; frames with
    content are no longer counted."""

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
