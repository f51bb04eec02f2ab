"""secondsite mapping ..."""

from collections.abc import Iterator
from typing import Annotated

import typer

from ...client import Vault
from .. import output, risk
from ..former_words import Noun
from ..options import Json, connect
from ..output import clock

app = typer.Typer(
    cls=Noun, no_args_is_help=True, help="Mappings: which network becomes which after a failover."
)
UNKNOWN_DO = (
    "If the name is right, make the network there before a failover needs it; else map it anew, and delete "
    "this mapping ('secondsite mapping delete SITE/NETWORK SITE')."
)
Source = Annotated[
    str, typer.Argument(help="SITE/NETWORK at the source.", metavar="SITE/NETWORK", show_default=False)
]


@app.command("list")
def show_list(
    context: typer.Context,
    source: Annotated[str | None, typer.Option(help="Only from this site.")] = None,
    target: Annotated[str | None, typer.Option(help="Only to this site.")] = None,
    as_json: Json = False,
) -> None:
    """All mappings, by site and network."""
    with connect(context) as vault:
        mappings = vault.mappings.list(source, target)
    if as_json:
        output.show_json(mappings)
        return
    columns = (
        ("network", lambda m: f"{m.source_site}/{m.source_network}"),
        ("becomes", lambda m: f"{m.target_site}/{m.target_network}"),
    )
    output.show_table(mappings, columns, "No mappings: secondsite mapping create SITE/NETWORK SITE/NETWORK")


@app.command()
def create(
    context: typer.Context,
    source: Source,
    target: Annotated[
        str, typer.Argument(help="SITE/NETWORK at the target.", metavar="SITE/NETWORK", show_default=False)
    ],
    as_json: Json = False,
) -> None:
    """Plug cards of the source network into the target network after a failover. Replaces an existing
    mapping."""
    given = *split(source), *split(target)
    with connect(context) as vault:
        made = vault.mappings.create(*given)
        unknown = [*_unknown(vault, *split(source)), *_unknown(vault, *split(target))]
    if as_json:
        output.show_json(made)
    else:
        output.say(f"{source} becomes {target}")
    if unknown:
        output.show_note(made, unknown, UNKNOWN_DO, as_json)


@app.command()
def delete(
    context: typer.Context,
    source: Source,
    target_site: Annotated[str, typer.Argument(help="The target site.", metavar="SITE", show_default=False)],
    yes: risk.Yes = False,
    as_json: Json = False,
) -> None:
    """Delete a mapping: cards of the source network are no longer connected at that site."""
    risk.accept_deletion("mapping", f"{source} to {target_site}", yes)
    site, network = split(source)
    with connect(context) as vault:
        vault.mappings.delete(site, network, target_site)
    output.show_deleted("mapping", f"{source} to {target_site}", as_json)


def _unknown(vault: Vault, site: str, network: str) -> Iterator[str]:
    """A sentence if the site does not have the network, as far as it can be asked, or was before."""
    for there in vault.networks.list(site):
        names = [each.name for each in there.networks]
        asked = there.problem is None or there.seen_at is not None
        if asked and network not in names:
            when = "" if there.seen_at is None else f" when it was last asked, {clock(there.seen_at)}"
            has = f"it has {', '.join(names)}" if names else "it has none"
            yield f"Site {site} has no network '{network}'{when}; {has}."


def split(text: str) -> tuple[str, str]:
    """Site and network of SITE/NETWORK. Raises BadParameter."""
    site, slash, network = text.partition("/")
    if not (site.strip() and slash and network.strip()):
        raise typer.BadParameter(f"'{text}' must be SITE/NETWORK, as in 'paris/br0'")
    return site, network
