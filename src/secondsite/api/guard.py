"""The guard in front of the application: authenticates every request, then reads its body, whole and bounded.

The body of a stranger is not read, and nothing of it is parsed except for the few calls that are open to
strangers.
"""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import quote

from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..domain import errors
from ..domain.access.roles import Grant
from ..ground.connection_limits import Visitors
from ..vault.facade import VaultFacade, refusals
from ..vault.facade.acts import MOST_OF_A_PATH, Act
from ..vault.facade.callers import Caller
from . import access, bodies, credentials, failures, replay_approved, way_answer
from .credentials import Shown
from .permissions import BASE

PLAIN = "/:@!$&'()*+,;= "
STRANGER = Caller(refusals.STRANGER, "", "", Grant(()))
SEND_SECONDS = 30.0
"""The longest that sending a part of an answer may take: a client that does not read is taken for gone."""


class Guard:
    """The ASGI application. `open_paths`, and calls of a method and path in `open_calls`, need no token;
    every other call does, whether it exists or not."""

    def __init__(
        self,
        app: ASGIApp,
        vault: VaultFacade,
        open_paths: Collection[str],
        open_calls: Collection[tuple[str, str]],
        visitors: Visitors,
    ) -> None:
        self._app = app
        self._vault = vault
        self._open_paths = open_paths
        self._open_calls = open_calls
        self._visitors = visitors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        if scope["type"] != "http":
            return
        peer, send = _peer(scope), _of_its_own_kind(send)
        act = scope[access.ACT] = _act(scope, peer[0])
        with self._visitors.asking(peer):
            try:
                most_bytes = await self._admit(scope, peer)
                is_way = way_answer.is_way(scope)
                body = b"" if is_way else await bodies.read(scope, receive, most_bytes)
            except errors.SecondsiteError as refused:
                self._visitors.tally.count(refused.code, peer[0])
                await _refuse(scope, receive, self._on_record(scope, act, send), refused)
            except ConnectionError:
                return
            else:
                if act.caller.token_id:  # the body of a stranger may hold a registration key
                    act.body = body
                told = self._on_record(scope, act, self._in_time(peer, send))
                if act.caller.session_id:
                    told = _not_stored(told)
                await self._app(scope, receive if is_way else _replayed(body, receive), told)

    async def _admit(self, scope: Scope, peer: tuple[str, int]) -> int:
        """How many bytes the body may have. Raises Unauthenticated, and StoreUnavailable before anything
        waits for the database."""
        if scope["path"] in self._open_paths or (scope["method"], scope["path"]) in self._open_calls:
            return bodies.MOST_OPEN_BYTES
        self._vault.parts.served()
        caller = await self._caller(credentials.shown(scope), peer[0])
        scope[access.CALLER] = scope[access.ACT].caller = caller
        self._visitors.know(peer, caller.token_id)
        return bodies.MOST_BYTES

    async def _caller(self, shown: Shown, address: str) -> Caller:
        """Whose credential it is. Raises Unauthenticated. The database is asked in a thread, and only if need
        be."""
        if shown.kind is None:
            tokens = self._vault.tokens
            caller = tokens.recognize(shown.secret, address)
            if caller is None:
                caller = await run_in_threadpool(tokens.authenticate, shown.secret, address)
            return caller
        sessions, which = self._vault.sessions, (shown.secret, shown.kind, address, shown.is_act)
        caller = sessions.recognize(*which)
        if caller is None:
            caller = await run_in_threadpool(sessions.authenticate, *which)
        return caller

    def _on_record(self, scope: Scope, act: Act, send: Send) -> Send:
        """A `send` that records a refusal in the audit log before it is answered."""

        async def send_recorded(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= HTTPStatus.BAD_REQUEST:
                note = self._vault.parts.refusals.note
                await run_in_threadpool(note, act, scope["method"], message["status"])
            await send(message)

        return send_recorded

    def _in_time(self, peer: tuple[str, int], send: Send) -> Send:
        async def send_in_time(message: Message) -> None:
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await send(message)
            except TimeoutError:
                self._visitors.cut(peer, "does-not-read")

        return send_in_time


async def _refuse(scope: Scope, receive: Receive, send: Send, refused: errors.SecondsiteError) -> None:
    """Answer with the error. If a body was not read, the connection ends: no other request can follow on
    it."""
    answer = failures.answer(refused)
    headers = dict(scope["headers"])
    if b"transfer-encoding" in headers or bodies.declared_bytes(scope):
        answer.headers["Connection"] = "close"
    await answer(scope, receive, send)


NO_GUESSING = (b"x-content-type-options", b"nosniff")


def _of_its_own_kind(send: Send) -> Send:
    """A `send` whose answers no browser takes for anything but what they say that they are."""

    async def send_as_said(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), NO_GUESSING]
        await send(message)

    return send_as_said


def _not_stored(send: Send) -> Send:
    """A `send` whose answers stay in no browser's cache: there somebody else may sit later."""

    async def send_for_now(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault("Cache-Control", "no-store")
        await send(message)

    return send_for_now


def _act(scope: Scope, address: str) -> Act:
    path = quote(scope["path"], safe=PLAIN)  # one spelling, however it was sent: people search for it
    return Act(
        replace(STRANGER, address=address),
        path.removeprefix(BASE)[:MOST_OF_A_PATH],
        verb=scope["method"],
        method=scope["method"],
        query=scope["query_string"].decode("latin-1"),
        headers=replay_approved.kept(scope["headers"]),
    )


def _peer(scope: Scope) -> tuple[str, int]:
    host, port = scope.get("client") or ("", 0)
    return host, port


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once, then whatever else comes."""
    parts = [body]

    async def replay() -> Message:
        if parts:
            return {"type": "http.request", "body": parts.pop(), "more_body": False}
        return await receive()

    return replay
