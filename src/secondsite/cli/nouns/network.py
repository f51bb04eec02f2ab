"""secondsite network ..."""

from typing import Annotated

import typer

from ...wire.rest import places
from .. import cached_inventory, output
from ..former_words import Noun
from ..options import Json, connect

app = typer.Typer(cls=Noun, no_args_is_help=True, help="Networks of the sites.")


@app.command("list")
def show_list(
    context: typer.Context,
    site: Annotated[str | None, typer.Option(help="Only this site.")] = None,
    as_json: Json = False,
) -> None:
    """The networks of the sites, and their mappings; for a site that cannot be asked, the last known ones."""
    with connect(context) as vault:
        sites = vault.networks.list(site)
    cached_inventory.show(sites, as_json)
    if as_json:
        output.show_json(sites)
        return
    rows = [(each, network) for each in sites for network in each.networks]
    output.show_table(
        rows,
        (
            ("site", lambda row: row[0].site),
            ("network", lambda row: row[1].name),
            ("kind", lambda row: row[1].kind),
            ("subnets", lambda row: ", ".join(row[1].subnets) or "-"),
            ("isolated", lambda row: "yes" if row[1].isolated else "no"),
            ("becomes", lambda row: _becomes(row[1].name, row[0].mappings)),
            ("seen", lambda row: cached_inventory.age(row[0].seen_at)),
        ),
        "No networks are known; are the appliances connected? secondsite appliance list",
    )


def _becomes(network: str, mappings: tuple[places.NetworkMapping, ...]) -> str:
    found = [f"{m.target_network} at {m.target_site}" for m in mappings if m.source_network == network]
    return ", ".join(found) or "-"
