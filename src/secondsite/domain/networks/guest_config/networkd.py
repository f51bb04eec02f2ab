"""systemd-networkd: a file of ours for the card's MAC address, whose name comes before all others.

The first file that matches a card counts alone, so what the guest's file says besides addresses is carried
over. The guest's files stay as they are."""

from collections.abc import Iterable, Iterator

from . import ini
from .card_plan import EVERYWHERE, V4, V6, CardPlan, GuestFile, NotUnderstood, family_of

FOLDER = "/etc/systemd/network"
STACKED = frozenset(
    "Bridge Bond VLAN MACVLAN MACVTAP IPVLAN IPVTAP VXLAN VRF Tunnel Xfrm MACsec BatmanAdvanced".split()
)
BOTH = ("yes", "true", "1", "on", "both")
OF_A_FAMILY = {V4: ("ipv4", "v4"), V6: ("ipv6", "v6")}


def file(plan: CardPlan, present: str) -> GuestFile:
    """The file of ours. `present`: the text of the file that counts for the card now. Raises
    NotUnderstood."""
    sections = ini.read(present)
    network = ini.only(sections, "Network")
    stacked = [key for key, _ in network.entries if key in STACKED]
    if stacked:
        raise NotUnderstood(f"the card is a part of something larger ({stacked[0]}=)")
    match = ini.Section("Match", (("MACAddress", plan.mac.lower()), ("Type", "ether")))
    others = [each for each in sections if each.name not in ("Match", "Network") and _stays(plan, each)]
    routes = [ini.Section("Route", (("Destination", each.to), ("Gateway", each.via))) for each in plan.routes]
    own = ini.Section("Network", tuple(_network(plan, network, sections)))
    path = f"{FOLDER}/0-secondsite-{plan.slug}.network"
    return GuestFile(path, ini.written([match, own, *others, *routes]))


def _network(plan: CardPlan, network: ini.Section, sections: Iterable[ini.Section]) -> Iterator[ini.Entry]:
    yield from (("Address", each) for each in plan.addresses)
    present = [*network.values("Gateway"), *_defaults(sections)]
    for family in sorted(plan.families):
        gateway = plan.gateway(family, [each for each in present if family_of(each) == family])
        if gateway is not None:
            yield "Gateway", gateway
    yield from (("DNS", each) for each in plan.dns_servers)
    if plan.gateway(V6) is not None:
        yield "IPv6AcceptRA", "no"
    for key, value in network.entries:
        yield from _kept(plan, key, value)


def _defaults(sections: Iterable[ini.Section]) -> Iterator[str]:
    """The gateways of default routes."""
    for each in sections:
        if each.name == "Route" and each.last("Destination") in (None, *EVERYWHERE.values()):
            yield from each.values("Gateway")


def _kept(plan: CardPlan, key: str, value: str) -> Iterator[ini.Entry]:
    if key == "DHCP":
        yield key, _asks(plan, value.lower())
    elif key in ("Address", "Gateway"):
        if value and not plan.is_set(value):
            yield key, value
    elif not (key == "DNS" and plan.dns_servers) and not (key == "IPv6AcceptRA" and plan.gateway(V6)):
        yield key, value


def _asks(plan: CardPlan, present: str) -> str:
    """For which families the card still asks for addresses."""
    asks = {family for family, words in OF_A_FAMILY.items() if present in words or present in BOTH}
    left = asks - plan.families
    return "yes" if len(left) > 1 else OF_A_FAMILY[left.pop()][0] if left else "no"


def _stays(plan: CardPlan, section: ini.Section) -> bool:
    if section.name == "Address":
        return not any(map(plan.is_set, section.values("Address")))
    if section.name != "Route":
        return True
    to, via = section.last("Destination"), section.last("Gateway")
    if to in {each.to for each in plan.routes}:
        return False
    if via is None:
        return True
    if to in (None, *EVERYWHERE.values()):
        return family_of(via) not in plan.families and via != "_dhcp4"
    return plan.keeps(via)
