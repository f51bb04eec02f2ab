"""The two most frequent calls without the framework: one machine, and a page of machines.

Routing, dependencies and middleware take more processor time than such an answer itself. Only successful
answers to plain requests take the fast path: everything else goes through its route as if this module did not
exist, and is refused there. So authentication, the audit log and the form of errors are defined once. If the
database does not answer, it is not asked a second time: that would take as long again.
"""

import functools
import re
from collections.abc import Callable

from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ..domain import errors
from ..vault.facade import VaultFacade
from ..vault.facade.callers import Caller
from ..vault.facade.nouns.machines import Machines
from ..wire import rest
from . import access, failures, permissions
from .permissions import BASE
from .prerendered import as_json

PAGE = f"{BASE}/machines"
ONE = re.compile(rf"{PAGE}/([A-Za-z0-9._-]+)")
PARAMETER = re.compile(rb"(limit|cursor)=([A-Za-z0-9_-]+)")
"""The query parameters that the fast path reads; a request with others goes to its route."""
MOST_QUERY_BYTES = 1500
"""The longest query that is taken, in bytes: no cursor that the vault gives out makes a longer one."""
Ask = Callable[[Machines], str]


class ShortWay:
    """An ASGI application behind the guard and before the routes."""

    def __init__(self, app: ASGIApp, vault: VaultFacade) -> None:
        self._app = app
        self._vault = vault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._answer(scope)
        await (self._app if answer is None else answer)(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response | None:
        caller, ask = scope.get(access.CALLER), _plain(scope)
        if ask is None or not isinstance(caller, Caller):
            return None
        try:
            caller.require(permissions.needed("GET", ask[0]), PAGE)
            machines = Machines(self._vault.parts.asked_by(caller), self._vault.boards)
            return await run_in_threadpool(lambda: as_json(ask[1](machines)))
        except errors.StoreUnavailable as away:
            return failures.answer(away)  # the database was waited for already
        except errors.SecondsiteError:
            return None


def _plain(scope: Scope) -> tuple[str, Ask] | None:
    """The route that the request belongs to, and its parameters; None if the fast path cannot answer it."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    path, query = scope["path"], scope["query_string"]
    if len(query) > MOST_QUERY_BYTES:
        return None
    if path == PAGE:
        wanted = _wanted(query)
        return None if wanted is None else ("/machines", lambda machines: machines.list(wanted))
    one = ONE.fullmatch(path)
    if one is None or query:
        return None
    return "/machines/{machine}", lambda machines: machines.show(one[1])


@functools.lru_cache(maxsize=1000)
def _wanted(query: bytes) -> rest.MachineQuery | None:
    found = [PARAMETER.fullmatch(each) for each in query.split(b"&")] if query else []
    given = {each[1].decode(): each[2].decode() for each in found if each is not None}
    if len(given) < len(found):
        return None
    try:
        return rest.MachineQuery.model_validate(given)
    except ValidationError:
        return None
