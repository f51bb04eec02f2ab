"""secondsite card ..."""

from typing import Annotated, Any

import typer
from pydantic import ValidationError

from ...domain import errors, shell
from ...wire.common.cards import CardIpv6, CardRoute, CardSettings
from ...wire.rest.machine_settings import MachineCard, MachineSettings
from .. import output
from ..former_words import Noun
from ..options import Json, MachineName, connect

app = typer.Typer(
    cls=Noun,
    no_args_is_help=True,
    help="Network cards: how those of a machine are connected at its second site, in place of the mappings.",
)


@app.command("list")
def show_list(context: typer.Context, machine: MachineName, as_json: Json = False) -> None:
    """The network cards of a machine, and what each is connected to after a failover and in a test
    failover."""
    with connect(context) as vault:
        found = vault.machines[machine].settings()
    _show(found, as_json)


@app.command("set")
def change(
    context: typer.Context,
    machine: MachineName,
    card: Annotated[
        str,
        typer.Argument(
            help="Its MAC address at home, or its name: net0.", metavar="CARD", show_default=False
        ),
    ],
    network: Annotated[str | None, typer.Option(help="Its network after a failover; '': as mapped.")] = None,
    connected: Annotated[
        bool | None,
        typer.Option("--connected/--unconnected", help="Whether it is connected after a failover."),
    ] = None,
    test_network: Annotated[
        str | None, typer.Option(help="Its network in a test failover; '': that of the test failover.")
    ] = None,
    test_connected: Annotated[
        bool | None,
        typer.Option(
            "--test-connected/--test-unconnected", help="Whether it is connected in a test failover."
        ),
    ] = None,
    keep_mac: Annotated[
        bool | None, typer.Option("--keep-mac/--new-mac", help="Whether it keeps its MAC address there.")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(help="Its IPv4 address after a failover, such as 10.2.0.5/24; '': as its guest has it."),
    ] = None,
    gateway: Annotated[
        str | None, typer.Option(help="The default gateway that goes with its address; '': none.")
    ] = None,
    dns: Annotated[
        list[str] | None,
        typer.Option(help="A DNS server that goes with its address; may be given again; '': none."),
    ] = None,
    ipv6_address: Annotated[
        str | None,
        typer.Option(
            help="Its IPv6 address after a failover, such as 2001:db8:2::5/64; '': as its guest has it."
        ),
    ] = None,
    ipv6_gateway: Annotated[
        str | None,
        typer.Option(help="The default gateway that goes with its IPv6 address; '': what routers there say."),
    ] = None,
    ipv6_dns: Annotated[
        list[str] | None,
        typer.Option(help="A DNS server that goes with its IPv6 address; may be given again; '': none."),
    ] = None,
    route: Annotated[
        list[str] | None,
        typer.Option(
            help="A route beside the gateway: '10.77.0.0/16 via 10.2.0.9'; may be given again; '': none."
        ),
    ] = None,
    from_pool: Annotated[
        bool | None,
        typer.Option(
            "--from-pool/--no-pool",
            help="Whether it has an address out of the pool of its network there, in place of one that is set.",  # noqa: E501
        ),
    ] = None,
    test_address: Annotated[
        str | None, typer.Option(help="Its IPv4 address in a test failover; '': that of a failover.")
    ] = None,
    test_ipv6_address: Annotated[
        str | None, typer.Option(help="Its IPv6 address in a test failover; '': that of a failover.")
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(
            help="A DNS name that points to its address where the machine runs; may be given again; '': none."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Set how a network card is connected, from the next failover on: 'secondsite card set web01 net1
    --network dmz --address 10.2.0.5/24 --gateway 10.2.0.1 --test-unconnected'. Refused if somebody changes
    it meanwhile."""
    wanted: dict[str, Any] = {
        name: value
        for name, value in (
            ("network", network),
            ("connected", connected),
            ("test_network", test_network),
            ("test_connected", test_connected),
            ("keep_mac", keep_mac),
            ("address", address),
            ("gateway", gateway),
            ("dns_servers", None if dns is None else tuple(filter(None, dns))),
            ("ipv6_address", ipv6_address),
            ("ipv6_gateway", ipv6_gateway),
            ("ipv6_dns", None if ipv6_dns is None else tuple(filter(None, ipv6_dns))),
            ("routes", None if route is None else tuple(map(_route, filter(None, route)))),
            ("from_pool", from_pool),
            ("test_address", test_address),
            ("test_ipv6_address", test_ipv6_address),
            ("names", None if name is None else tuple(filter(None, name))),
        )
        if value is not None
    }
    with connect(context) as vault:
        handle = vault.machines[machine]
        seen = handle.settings()
        cards = [_changed(each, wanted) if each is _named(seen, card) else each for each in seen.cards]
        _show(handle.set_cards([_settings(each) for each in cards if _is_set(each)], seen=seen), as_json)


def _named(settings: MachineSettings, name: str) -> MachineCard:
    for card in settings.cards:
        if name.lower() in (card.mac, card.key):
            return card
    raise errors.InvalidArgument(
        f"{settings.name} has no network card '{name}'.",
        do=f"See 'secondsite card list {shell.arguments(settings.name)}' for those that it has.",
    )


def _changed(card: MachineCard, wanted: dict[str, Any]) -> MachineCard:
    """The card's new settings. An empty value ends a setting, an address ends with its gateway and DNS
    servers; a network or an address connects the card."""
    update = {name: value if value != "" else None for name, value in wanted.items()}
    update = _with_ipv6(card, update)
    for connected, *parts in (
        ("connected", "network", "address", "from_pool"),
        ("test_connected", "test_network", "test_address"),
    ):
        if any(update.get(part) for part in parts):
            update.setdefault(connected, True)
        elif update.get(connected) is False:
            update |= {part: False if part == "from_pool" else None for part in parts}
    if update.get("from_pool"):
        update.setdefault("address", None)
    elif update.get("address"):
        update.setdefault("from_pool", False)
    if "address" in update and update["address"] is None:
        update = {"gateway": None, "dns_servers": (), "routes": ()} | update
    if "test_address" in update and update["test_address"] is None and not (card.address or card.from_pool):
        update = {"test_ipv6_address": None} | update
    return card.model_copy(update=update)


def _with_ipv6(card: MachineCard, update: dict[str, Any]) -> dict[str, Any]:
    """The same, with what is said of IPv6 as one setting."""
    said = {
        field: update.pop(name)
        for name, field in (
            ("ipv6_address", "address"),
            ("ipv6_gateway", "gateway"),
            ("ipv6_dns", "dns_servers"),
        )
        if name in update
    }
    if not said:
        return update
    present = {} if card.ipv6 is None else card.ipv6.model_dump()
    found = CardIpv6.model_construct(**{**present, **said})
    return {**update, "ipv6": None if "address" in said and said["address"] is None else found}


def _route(said: str) -> CardRoute:
    to, _, via = said.partition(" via ")
    return CardRoute.model_construct(to=to.strip(), via=via.strip())


def _settings(card: MachineCard) -> CardSettings:
    try:
        return CardSettings.model_validate(card.model_dump(include=set(CardSettings.model_fields)))
    except ValidationError as error:
        found = error.errors()[0]
        raise errors.InvalidArgument(
            f"The {found['loc'][0]} of {card.key}: {found['msg'].removeprefix('Value error, ')}.",
            do=(
                "Give an address such as 10.2.0.5/24, and a gateway and DNS servers such as 10.2.0.1; a "
                "route such as '10.77.0.0/16 via 10.2.0.9'; a name such as web01.shop.example."
            ),
        ) from None


def _is_set(card: MachineCard) -> bool:
    return bool(card.mac) and _settings(card) != CardSettings(mac=card.mac)


def _show(settings: MachineSettings, as_json: bool) -> None:
    if as_json:
        output.show_json(settings)
        return
    output.show_table(
        settings.cards,
        (
            ("card", lambda c: c.key),
            ("MAC address", lambda c: c.mac),
            ("network", lambda c: c.source_network or "-"),
            ("becomes", lambda c: c.becomes or "not connected"),
            ("subnets", lambda c: ", ".join(c.subnets) or "-"),
            ("set by", lambda c: "card" if c.network or not c.connected else "mapping"),
            ("address there", _address),
            ("in a drill", _in_a_drill),
            ("DNS names", lambda c: ", ".join(c.names) or "-"),
            ("MAC there", lambda c: "kept" if c.keep_mac else "another"),
        ),
        f"{settings.name} has no network cards.",
    )
    for note in settings.notes:
        typer.echo(note)


def _address(card: MachineCard) -> str:
    ipv6 = "" if card.ipv6 is None else f", {card.ipv6.address}"
    return _ipv4_address(card) + ipv6 + "".join(f", {each.spoken}" for each in card.routes)


def _ipv4_address(card: MachineCard) -> str:
    if not card.from_pool:
        return card.address or "its own"
    if card.pool_address is not None:
        return f"{card.pool_address}, of a pool"
    return f"out of pool {card.pool}" if card.pool else "out of a pool, which is missing"


def _in_a_drill(card: MachineCard) -> str:
    if not card.test_connected:
        return "not connected"
    network = card.test_network or "the drill's"
    return ", ".join(filter(None, (network, card.test_address, card.test_ipv6_address)))
