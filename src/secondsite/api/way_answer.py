"""The answer that is a way into a drill's machine: what the request's body brings goes to the machine while
it comes, and what the machine says is the answer's body.

Both have no end until one side ends it. uvicorn holds some tens of KiB of each, and reads no more until they
were taken. It is an HTTP exchange and no WebSocket: with that protocol uvicorn answers each ping of a
stranger, before any route is asked, without looking whether the answers are read.
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

from ..domain.drills.ways import IDLE_SECONDS, LONGEST_WAY_SECONDS
from ..ground.units import KiB
from ..vault.facade import OpenDrillWay
from .permissions import BASE

PIECE_BYTES = 32 * KiB
LOOK_SECONDS = 5.0
"""How often it is looked whether the person may still be there."""
PATH = re.compile(rf"{BASE}/machines/[^/]+/drill/way")
LEFT, MACHINE_ENDED, VAULT_ENDED = "the person left", "the machine ended it", "the vault stopped"

log = structlog.get_logger()


def is_way(scope: Scope) -> bool:
    """Whether the request's body goes to a machine, and is not read before."""
    return scope["method"] == "POST" and PATH.fullmatch(scope["path"]) is not None


class WayAnswer(Response):
    """Answers with the way, and closes it however the exchange ends."""

    def __init__(self, way: OpenDrillWay) -> None:
        super().__init__()
        self._way = way
        self._sent = self._received = 0
        self._moved_at = self._began_at = time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        why = VAULT_ENDED
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self._head()})
            await send({"type": "http.response.body", "body": b"", "more_body": True})
            why = await self._first(self._inwards(receive), self._outwards(send), self._watch())
            if why != LEFT:
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except OSError:
            why = LEFT
        finally:
            await asyncio.shield(self._close(why))

    def _head(self) -> list[tuple[bytes, bytes]]:
        kind = (b"content-type", b"application/octet-stream")
        return [kind, (b"cache-control", b"no-store"), (b"connection", b"close")]

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

    async def _inwards(self, receive: Receive) -> str:
        loop, line = asyncio.get_running_loop(), self._way.line
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return LEFT
            if part := message.get("body", b""):
                self._moved_at = time.monotonic()
                self._sent += len(part)
                with contextlib.suppress(ConnectionError):  # the other half says that the machine has ended
                    await loop.sock_sendall(line, part)
            if not message.get("more_body", False):
                with contextlib.suppress(OSError):
                    line.shutdown(socket.SHUT_WR)

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
            log.exception("way.end-not-kept", way=self._way.visit.id)
