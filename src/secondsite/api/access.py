"""The caller of a request: a bearer token or a session on every call but enrollment, the log-in, the health
check and the description of the API.

A dependency of a route is a coroutine wherever it does not wait: a function would take a thread of its own
for each request, and while jobs run every change of threads can cost milliseconds.
"""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from fastapi.security import APIKeyCookie, HTTPBearer
from pydantic import TypeAdapter

from ..domain import errors
from ..vault.facade import VaultFacade
from ..vault.facade.acts import Act, Body
from ..vault.facade.callers import Caller as Identity
from ..vault.facade.refusals import READING
from . import permissions
from .credentials import COOKIE, NEEDED

CALLER, ACT = "secondsite.caller", "secondsite.act"
"""The keys in the request's scope under which the guard leaves the caller, and the act for the audit log."""
_bearer = HTTPBearer(
    auto_error=False, description="An access token: 'secondsite token create NAME --role reader'."
)
_cookie = APIKeyCookie(
    name=COOKIE, auto_error=False, description="A session: POST /api/session. For the vault's own pages only."
)


async def vault_of(request: Request) -> VaultFacade:
    """The facade that this application serves, as the caller sees it."""
    vault: VaultFacade = request.app.state.vault
    act = request.scope.get(ACT)
    if not isinstance(act, Act):
        return vault
    return vault.asked_by(act.caller, None if request.method in READING else act)


Vault = Annotated[VaultFacade, Depends(vault_of)]


async def identity(
    request: Request,
    _described: Annotated[object, Depends(_bearer)],
    _also: Annotated[object, Depends(_cookie)],
) -> Identity:
    """The caller; the guard has checked the credential before it read the request's body."""
    found = request.scope.get(CALLER)
    if not isinstance(found, Identity):
        raise errors.Unauthenticated(NEEDED)
    return found


Known = Annotated[Identity, Depends(identity)]


async def named(request: Request) -> None:
    """Record in the act which call the request is, and the status of its answer if nothing goes wrong."""
    route, act = request.scope["route"], request.scope.get(ACT)
    if isinstance(act, Act):
        act.verb, act.code = f"{request.method} {_below(route)}", route.status_code or act.code
        act.name = permissions.verb_of(route.name)
        act.takes = _takes(route)


def _takes(route: APIRoute) -> Callable[[], Body] | None:
    kind = None if route.body_field is None else route.body_field.field_info.annotation
    return None if kind is None else lambda: TypeAdapter(kind)


def _below(route: APIRoute) -> str:
    """The route's path below /api."""
    return route.path.removeprefix(permissions.BASE)


async def permitted(request: Request, _named: Annotated[None, Depends(named)], known: Known) -> None:
    """Raises Forbidden unless the caller may make this call. A route without a declared permission is
    forbidden to everybody."""
    route, act = request.scope["route"], request.scope.get(ACT)
    permission = permissions.needed(request.method, _below(route))
    known.require(permission, f"{request.method} {route.path}")
    if isinstance(act, Act):
        act.permission = permission


async def caller(known: Known) -> str:
    """The name of the caller's token."""
    return known.name


Caller = Annotated[str, Depends(caller)]


async def standing(vault: Vault, known: Known) -> Callable[[], bool]:
    """A function for answers that last: whether the token, or the session, is still valid."""
    return lambda: vault.tokens.is_valid(known)


Standing = Annotated[Callable[[], bool], Depends(standing)]
