"""secondsite login, logout: a person at a terminal."""

import getpass
import platform
import shlex
from contextlib import suppress
from typing import Annotated

import typer

from ..client import login_file, which_vault
from ..client.logging_in import LoggingIn
from ..domain import errors
from ..wire import rest
from . import output
from .options import Access, Json, connect
from .output import clock

ByName = Annotated[
    str | None,
    typer.Option("--name", help="Log in with this name; its password is asked for.", show_default=False),
]
ByLink = Annotated[bool, typer.Option("--link", help="Log in with the code of a link, which is asked for.")]


def login(context: typer.Context, name: ByName = None, link: ByLink = False, as_json: Json = False) -> None:
    """Log in for 12 hours: somebody who is logged in at the vault's console approves the code that is shown.
    With --name or --link nobody has to."""
    access = context.ensure_object(Access)
    place = which_vault.place(access.url, access.ca)
    with LoggingIn(place.url, place.ca) as vault:
        if name is not None and link:
            raise errors.InvalidArgument("--name and --link were given.", do="Give one of them.")
        if name is not None:
            logged_in = _by_name(vault, name)
        else:
            logged_in = _by_link(vault) if link else _by_code(vault, place.url, as_json)
        file = vault.keep(logged_in)
    if as_json:
        output.show_json(logged_in.model_copy(update={"secret": None}))
        return
    ends = clock(logged_in.ends_at)
    kept = "your keyring" if file is None else f"{file}, which only you can read"
    output.say(f"logged in as {logged_in.name} until {ends}; kept in {kept}")
    if logged_in.chooses_password:
        output.say("next: choose a password: secondsite session set-password")


def _by_code(vault: LoggingIn, url: str, as_json: bool) -> rest.LoggedIn:
    asked = vault.ask(f"{getpass.getuser()} at {platform.node()}")
    said = (
        f"Open {url.rstrip('/')}/console/logins and give the code {asked.code} there, within ten minutes; or "
        f"where somebody is logged in: secondsite session approve {shlex.quote(asked.code)}"
    )
    (output.warn if as_json else output.say)(said)
    return vault.wait(asked)


def _by_name(vault: LoggingIn, name: str) -> rest.LoggedIn:
    password = _asked("Password")
    try:
        return vault.by_name(name, password)
    except errors.SecondFactorNeeded:
        return vault.by_name(name, password, _asked("Code of the app, or for recovery"))


def _by_link(vault: LoggingIn) -> rest.LoggedIn:
    code = _asked("Code of the link")
    try:
        return vault.by_link(code)
    except errors.SecondFactorNeeded:
        return vault.by_link(code, _asked("Code of the app, or for recovery"))


def _asked(what: str) -> str:
    answer: str = typer.prompt(what, hide_input=True, err=True)
    return answer


def logout(context: typer.Context, as_json: Json = False) -> None:
    """End the session of 'secondsite login' at this host."""
    kept = login_file.read()
    if kept is None:
        raise errors.NotPossibleNow("You are not logged in at this host.", do="Log in: 'secondsite login'.")
    if kept.counts():
        _require_secret(kept)
        with suppress(errors.Unauthenticated), connect(context) as vault:  # it has ended already
            vault.sessions.end_own()
    login_file.forget()
    if as_json:
        output.show_json({"ended": {"url": kept.url}})
        return
    output.say("logged out")


def _require_secret(kept: login_file.Login) -> None:
    """Raises Unauthenticated if the keyring does not give it: the session would go on, and nobody here could
    end it any more."""
    try:
        login_file.secret_of(kept)
    except errors.Unauthenticated as locked:
        raise errors.Unauthenticated(
            f"You are still logged in: {locked.message}",
            do="Unlock it, then 'secondsite logout'. If it is gone for good, log in again and end the former "
            "session: 'secondsite session list'.",
        ) from locked
