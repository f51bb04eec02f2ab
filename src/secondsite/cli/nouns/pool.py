"""secondsite pool ..."""

from typing import Annotated, Any

import typer

from ...client.connection import request
from ...wire.rest import pools as rest
from .. import output, risk
from ..former_words import Noun
from ..options import Json, connect
from .mapping import split

app = typer.Typer(
    cls=Noun,
    no_args_is_help=True,
    help="Pools of addresses: which ones machines get that are failed over to a network.",
)
Name = Annotated[str, typer.Argument(help="Name of the pool.", metavar="NAME", show_default=False)]
Vlan = Annotated[
    int | None, typer.Option(help="It is for cards with this VLAN tag.", metavar="TAG", show_default=False)
]


@app.command("list")
def show_list(context: typer.Context, as_json: Json = False) -> None:
    """All pools, and how many addresses are left in each."""
    with connect(context) as vault:
        found = vault.pools.list()
    if as_json:
        output.show_json(found)
        return
    output.show_table(
        found,
        (
            ("name", lambda p: p.name),
            ("network", _network),
            ("subnet", lambda p: p.subnet),
            ("ranges", lambda p: ", ".join(p.ranges)),
            ("free", lambda p: f"{p.size - len(p.taken)} of {p.size}"),
        ),
        "No pools: secondsite pool create NAME SITE/NETWORK --subnet CIDR --range FIRST-LAST",
    )


@app.command()
def show(context: typer.Context, pool: Name, as_json: Json = False) -> None:
    """A pool, and which machines have which of its addresses.

    Example: secondsite pool show dmz"""
    with connect(context) as vault:
        _shown(vault.pools[pool].show(), as_json)


@app.command()
def create(
    context: typer.Context,
    pool: Name,
    network: Annotated[str, typer.Argument(help="The network.", metavar="SITE/NETWORK", show_default=False)],
    subnet: Annotated[str, typer.Option(help="Its IPv4 subnet, such as 10.2.0.0/24.", show_default=False)],
    ranges: Annotated[
        list[str],
        typer.Option(
            "--range",
            help="Its addresses, such as 10.2.0.100-10.2.0.149; may be given again.",
            metavar="FIRST-LAST",
            show_default=False,
        ),
    ],
    vlan: Vlan = None,
    gateway: Annotated[
        str | None, typer.Option(help="The default gateway that goes with each address.", show_default=False)
    ] = None,
    dns: Annotated[
        list[str] | None,
        typer.Option(
            help="A DNS server that goes with each address; may be given again.", show_default=False
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a pool of addresses of a network. A card gets one of them with: secondsite card set MACHINE CARD
    --from-pool

    Example: secondsite pool create dmz rome/br1 --subnet 10.2.0.0/24 --range 10.2.0.100-10.2.0.149
    --gateway 10.2.0.1"""
    site, name = split(network)
    wanted = request(
        rest.AddressPoolCreate,
        name=pool,
        site=site,
        network=name,
        vlan=vlan,
        subnet=subnet,
        ranges=tuple(ranges),
        gateway=gateway,
        dns_servers=tuple(dns or ()),
    )
    with connect(context) as vault:
        _shown(vault.pools.create(wanted), as_json)


@app.command("set")
def change(
    context: typer.Context,
    pool: Name,
    network: Annotated[
        str | None, typer.Option(help="Its network.", metavar="SITE/NETWORK", show_default=False)
    ] = None,
    subnet: Annotated[str | None, typer.Option(help="Its IPv4 subnet.", show_default=False)] = None,
    ranges: Annotated[
        list[str] | None,
        typer.Option(
            "--range",
            help="Its addresses, in place of those that it has; may be given again.",
            metavar="FIRST-LAST",
            show_default=False,
        ),
    ] = None,
    gateway: Annotated[str | None, typer.Option(help="The default gateway; '': none.")] = None,
    dns: Annotated[list[str] | None, typer.Option(help="A DNS server; may be given again; '': none.")] = None,
    as_json: Json = False,
) -> None:
    """Change a pool; what is not given stays. What machines have stays in it. Refused if somebody changes it
    meanwhile.

    Example: secondsite pool set dmz --range 10.2.0.100-10.2.0.149 --range 10.2.0.200"""
    wanted: dict[str, Any] = {}
    if network is not None:
        wanted["site"], wanted["network"] = split(network)
    given = (("subnet", subnet), ("ranges", ranges), ("gateway", gateway))
    wanted |= {name: value or None for name, value in given if value is not None}
    if dns is not None:
        wanted["dns_servers"] = tuple(filter(None, dns))
    with connect(context) as vault:
        handle = vault.pools[pool]
        seen = handle.show()
        same = {name: getattr(seen, name) for name in rest.AddressPoolChange.model_fields}
        asked = request(rest.AddressPoolChange, **{**same, **wanted})
        _shown(handle.set(asked, seen=seen), as_json)


@app.command()
def delete(context: typer.Context, pool: Name, yes: risk.Yes = False, as_json: Json = False) -> None:
    """Delete a pool of which no machine has an address.

    Example: secondsite pool delete dmz"""
    risk.accept_deletion("pool", pool, yes)
    with connect(context) as vault:
        vault.pools[pool].delete()
    output.show_deleted("pool", pool, as_json)


@app.command()
def release(
    context: typer.Context,
    pool: Name,
    address: Annotated[str, typer.Argument(help="The address.", metavar="ADDRESS", show_default=False)],
    as_json: Json = False,
) -> None:
    """Free an address that a machine had when its protection ended. Machines under protection give theirs
    back by themselves.

    Example: secondsite pool release dmz 10.2.0.107"""
    with connect(context) as vault:
        _shown(vault.pools[pool].release(address), as_json)


def _network(pool: rest.AddressPool) -> str:
    tag = "" if pool.vlan is None else f", VLAN {pool.vlan}"
    return f"{pool.site}/{pool.network}{tag}"


def _shown(pool: rest.AddressPool, as_json: bool) -> None:
    if as_json:
        output.show_json(pool)
        return
    output.show_facts(
        [
            ("name", pool.name),
            ("network", _network(pool)),
            ("subnet", pool.subnet),
            ("ranges", ", ".join(pool.ranges)),
            ("gateway", pool.gateway),
            ("dns servers", ", ".join(pool.dns_servers) or None),
            ("free", f"{pool.size - len(pool.taken)} of {pool.size}"),
        ]
    )
    if pool.taken:
        output.show_table(
            pool.taken,
            (
                ("address", lambda t: t.address),
                ("machine", lambda t: t.machine_name),
                ("card", lambda t: t.mac),
                ("since", lambda t: output.clock(t.taken_at)),
                ("protected", lambda t: "yes" if t.protected else "no: release it when nothing has it"),
            ),
            "",
        )
