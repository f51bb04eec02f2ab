"""secondsite session ..."""

from typing import Annotated

import typer

from .. import output
from ..former_words import Noun
from ..options import Json, connect
from ..output import clock

app = typer.Typer(cls=Noun, no_args_is_help=True, help="Sessions: who is logged in, from where.")
Id = Annotated[str, typer.Argument(help="Id of the session.", metavar="SESSION", show_default=False)]
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
            ("logs in with", "name" if me.is_person else "access token"),
            ("has to choose a password", "yes" if me.chooses_password else None),
            ("ends", clock(me.ends_at) if me.ends_at else "never"),
        )
    )
