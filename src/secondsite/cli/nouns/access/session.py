"""secondsite session ..."""

import dataclasses
from typing import Annotated

import typer

from ....client import login_file
from ....wire import rest
from ... import output, risk
from ...former_words import Noun
from ...options import Json, connect
from ...output import clock

app = typer.Typer(cls=Noun, no_args_is_help=True, help="Sessions: who is logged in, from where.")
Id = Annotated[str, typer.Argument(help="Id of the session.", metavar="SESSION", show_default=False)]
Code = Annotated[
    str, typer.Argument(help="The code that a command line shows.", metavar="CODE", show_default=False)
]
COLUMNS: tuple[output.Column, ...] = (
    ("session", lambda s: s.id),
    ("name", lambda s: s.name),
    ("where", lambda s: s.kind),
    ("logged in with", lambda s: s.way),
    ("from", lambda s: s.address),
    ("program", lambda s: s.program),
    ("began", lambda s: clock(s.began_at)),
    ("last request", lambda s: clock(s.seen_at)),
    ("ends", lambda s: clock(s.ends_at)),
)


@app.command("list")
def show_list(context: typer.Context, as_json: Json = False) -> None:
    """Your sessions that have not ended; for an access administrator those of all."""
    with connect(context) as vault:
        sessions = vault.sessions.list()
    if as_json:
        output.show_json(sessions)
        return
    output.show_table(sessions, COLUMNS, "Nobody is logged in.")


@app.command()
def end(context: typer.Context, session: Id, as_json: Json = False) -> None:
    """End a session: whoever is logged in there has to log in again."""
    with connect(context) as vault:
        vault.sessions[session].end()
    if as_json:
        output.show_json({"ended": {"session": session}})
        return
    output.say(f"session {session} ended")


@app.command()
def approve(context: typer.Context, code: Code, yes: risk.Yes = False, as_json: Json = False) -> None:
    """Let a command line in, under your name: that of 'secondsite login', by the code that it shows."""
    with connect(context) as vault:
        waits = vault.sessions.pending(code)
        risk.accept("Letting a command line in", f"Let {waits.program} ({waits.address}) in as you?", yes)
        waits = vault.sessions.approve(code)
    _show(waits, as_json, "is let in")


@app.command()
def refuse(context: typer.Context, code: Code, as_json: Json = False) -> None:
    """Do not let a command line in."""
    with connect(context) as vault:
        waits = vault.sessions.refuse(code)
    _show(waits, as_json, "is not let in")


def _show(waits: rest.PendingLogin, as_json: bool, what: str) -> None:
    if as_json:
        output.show_json(waits)
        return
    output.say(f"{waits.program} ({waits.address}) {what}")


@app.command()
def set_password(context: typer.Context, as_json: Json = False) -> None:
    """Choose your own password, after 'secondsite login'. Your other sessions end."""
    with connect(context) as vault:
        me = vault.sessions.who_am_i()
        former = None if me.chooses_password else _asked("Present password")
        logged_in = vault.sessions.set_password(_asked("New password", twice=True), former)
    login = login_file.read()
    if login is not None and logged_in.secret is not None and logged_in.ends_at is not None:
        ends_at = logged_in.ends_at.isoformat()
        login_file.write(dataclasses.replace(login, secret=logged_in.secret, ends_at=ends_at))
    if as_json:
        output.show_json({"name": logged_in.name})
        return
    output.say("the password counts from now on")


def _asked(what: str, twice: bool = False) -> str:
    answer: str = typer.prompt(what, hide_input=True, err=True, confirmation_prompt=twice)
    return answer


def _shown(me: rest.Identity) -> str:
    if me.provider is not None:
        return f"provider {me.provider}"
    return "name" if me.is_person else "access token"


def whoami(context: typer.Context, as_json: Json = False) -> None:
    """Who you are for this vault, what you may do, and until when."""
    with connect(context) as vault:
        me = vault.sessions.who_am_i()
    if as_json:
        output.show_json(me)
        return
    output.show_facts(
        (
            ("name", me.name),
            ("person", me.person),
            ("roles", ", ".join(me.roles)),
            ("scope", f"site {me.site}" if me.site else "the whole vault"),
            ("may", ", ".join(me.permissions)),
            ("logs in with", _shown(me)),
            ("has to choose a password", "yes" if me.chooses_password else None),
            ("ends", clock(me.ends_at) if me.ends_at else "never"),
        )
    )
