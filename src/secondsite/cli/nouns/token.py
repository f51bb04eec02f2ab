"""secondsite token ..."""

from typing import Annotated

import typer

from .. import output
from ..former_words import Noun
from ..options import Json, connect
from ..output import clock

app = typer.Typer(cls=Noun, no_args_is_help=True, help="Access tokens: who may talk to the vault.")
Name = Annotated[
    str, typer.Argument(help="Name of the token: whom or what it is for.", metavar="NAME", show_default=False)
]


@app.command("list")
def show_list(context: typer.Context, as_json: Json = False) -> None:
    """The names of all tokens; the vault itself does not know the tokens."""
    with connect(context) as vault:
        tokens = vault.tokens.list()
    if as_json:
        output.show_json(tokens)
        return
    columns = (("name", lambda t: t.name), ("created", lambda t: clock(t.created_at)))
    output.show_table(tokens, columns, "No tokens: secondsite token create NAME")


@app.command()
def create(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Create a token. It is shown once: keep it."""
    with connect(context) as vault:
        made = vault.tokens.create(name)
    if as_json:
        output.show_json(made)
        return
    output.show_facts((("name", made.name), ("token", made.token)))
    output.say("Shown once. Use it with --token or SECONDSITE_TOKEN.")


@app.command()
def delete(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Delete a token: it gives no access from now on. The last one cannot be deleted."""
    with connect(context) as vault:
        vault.tokens[name].delete()
    output.show_deleted("token", name, as_json)
