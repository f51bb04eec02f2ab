"""NetworkManager: a connection of ours for the card's MAC address, which it prefers to the others.

What the guest's connection says besides addresses is carried over. The guest's connections stay as they
are."""

import re
import uuid
from collections.abc import Iterator

from . import ini
from .card_plan import EVERYWHERE, V4, V6, CardPlan, GuestFile, NotUnderstood, family_of

FOLDER = "/etc/NetworkManager/system-connections"
MOST_PRIORITY = "999"
SECRET = 0o600
"""NetworkManager reads no file that others may read."""
ETHERNET = ("ethernet", "802-3-ethernet")
OURS = ("id", "uuid", "type", "interface-name", "autoconnect", "autoconnect-priority", "timestamp")
STACKED = ("master", "controller", "slave-type", "port-type")
NAMES = {V4: "ipv4", V6: "ipv6"}
ADDRESS, ROUTE = re.compile(r"address(es)?[0-9]*"), re.compile(r"(routes?[0-9]*)(_options)?")


def file(plan: CardPlan, present: str | None) -> GuestFile:
    """The file of ours. `present`: the text of the connection that the card has now; None: NetworkManager
    made one of its own, which asks for all addresses. Raises NotUnderstood."""
    sections = ini.read(present or "")
    _require_plain(sections)
    connection = ini.Section("connection", tuple(_connection(plan, ini.only(sections, "connection"))))
    card = ini.only(sections, *ETHERNET)
    ethernet = ini.Section("ethernet", (("mac-address", plan.mac.upper()), *card.without("mac-address")))
    families = [_family(plan, family, ini.only(sections, NAMES[family])) for family in NAMES]
    special = ("connection", *ETHERNET, *NAMES.values())
    others = [each for each in sections if each.name not in special]
    content = ini.written([connection, ethernet, *families, *others])
    return GuestFile(f"{FOLDER}/secondsite-{plan.slug}.nmconnection", content, SECRET)


def identity(plan: CardPlan) -> str:
    """The UUID of the connection of ours."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"secondsite {plan.slug}"))


def _require_plain(sections: list[ini.Section]) -> None:
    connection = ini.only(sections, "connection")
    if connection.last("type") not in (None, *ETHERNET):
        raise NotUnderstood(f"the card's connection is of the type {connection.last('type')}")
    stacked = [key for key, _ in connection.entries if key in STACKED]
    if stacked:
        raise NotUnderstood(f"the card is a part of something larger ({stacked[0]}=)")
    if any(each.name == "802-1x" for each in sections):
        raise NotUnderstood("the card logs in to its network (802.1X)")


def _connection(plan: CardPlan, present: ini.Section) -> Iterator[ini.Entry]:
    yield "id", f"secondsite-{plan.slug}"
    yield "uuid", identity(plan)
    yield "type", "ethernet"
    yield "autoconnect-priority", MOST_PRIORITY
    yield from present.without(*OURS)


def _family(plan: CardPlan, family: int, present: ini.Section) -> ini.Section:
    if family not in plan.families:
        servers = [each for each in plan.dns_servers if family_of(each) == family]
        return _with_servers(present, servers) if present.entries else _automatic(family)
    return ini.Section(NAMES[family], tuple(_set(plan, family, present)))


def _automatic(family: int) -> ini.Section:
    return ini.Section(NAMES[family], (("method", "auto"),))


def _with_servers(present: ini.Section, servers: list[str]) -> ini.Section:
    if not servers:
        return present
    return ini.Section(present.name, (*present.without("dns"), ("dns", _listed(servers))))


def _set(plan: CardPlan, family: int, present: ini.Section) -> Iterator[ini.Entry]:
    yield "method", "manual"
    gateway = plan.gateway(family, list(_gateways(present)))
    yield "address1", str(plan.address(family)) + (f",{gateway}" if gateway else "")
    servers = [each for each in plan.dns_servers if family_of(each) == family]
    if servers:
        yield "dns", _listed(servers)
    for number, route in enumerate(_routes(plan, family, present), 1):
        yield f"route{number}", route
    for key, value in present.entries:
        if not (
            key in ("method", "gateway")
            or ADDRESS.fullmatch(key)
            or ROUTE.fullmatch(key)
            or (key == "dns" and plan.dns_servers)
        ):
            yield key, value


def _routes(plan: CardPlan, family: int, present: ini.Section) -> Iterator[str]:
    """The guest's routes that the new address reaches, then those that are set."""
    own = [f"{each.to},{each.via}" for each in plan.routes_of(family)]
    to = {each.to for each in plan.routes_of(family)} | {EVERYWHERE[family]}
    for key, value in present.entries:
        if ROUTE.fullmatch(key) and not key.endswith("_options"):
            there, via = (*value.split(","), "")[:2]
            if there not in to and via and plan.keeps(via):
                yield value
    yield from own


def _gateways(present: ini.Section) -> Iterator[str]:
    yield from present.values("gateway")
    for key, value in present.entries:
        parts = value.split(",")
        if len(parts) > 1 and (ADDRESS.fullmatch(key) or parts[0] in EVERYWHERE.values()):
            yield parts[1]


def _listed(servers: list[str]) -> str:
    return "".join(f"{each};" for each in servers)
