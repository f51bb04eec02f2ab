"""The answer that is a way into a drill's machine: what the request's body brings goes to the machine while
it comes, and what the machine says is the answer's body.

Both have no end until one side ends it. uvicorn holds some tens of KiB of each, and reads no more until they
were taken. It is an HTTP exchange and no WebSocket: with that protocol uvicorn answers each ping of a
stranger, before any route is asked, without looking whether the answers are read.

A browser sends no body without an end over HTTP/1.1. Its way takes what goes to the machine from requests of
their own, one piece each, and they are answered once there is room.
"""

import asyncio
import contextlib
import re
import socket
import time
from collections.abc import Coroutine
from typing import Any

import structlog
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ..domain import errors
from ..domain.drills.ways import IDLE_SECONDS, LONGEST_WAY_SECONDS
from ..ground.units import KiB
from ..vault.facade import FilesOnTheWay, OpenDrillWay
from ..vault.facade.callers import Caller
from .permissions import BASE

PIECE_BYTES = 32 * KiB
LOOK_SECONDS = 5.0
"""How often it is looked whether the person may still be there."""
PATH = re.compile(rf"{BASE}/machines/[^/]+/drill/way")
ROOM_SECONDS = 20.0
"""The longest that a request waits until the machine has taken what came before."""
NAME = "Drill-Way"
"""The header of the answer that names the way for these requests."""
LEFT, MACHINE_ENDED, VAULT_ENDED = "the person left", "the machine ended it", "the vault stopped"

log = structlog.get_logger()


def is_way(scope: Scope) -> bool:
    """Whether the request's body goes to a machine, and is not read before."""
    return scope["method"] == "POST" and PATH.fullmatch(scope["path"]) is not None


def require_ends(scope: Scope) -> None:
    """Raises InvalidArgument for a request by HTTP/1.0: an answer without chunks looks whole when cut."""
    if scope["http_version"] == "1.0":
        raise errors.InvalidArgument(
            "Files are not sent by HTTP/1.0: an archive that is cut off would look whole.",
            do="Ask by HTTP/1.1; of a proxy before the vault: 'proxy_http_version 1.1;' in nginx.",
        )


class WaysByRequests:
    """The open ways that take what goes to the machine by requests, by their ids. Of one event loop."""

    def __init__(self) -> None:
        self._open: dict[str, WayAnswer] = {}

    def begin(self, way_id: str, way: "WayAnswer") -> None:
        self._open[way_id] = way

    def end(self, way_id: str) -> None:
        self._open.pop(way_id, None)

    async def say(self, way_id: str, caller: Caller, part: bytes) -> None:
        """Give it to the machine, after all that came before. Raises NotFound for a way that is not open, or
        is not this caller's; NotPossibleNow if the machine takes nothing."""
        way = self._open.get(way_id)
        if way is None or not way.is_of(caller):
            raise errors.NotFound("This way into a drill is not open.", do="Open one anew.")
        await way.say(part)


class WayAnswer(Response):
    """Answers with the way, and closes it however the exchange ends. With `apart` what goes to the machine
    comes by requests, which find it there."""

    kind = b"application/octet-stream"

    def __init__(self, way: OpenDrillWay | FilesOnTheWay, apart: WaysByRequests | None = None) -> None:
        super().__init__()
        self._way = way
        self._apart = apart
        self._typed = asyncio.Queue[bytes](1)
        self._sent = self._received = 0
        self._moved_at = self._began_at = time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        why = VAULT_ENDED
        if self._apart is not None:
            self._apart.begin(self._way.id, self)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self._head()})
            await send({"type": "http.response.body", "body": b"", "more_body": True})
            why = await self._first(*self._inwards(receive), self._outwards(send), self._watch())
            if why != LEFT and self._way.is_whole():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except OSError:
            why = LEFT
        finally:
            if self._apart is not None:
                self._apart.end(self._way.id)
            await asyncio.shield(self._close(why))

    def is_of(self, caller: Caller) -> bool:
        """Whether this caller opened it, with the same token or session."""
        mine = self._way.parts.caller
        return (caller.token_id, caller.session_id) == (mine.token_id, mine.session_id)

    async def say(self, part: bytes) -> None:
        """Raises NotPossibleNow, and has taken nothing of it, if there is no room in time."""
        try:
            async with asyncio.timeout(ROOM_SECONDS):
                await self._typed.put(part)
        except TimeoutError:
            raise errors.NotPossibleNow(
                "The machine does not take what was sent to it before.", do="Send it again, or close the way."
            ) from None

    def _head(self) -> list[tuple[bytes, bytes]]:
        kind = (b"content-type", self.kind)
        plain = (b"content-encoding", b"identity")  # compressing it would take the vault's one processor
        name = (NAME.lower().encode(), self._way.id.encode())
        return [kind, plain, name, (b"cache-control", b"no-store"), (b"connection", b"close")]

    def _inwards(self, receive: Receive) -> tuple[Coroutine[Any, Any, str], ...]:
        if self._apart is None:
            return (self._inwards_by_body(receive),)
        return (self._inwards_by_requests(), self._gone(receive))

    async def _first(self, *halves: Coroutine[Any, Any, str]) -> str:
        """Why the first of them ended; the others are given up."""
        tasks = [asyncio.create_task(each) for each in halves]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _inwards_by_body(self, receive: Receive) -> str:
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return LEFT
            if part := message.get("body", b""):
                await self._give(part)
            if not message.get("more_body", False):
                with contextlib.suppress(OSError):
                    self._way.line.shutdown(socket.SHUT_WR)

    async def _inwards_by_requests(self) -> str:
        while True:
            await self._give(await self._typed.get())

    async def _gone(self, receive: Receive) -> str:
        while (await receive())["type"] == "http.request":
            pass
        return LEFT

    async def _give(self, part: bytes) -> None:
        self._moved_at = time.monotonic()
        self._sent += len(part)
        with contextlib.suppress(ConnectionError):  # the other half says that the machine has ended
            await asyncio.get_running_loop().sock_sendall(self._way.line, part)

    async def _outwards(self, send: Send) -> str:
        loop, line = asyncio.get_running_loop(), self._way.line
        with contextlib.suppress(ConnectionError):
            while part := await loop.sock_recv(line, PIECE_BYTES):
                self._moved_at = time.monotonic()
                self._received += len(part)
                await send({"type": "http.response.body", "body": part, "more_body": True})
        return MACHINE_ENDED

    async def _watch(self) -> str:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = time.monotonic()
            if now - self._moved_at > IDLE_SECONDS:
                return "nothing was said for too long"
            if now - self._began_at > LONGEST_WAY_SECONDS:
                return "it was open for too long"
            why = await run_in_threadpool(self._way.why_not)
            if why is not None:
                return why

    async def _close(self, why: str) -> None:
        try:
            await run_in_threadpool(self._way.close, self._sent, self._received, why)
        except Exception:
            log.exception("way.end-not-kept", way=self._way.id)


class FilesAnswer(WayAnswer):
    """Answers with an archive. One that was not sent whole is cut off before its end, which any client of
    HTTP/1.1 takes for an error."""

    kind = b"application/x-tar"
