"""secondsite token ..."""

from typing import Annotated

import typer

from ...domain.access.roles import Role
from ...wire import rest
from ...wire.rest.access.tokens import LIVES_SECONDS
from .. import amount_options, output, risk
from ..former_words import Noun
from ..options import Json, connect
from ..output import clock

app = typer.Typer(
    cls=Noun, no_args_is_help=True, help="Access tokens: who may talk to the vault, and do what there."
)
Name = Annotated[
    str, typer.Argument(help="Name of the token: whom or what it is for.", metavar="NAME", show_default=False)
]
NEVER = "never"


def _ends(token: rest.Token) -> str:
    if token.expires_at is None:
        return NEVER
    return f"{clock(token.expires_at)}{' (expired)' if token.expired else ''}"


COLUMNS: tuple[output.Column, ...] = (
    ("name", lambda t: t.name),
    ("person", lambda t: t.person if t.person != t.name else None),
    ("roles", lambda t: ", ".join(t.roles)),
    ("scope", lambda t: f"site {t.site}" if t.site else "the whole vault"),
    ("ends", _ends),
    ("last used", lambda t: clock(t.last_used_at)),
    ("created", lambda t: clock(t.created_at)),
    ("former secret until", lambda t: clock(t.former_valid_until)),
)


def _life(given: str | float) -> float:
    """How long a token is valid, in seconds; 0 for ever."""
    return 0.0 if given == NEVER else amount_options.seconds(given)


@app.command("list")
def show_list(context: typer.Context, as_json: Json = False) -> None:
    """All tokens: who may do what until when; the vault does not know the tokens themselves."""
    with connect(context) as vault:
        tokens = vault.tokens.list()
    if as_json:
        output.show_json(tokens)
        return
    output.show_table(tokens, COLUMNS, "No tokens: secondsite token create NAME --role reader")


@app.command()
def create(
    context: typer.Context,
    name: Name,
    role: Annotated[
        list[Role],
        typer.Option(
            help=(
                "What its holder is; repeat it. Readers see, operators fail over, contributors do all but "
                "manage access."
            )
        ),
    ],
    site: Annotated[
        str | None, typer.Option(help="Only machines and settings of this site; else of the whole vault.")
    ] = None,
    valid: Annotated[
        float,
        typer.Option(
            parser=_life,
            metavar="SPAN",
            help="How long: 90d, 8h; 'never': until deleted.",
            show_default="90d",
        ),
    ] = float(LIVES_SECONDS),
    person: Annotated[
        str | None,
        typer.Option(
            help=(
                "The person who holds it; by default its name. Nobody can approve a request of the same "
                "person."
            )
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Create a token. It is shown once: keep it."""
    with connect(context) as vault:
        made = vault.tokens.create(name, *role, site=site, valid_seconds=valid or None, person=person)
    _show(made, as_json)


@app.command()
def rotate(
    context: typer.Context,
    name: Name,
    former_valid: Annotated[
        float,
        typer.Option(
            parser=amount_options.seconds,
            metavar="SPAN",
            help="How long the former secret is valid beside the new one: at most 24h.",
            show_default="0",
        ),
    ] = 0.0,
    as_json: Json = False,
) -> None:
    """Give a token a new secret, with the same roles and as long a life. The former one ends at once, or
    after a while."""
    with connect(context) as vault:
        made = vault.tokens[name].rotate(former_valid)
    _show(made, as_json)


def _show(made: rest.NewToken, as_json: bool) -> None:
    if as_json:
        output.show_json(made)
        return
    ends = clock(made.expires_at) if made.expires_at else NEVER
    output.show_facts((("name", made.name), ("token", made.token), ("ends", ends)))
    output.say("Shown once. Put it into a file for --token-file, or into SECONDSITE_TOKEN.")


@app.command()
def delete(context: typer.Context, name: Name, yes: risk.Yes = False, as_json: Json = False) -> None:
    """Delete a token: it gives no access from now on. The last one that can make others cannot be deleted."""
    risk.accept_deletion("token", name, yes)
    with connect(context) as vault:
        vault.tokens[name].delete()
    output.show_deleted("token", name, as_json)
