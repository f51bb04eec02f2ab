"""Passes bytes on between the connection that an appliance dials for a way, and the person's end of it."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from ....domain import errors
from ....wire.control import WayHello
from ....wire.control.ways import END, LONGEST
from ..ways import Ways


async def serve(ways: Ways, connection: ServerConnection, hello: WayHello) -> None:
    """Pass bytes on between the appliance's connection and the person's end, until either is gone.
    Raises CertificateRefused for a way that nobody waits for."""
    loop, left = asyncio.get_running_loop(), asyncio.Event()
    line = ways.meet(hello, lambda: loop.call_soon_threadsafe(left.set))
    if line is None:
        raise errors.CertificateRefused(f"Nobody waits for the way '{hello.way}' of this appliance.")
    try:
        connection.protocol.max_message_size = 2 * LONGEST
        if connection.keepalive_task is not None:
            # a person who reads nothing for a while keeps pongs from being read: the appliance pings instead
            connection.keepalive_task.cancel()
        halves = [
            asyncio.create_task(_to_person(connection, line, lambda text: ways.tell(hello.way, text))),
            asyncio.create_task(_to_machine(connection, line)),
        ]
        halves.append(asyncio.create_task(_until(left)))
        try:
            await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in halves:
                each.cancel()
            await asyncio.gather(*halves, return_exceptions=True)
    finally:
        line.close()
        connection.transport.abort()


async def _until(left: asyncio.Event) -> None:
    await left.wait()


async def _to_person(connection: ServerConnection, line: socket.socket, tell: Callable[[str], None]) -> None:
    """Until the appliance says that there is no more, or why it ended early."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError, ConnectionClosed):
        async for part in connection:
            if isinstance(part, str):
                tell(part)
                return
            await loop.sock_sendall(line, part)


async def _to_machine(connection: ServerConnection, line: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError, ConnectionClosed):
        while part := await loop.sock_recv(line, LONGEST):
            await connection.send(part)
        await connection.send(END)
        await connection.wait_closed()  # the machine may still have something to say
