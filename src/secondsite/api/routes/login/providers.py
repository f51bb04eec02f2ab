"""Routes: providers of OpenID Connect, and log-ins by way of one."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import TypeVar
from weakref import WeakKeyDictionary

import anyio
from fastapi import Request, Response

from ....domain import errors
from ....domain.access.providers import MOST_AT_ONCE, MOST_PROVIDERS
from ....wire import rest
from ... import credentials
from ...access import Vault
from ...headers import ETAG, LOCATION, IfMatch, OnceHeader, answers, locate, tag
from ...routers import guarded, open_to_all
from ..names import ProviderName
from .sessions import Program, given

router = guarded("people")
open_router = open_to_all("sessions")
"""The router of log-ins by way of a provider."""
Asked = TypeVar("Asked")
AT_ONCE, MOST_WAITING, LASTS_SECONDS = MOST_AT_ONCE * MOST_PROVIDERS, 20, 600
"""At a site that is gone all providers are dead: each has its own threads."""
_asking: WeakKeyDictionary[asyncio.AbstractEventLoop, anyio.CapacityLimiter] = WeakKeyDictionary()
"""Of each loop that serves."""


async def _asked(act: Callable[[], Asked]) -> Asked:
    """What a provider answers, waited for in threads of their own: a slow one keeps nobody else waiting.
    Raises TooManyAttempts when too many wait."""
    limiter = _asking.setdefault(asyncio.get_running_loop(), anyio.CapacityLimiter(AT_ONCE))
    if limiter.statistics().tasks_waiting >= MOST_WAITING:
        raise errors.TooManyAttempts("Too many people log in at once.", do="Try again in some seconds.")
    return await anyio.to_thread.run_sync(act, limiter=limiter)


@open_router.get("/log-in")
def show_log_in_choices(vault: Vault) -> rest.LogInChoices:
    """By which providers one may log in."""
    return vault.providers.choices()


@open_router.post("/log-in/begin")
async def begin_log_in(
    vault: Vault, request: Request, response: Response, log_in: rest.ProviderLogIn
) -> rest.ProviderAddress:
    """Begins a log-in by way of a provider: the browser goes on to the address in the answer, and keeps a
    cookie for ten minutes. For the vault's own pages only."""
    credentials.require_own_page(request.scope)
    sent = await _asked(partial(vault.by_provider.begin, log_in, request.headers.get("host", "")))
    response.headers["Cache-Control"] = "no-store"
    credentials.set_cookie(response, credentials.AT_PROVIDER, sent.secret, LASTS_SECONDS)
    return rest.ProviderAddress(address=sent.address)


@open_router.post("/log-in/finish", status_code=HTTPStatus.CREATED)
async def finish_log_in(
    vault: Vault, request: Request, response: Response, came_back: rest.ProviderReturn, program: Program = ""
) -> rest.LoggedIn:
    """Begins a session of whoever came back from a provider, in the browser that was sent there. Roles and
    scope follow the provider's groups, at each log-in."""
    credentials.require_own_page(request.scope)
    kept, former = (
        credentials.cookie_of(request.scope, credentials.AT_PROVIDER),
        credentials.cookie_of(request.scope),
    )
    begun = await _asked(partial(vault.by_provider.finish, came_back, kept, former, program))
    credentials.delete_cookie(response, credentials.AT_PROVIDER)
    return given(response, begun)


@router.get("/log-in/providers")
def list_providers(vault: Vault) -> Sequence[rest.Provider]:
    """Providers of OpenID Connect, and what their groups may do."""
    return vault.providers.list()


@router.post(
    "/log-in/providers", status_code=HTTPStatus.CREATED, responses=answers(HTTPStatus.CREATED, LOCATION, ETAG)
)
def create_provider(
    vault: Vault, response: Response, once: OnceHeader, request: rest.ProviderCreate
) -> rest.Provider:
    """Creates a provider: the log-in shows it from now on."""
    made = tag(response, vault.providers.create(request, once))
    locate(response, "log-in", "providers", made.name)
    return made


@router.get("/log-in/providers/{provider}", responses=answers(HTTPStatus.OK, ETAG))
def show_provider(vault: Vault, response: Response, provider: ProviderName) -> rest.Provider:
    """One provider. Its secret is not shown."""
    return tag(response, vault.providers.show(provider))


@router.put("/log-in/providers/{provider}", responses=answers(HTTPStatus.OK, ETAG))
def change_provider(
    vault: Vault, response: Response, provider: ProviderName, seen: IfMatch, request: rest.ProviderChange
) -> rest.Provider:
    """Changes a provider. Sessions of whoever came from it end."""
    return tag(response, vault.providers.change(provider, request, seen))


@router.delete("/log-in/providers/{provider}", status_code=HTTPStatus.NO_CONTENT)
def delete_provider(vault: Vault, provider: ProviderName, seen: IfMatch) -> None:
    """Deletes a provider, and the people who come from it."""
    vault.providers.delete(provider, seen)


@router.post("/log-in/providers/{provider}/test")
async def test_provider(vault: Vault, provider: ProviderName) -> rest.ProviderTest:
    """Asks the provider what it says of itself, and for its keys."""
    return await _asked(partial(vault.providers.test, provider))
