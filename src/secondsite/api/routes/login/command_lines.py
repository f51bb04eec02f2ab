"""Routes: command lines that log in."""

from http import HTTPStatus

from fastapi import Response

from ....wire import rest
from ...access import Vault
from ...routers import guarded, open_to_all
from ..names import LoginCode

router = guarded("sessions")
open_router = open_to_all("sessions")
"""The router of command lines that are not logged in yet."""


@open_router.post("/logins", status_code=HTTPStatus.CREATED)
def ask_to_log_in(vault: Vault, request: rest.LoginRequest) -> rest.LoginAsked:
    """Gives a command line a code to show, and a secret by which to ask what became of it. It counts for ten
    minutes."""
    return vault.command_lines.ask(request)


@open_router.post("/logins/poll")
def poll_login(vault: Vault, response: Response, request: rest.LoginPoll) -> rest.LoginPolled:
    """Whether somebody approved it: then this one answer contains the secret of the session."""
    response.headers["Cache-Control"] = "no-store"
    begun = vault.command_lines.poll(request.secret)
    if begun is None:
        return rest.LoginPolled()
    return rest.LoginPolled(logged_in=rest.LoggedIn(**begun.shown.model_dump(), secret=begun.secret))


@router.get("/logins/{code}")
def show_login(vault: Vault, code: LoginCode) -> rest.PendingLogin:
    """The command line that waits under a code: what it is, and from where it asks."""
    return vault.command_lines.show(code)


@router.post("/logins/{code}/approve")
def approve_login(vault: Vault, code: LoginCode) -> rest.PendingLogin:
    """Lets the command line in as the caller, for at most 12 hours. A command line cannot do this for another
    one."""
    return vault.command_lines.approve(code)


@router.post("/logins/{code}/refuse")
def refuse_login(vault: Vault, code: LoginCode) -> rest.PendingLogin:
    """Does not let the command line in."""
    return vault.command_lines.refuse(code)
