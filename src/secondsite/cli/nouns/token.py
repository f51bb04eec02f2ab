"""secondsite token ..."""

from typing import Annotated

import typer

from .. import output
from ..options import Json, connect
from ..output import clock

app = typer.Typer(no_args_is_help=True, help="Access tokens: who may talk to the vault.")
Name = Annotated[
    str, typer.Argument(help="Name of the token: whom or what it is for.", metavar="NAME", show_default=False)
]


@app.command("list")
def show_list(context: typer.Context, as_json: Json = False) -> None:
    """The names of all tokens; the vault itself does not know the tokens."""
    with connect(context) as client:
        tokens = client.tokens()
    if as_json:
        output.show_json(tokens)
        return
    columns = (("name", lambda t: t.name), ("made", lambda t: clock(t.created_at)))
    output.show_table(tokens, columns, "No tokens: secondsite token add NAME")


@app.command()
def add(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """A new token. It is shown once: keep it."""
    with connect(context) as client:
        made = client.add_token(name)
    if as_json:
        output.show_json(made)
        return
    output.show_facts((("name", made.name), ("token", made.token)))
    output.say("Shown once. Use it with --token or SECONDSITE_TOKEN.")


@app.command()
def remove(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Removes a token: it opens nothing from now on. The last one stays."""
    with connect(context) as client:
        client.remove_token(name)
    output.show_removed("token", name, as_json)
