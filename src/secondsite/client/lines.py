"""A line to a machine, through the vault: an HTTP exchange of which both bodies stay open. What is written is
the request's body, in chunks; what is read is the answer's."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import h11

from ..domain import errors
from ..ground.units import KiB
from .connection import CONNECT_SECONDS, Connection, refused, unreached

PIECE_BYTES = 32 * KiB
ANSWER_SECONDS = 60.0
LONGEST_ERROR = 64 * KiB


class Line:
    """An open line. `read` and `write` may wait at the same time, each in one task. An async context manager
    that closes it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._writer.transport.abort()

    async def begin(self, request: h11.Request) -> None:
        """Send the request's head, and wait for the answer's. Raises what the vault answered."""
        await self._send(request)
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await self._event()
            if not isinstance(answer, h11.Response):
                raise errors.VaultUnreachable("The vault closed the line.")
            if answer.status_code >= 400:
                raise refused(answer.status_code, await self._whole())

    async def read(self) -> bytes:
        """What the machine said next; empty once the line has ended."""
        event = await self._event()
        return bytes(event.data) if isinstance(event, h11.Data) else b""

    async def write(self, part: bytes) -> None:
        """Say something to the machine; returns when there is room for more."""
        await self._send(h11.Data(data=part))

    async def end(self) -> None:
        """Nothing more will be said; the machine may still answer."""
        await self._send(h11.EndOfMessage())

    async def _send(self, event: h11.Event) -> None:
        # an answer that has ended, or a vault that is gone, is told by `read`
        with contextlib.suppress(h11.LocalProtocolError, ConnectionError):
            self._writer.write(self._http.send(event) or b"")
            await self._writer.drain()

    async def _event(self) -> h11.Event | None:
        """The next event of the answer; None at its end."""
        while True:
            try:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    self._http.receive_data(await self._reader.read(PIECE_BYTES))
                    continue
            except (OSError, h11.RemoteProtocolError):
                return None  # the vault is gone amid the answer
            if isinstance(event, h11.InformationalResponse):
                continue
            return None if isinstance(event, h11.EndOfMessage | h11.ConnectionClosed) else _event_of(event)

    async def _whole(self) -> bytes:
        said = b""
        while len(said) < LONGEST_ERROR and (part := await self.read()):
            said += part
        return said


async def opened(connection: Connection, where: str, query: Mapping[str, Any]) -> Line:
    """The line to what is at that path. Raises as the other calls of the connection."""
    found = urlsplit(connection.url)
    host, port = found.hostname or "", found.port or 443
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            streams = await asyncio.open_connection(host, port, ssl=connection.trust, limit=2 * PIECE_BYTES)
    except OSError as error:
        raise unreached(connection.url, error) from error
    line = Line(*streams)
    asked = {name: value for name, value in query.items() if value is not None}
    headers = [("Host", found.netloc), ("Authorization", connection.bearer), ("Transfer-Encoding", "chunked")]
    try:
        target = f"{where}?{urlencode(asked)}"
        await line.begin(h11.Request(method="POST", target=target, headers=headers))
    except BaseException:
        await line.__aexit__()
        raise
    return line


def _event_of(event: object) -> h11.Event | None:
    return event if isinstance(event, h11.Event) else None
