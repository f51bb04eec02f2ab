"""Routes: log in, log out, and who is logged in."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import Header, Request, Response
from starlette.types import Scope

from ...wire import rest
from .. import credentials
from ..access import Vault
from ..routers import guarded, open_to_all
from .names import SessionId

router = guarded("sessions")
open_router = open_to_all("sessions")
"""The router of the log-in."""
Program = Annotated[str, Header(alias="user-agent", include_in_schema=False)]


def _former(scope: Scope) -> str | None:
    """The session that the browser has already. Raises Forbidden if another page asks: it would make somebody
    act under a name that is not theirs."""
    if credentials.comes_from_a_browser(scope):
        credentials.require_own_page(scope)
    return credentials.cookie_of(scope)


@open_router.post("/session", status_code=HTTPStatus.CREATED)
def log_in(
    vault: Vault, request: Request, response: Response, log_in: rest.LogIn, program: Program = ""
) -> rest.Identity:
    """Begins a session: the answer's cookie stands for its holder in this browser. It ends after 12 hours,
    after half an hour without a request (of those with the header `X-Unattended`, which a page makes by
    itself, none counts), and with the token. A session that the browser had before ends. Too many attempts
    that fail get 429, and are told in `Retry-After` after how many seconds the next one counts."""
    begun = vault.logins.begin(log_in, _former(request.scope), program)
    response.set_cookie(credentials.COOKIE, begun.secret, secure=True, httponly=True, samesite="strict")
    response.headers["Cache-Control"] = "no-store"
    return begun.shown


@router.get("/session")
def show_session(vault: Vault) -> rest.Identity:
    """Who the caller is and may do, in a session or by an access token, and until when."""
    return vault.sessions.show()


@router.delete("/session", status_code=HTTPStatus.NO_CONTENT)
def log_out(vault: Vault, response: Response) -> None:
    """Ends the session of this request, with its streams of events."""
    vault.sessions.end_own()
    response.delete_cookie(credentials.COOKIE, secure=True, httponly=True, samesite="strict")


@router.get("/sessions")
def list_sessions(vault: Vault) -> Sequence[rest.Session]:
    """The caller's sessions that have not ended; for access administrators those of all."""
    return vault.sessions.list()


@router.delete("/sessions/{session}", status_code=HTTPStatus.NO_CONTENT)
def end_session(vault: Vault, session: SessionId) -> None:
    """Ends a session of the caller's; access administrators end any."""
    vault.sessions.end(session)
