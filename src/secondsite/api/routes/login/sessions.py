"""Routes: log in, log out, and who is logged in."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Annotated, TypeVar
from weakref import WeakKeyDictionary

import anyio
from fastapi import Header, Request, Response
from starlette.types import Scope

from ....domain import errors
from ....domain.access.sessions import SessionKind
from ....vault.facade.nouns.login.logins import Begun
from ....wire import rest
from ... import credentials
from ...access import Vault
from ...routers import guarded, open_to_all
from ..names import SecurityKeyId, SessionId

router = guarded("sessions")
open_router = open_to_all("sessions")
"""The router of the log-in."""
Tried = TypeVar("Tried")
AT_ONCE, MOST_WAITING = 2, 20
_trying: WeakKeyDictionary[asyncio.AbstractEventLoop, anyio.CapacityLimiter] = WeakKeyDictionary()
"""Of each loop that serves: a limiter wakes only who waits in its own."""
Program = Annotated[str, Header(alias="user-agent", include_in_schema=False)]


async def _tried(act: Callable[[], Tried]) -> Tried:
    """What tries a password, in threads of its own: many strangers who logged in at once had all that answer
    requests. Raises TooManyAttempts when too many wait."""
    limiter = _trying.setdefault(asyncio.get_running_loop(), anyio.CapacityLimiter(AT_ONCE))
    if limiter.statistics().tasks_waiting >= MOST_WAITING:
        raise errors.TooManyAttempts("Too many people log in at once.", do="Try again in some seconds.")
    return await anyio.to_thread.run_sync(act, limiter=limiter)


def _former(scope: Scope, kind: SessionKind) -> str | None:
    """The session that the browser has already. Raises Forbidden if another page asks: it would make somebody
    act under a name that is not theirs. No page gets a secret that it could read."""
    if credentials.comes_from_a_browser(scope):
        credentials.require_own_page(scope)
        if kind is not SessionKind.BROWSER:
            raise errors.Forbidden("This is a browser, not a command line.", do="Leave out the kind.")
    return credentials.cookie_of(scope)


def _host(request: Request) -> str:
    """The address at which the browser reached the vault: no page can make it say another one."""
    return request.headers.get("host", "")


def given(response: Response, begun: Begun, kind: SessionKind = SessionKind.BROWSER) -> rest.LoggedIn:
    """What is shown of a new session, whose secret a browser gets as a cookie."""
    response.headers["Cache-Control"] = "no-store"
    shown = begun.shown.model_dump()
    if kind is SessionKind.COMMAND_LINE:
        return rest.LoggedIn(**shown, secret=begun.secret)
    credentials.set_cookie(response, credentials.COOKIE, begun.secret)
    return rest.LoggedIn(**shown)


@open_router.post("/session", status_code=HTTPStatus.CREATED)
async def log_in(
    vault: Vault, request: Request, response: Response, log_in: rest.LogIn, program: Program = ""
) -> rest.LoggedIn:
    """Begins a session: the answer's cookie stands for its holder in this browser. It ends after 12 hours,
    after half an hour without a request (of those with the header `X-Unattended`, which a page makes by
    itself, none counts), and with the token. A session that the browser had before ends. Too many attempts
    that fail get 429, and are told in `Retry-After` after how many seconds the next one counts."""
    former = _former(request.scope, log_in.kind)
    begun = await _tried(partial(vault.logins.begin, log_in, former, program, _host(request)))
    return given(response, begun, log_in.kind)


@open_router.post("/session/question")
async def ask_at_log_in(vault: Vault, request: Request, log_in: rest.LogIn) -> rest.KeyQuestion:
    """What a security key of this person is asked, whose password, or link, is right. Its answer goes along
    with the log-in."""
    return await _tried(partial(vault.security_keys.ask_at_log_in, log_in, _host(request)))


@router.get("/session")
def show_session(vault: Vault) -> rest.Identity:
    """Who the caller is and may do, in a session or by an access token, and until when."""
    return vault.sessions.show()


@router.delete("/session", status_code=HTTPStatus.NO_CONTENT)
def log_out(vault: Vault, response: Response) -> None:
    """Ends the session of this request, with its streams of events."""
    vault.sessions.end_own()
    credentials.delete_cookie(response, credentials.COOKIE)


@router.get("/sessions")
def list_sessions(vault: Vault) -> Sequence[rest.Session]:
    """The caller's sessions that have not ended; for access administrators those of all."""
    return vault.sessions.list()


@router.delete("/sessions/{session}", status_code=HTTPStatus.NO_CONTENT)
def end_session(vault: Vault, session: SessionId) -> None:
    """Ends a session of the caller's; access administrators end any."""
    vault.sessions.end(session)


@router.put("/session/password")
async def change_own_password(
    vault: Vault, response: Response, request: rest.PasswordChange, program: Program = ""
) -> rest.LoggedIn:
    """Chooses the caller's own password, of 12 to 200 characters. All their sessions end, and a new one
    begins. The present password is needed, but for whoever came by a link."""
    begun = await _tried(partial(vault.own.change_password, request, program))
    return given(response, begun, begun.kind)


@router.post("/session/second-factor")
async def begin_second_factor(vault: Vault, request: rest.PresentPassword) -> rest.SecondFactorBegun:
    """Gives what an app has to know to show codes. They count from the first one on, which is given by a
    PUT. The present password is needed, but for whoever came by a link."""
    return await _tried(partial(vault.second_factor.begin, request.password))


@router.put("/session/second-factor")
def confirm_second_factor(
    vault: Vault, response: Response, request: rest.OneTimeCode, program: Program = ""
) -> rest.RecoveryCodes:
    """The app's first code: from now on the log-in asks for codes, each of which counts once. All sessions of
    the caller end, and a new one begins."""
    begun, codes = vault.second_factor.confirm(request.one_time_code or "", program)
    given(response, begun, begun.kind)
    return codes


@router.post("/session/second-factor/remove")
def remove_second_factor(
    vault: Vault, asked: Request, response: Response, request: rest.OneTimeCode, program: Program = ""
) -> rest.Identity:
    """Ends the caller's own second factor, with a code of it. All their sessions end, and a new one
    begins."""
    begun = vault.second_factor.remove(request, program, _host(asked))
    return given(response, begun, begun.kind)


@router.get("/session/security-keys")
def list_security_keys(vault: Vault) -> Sequence[rest.SecurityKey]:
    """The caller's own security keys."""
    return vault.security_keys.list()


@router.post("/session/security-keys/begin")
async def begin_security_key(vault: Vault, asked: Request, request: rest.PresentPassword) -> rest.KeyQuestion:
    """What a new security key is asked; it has to be made where the vault is reached by a name. The present
    password is needed, but for whoever came by a link."""
    return await _tried(partial(vault.security_keys.begin, request.password, _host(asked)))


@router.post("/session/security-keys")
def add_security_key(
    vault: Vault, asked: Request, response: Response, request: rest.SecurityKeyCreate, program: Program = ""
) -> rest.RecoveryCodes:
    """Adds the key that answered: the log-in takes it as a second factor from now on. All sessions of the
    caller end, and a new one begins. There are codes for recovery unless there was a second factor
    already."""
    begun, codes = vault.security_keys.add(request, _host(asked), program)
    given(response, begun, begun.kind)
    return codes


@router.post("/session/security-keys/ask")
def ask_security_key(vault: Vault, asked: Request) -> rest.KeyQuestion:
    """What one of the caller's security keys is asked, to remove a second factor."""
    return vault.security_keys.ask(_host(asked))


@router.post("/session/security-keys/{key}/remove")
def remove_security_key(
    vault: Vault,
    asked: Request,
    response: Response,
    key: SecurityKeyId,
    request: rest.OneTimeCode,
    program: Program = "",
) -> rest.Identity:
    """Removes a security key, by a code or an answer of a key. All sessions of the caller end, and a new one
    begins."""
    begun = vault.security_keys.remove(key, request, _host(asked), program)
    return given(response, begun, begun.kind)
