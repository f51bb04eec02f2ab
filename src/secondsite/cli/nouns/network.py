"""secondsite network ..."""

from typing import Annotated

import typer

from ...wire import places
from .. import output, remembered
from ..options import Json, connect

app = typer.Typer(
    no_args_is_help=True, help="Networks of the sites, and which becomes which after a failover."
)
Source = Annotated[
    str, typer.Argument(help="SITE/NETWORK at the source.", metavar="SITE/NETWORK", show_default=False)
]


@app.command("list")
def show_list(
    context: typer.Context,
    site: Annotated[str | None, typer.Option(help="Only this site.")] = None,
    as_json: Json = False,
) -> None:
    """The networks that the sites have, and their mappings; of a site that cannot be asked, those that it had."""
    with connect(context) as client:
        sites = client.networks(site)
    remembered.show(sites, as_json)
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
            ("isolated", lambda row: "yes" if row[1].isolated else "no"),
            ("becomes", lambda row: _becomes(row[1].name, row[0].mappings)),
            ("seen", lambda row: remembered.age(row[0].seen_at)),
        ),
        "No networks are known; are the appliances connected? secondsite appliance list",
    )


def _becomes(network: str, mappings: tuple[places.NetworkMapping, ...]) -> str:
    found = [f"{m.target_network} at {m.target_site}" for m in mappings if m.source_network == network]
    return ", ".join(found) or "-"


@app.command("map")
def map_network(
    context: typer.Context,
    source: Source,
    target: Annotated[
        str, typer.Argument(help="SITE/NETWORK at the target.", metavar="SITE/NETWORK", show_default=False)
    ],
    as_json: Json = False,
) -> None:
    """After a failover, cards of the source network are plugged into the target network."""
    source_site, source_network = _split(source)
    target_site, target_network = _split(target)
    mapping = places.NetworkMapping(
        source_site=source_site,
        source_network=source_network,
        target_site=target_site,
        target_network=target_network,
    )
    with connect(context) as client:
        made = client.map_network(mapping)
    if as_json:
        output.show_json(made)
    else:
        output.say(f"{source} becomes {target}")


@app.command("unmap")
def unmap(
    context: typer.Context,
    source: Source,
    target_site: Annotated[str, typer.Argument(help="The target site.", metavar="SITE", show_default=False)],
    as_json: Json = False,
) -> None:
    """Removes a mapping."""
    site, network = _split(source)
    with connect(context) as client:
        client.unmap_network(site, network, target_site)
    output.show_removed("mapping", f"{source} to {target_site}", as_json)


def _split(text: str) -> tuple[str, str]:
    site, slash, network = text.partition("/")
    if not (site and slash and network):
        raise typer.BadParameter(f"'{text}' must be SITE/NETWORK, as in 'paris/br0'")
    return site, network
