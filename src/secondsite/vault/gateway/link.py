"""One appliance's connection: what it says comes in, orders and answers go out in the order they were
given."""

import asyncio
from collections.abc import Callable

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from ...wire.control import Again, Order, Renewed


class Link:
    """Belongs to one event loop; only `send` may be called from other threads."""

    def __init__(self, connection: ServerConnection, appliance_id: str) -> None:
        self.appliance_id = appliance_id
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._outgoing: asyncio.Queue[Order | Renewed | Again] = asyncio.Queue()

    def send(self, message: Order | Renewed | Again) -> None:
        """Queue the message. If the connection ends first it is lost, and asked for again."""
        self._loop.call_soon_threadsafe(self._outgoing.put_nowait, message)

    async def run(self, received: Callable[["Link", str | bytes], None]) -> None:
        """Pass messages both ways until the connection ends."""
        writer = asyncio.create_task(self._write())
        try:
            async for message in self._connection:
                received(self, message)
        finally:
            writer.cancel()

    async def close(self, reason: str) -> None:
        await self._connection.close(1000, reason)

    async def _write(self) -> None:
        try:
            while True:
                message = await self._outgoing.get()
                await self._connection.send(message.model_dump_json())
        except ConnectionClosed:
            return
