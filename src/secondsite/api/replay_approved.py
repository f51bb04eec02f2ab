"""Carries out a request that was kept for approval, through its own route, as if it came now.

First it is rehearsed as the second person, up to the point where it would change something; then it is
carried out as its asker.
"""

from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.types import Message, Scope

from ..domain import errors
from ..vault.facade import VaultFacade
from ..vault.facade.acts import Act, ApprovalGrant, Rehearsal
from ..vault.facade.callers import Caller
from ..vault.facade.second_person import Rehearsed
from ..vault.store import PendingRequest
from . import access
from .permissions import BASE

ONCE = "idempotency-key"
HEADERS = ("content-type", "if-match", ONCE)
"""The headers that an answer depends on."""


def kept(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers to keep, as the routes read them: several lines of one header are joined."""
    found: dict[str, str] = {}
    for raw, value in headers:
        name = raw.decode("latin-1").lower()
        if name in HEADERS:
            found[name] = ",".join(filter(None, (found.get(name), value.decode("latin-1"))))
    return found


async def rehearse(app: FastAPI, vault: VaultFacade, number: int) -> None:
    """Raises what the request would raise if the caller of `vault` made it; its asker learns that, too."""
    record = await run_in_threadpool(vault.approvals.existing, number)
    try:
        await _rehearse(app, record.request, vault.parts.caller)
    except errors.Forbidden:
        raise  # of the second person: of the request it says nothing
    except errors.SecondsiteError as refused:
        await run_in_threadpool(vault.approvals.tried, number, refused.message)
        raise


async def _rehearse(app: FastAPI, asked: PendingRequest, caller: Caller) -> None:
    headers = {name: value for name, value in asked.headers.items() if name != ONCE}
    try:
        await _ask(app, asked, headers, caller, Rehearsal())
    except Rehearsed:
        return
    raise errors.NotPossibleNow(
        "The request would change nothing.", do="Refuse it, or let its asker withdraw it."
    )


async def carry_out(app: FastAPI, vault: VaultFacade, number: int, asker: Caller) -> None:
    """Carry the request out as its asker; the caller of `vault` granted it. Raises what the request raises
    now."""
    record = await run_in_threadpool(vault.approvals.existing, number)
    by, grant = vault.parts.caller, vault.parts.act
    try:
        await _ask(
            app,
            record.request,
            record.request.headers,
            asker,
            ApprovalGrant(number, by.token_sha256, by.name, grant),
        )
    except errors.SecondsiteError as refused:
        await run_in_threadpool(vault.approvals.tried, number, refused.message)
        raise


async def _ask(
    app: FastAPI,
    asked: PendingRequest,
    headers: Mapping[str, str],
    caller: Caller,
    approval: Rehearsal | ApprovalGrant,
) -> None:
    body = asked.body.encode()
    act = Act(
        caller, asked.path, body, asked.method, method=asked.method, query=asked.query,
        headers=asked.headers, approval=approval,
    )  # fmt: skip
    scope = {**_scope(app, asked, headers), access.CALLER: caller, access.ACT: act}

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(_message: Message) -> None:
        """Ignores the answer: it is in the audit log, and errors are raised."""

    await AsyncExitStackMiddleware(app.router)(scope, receive, send)


def _scope(app: FastAPI, asked: PendingRequest, headers: Mapping[str, str]) -> Scope:
    path = f"{BASE}{asked.path}"
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": asked.method,
        "scheme": "https",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": asked.query.encode("latin-1"),
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        "client": None,
        "server": None,
        "app": app,
    }
