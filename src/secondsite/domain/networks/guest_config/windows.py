"""Windows: what a card has by hand is one state, which is set as a whole and put back as a whole."""

import ipaddress
from collections.abc import Iterator
from dataclasses import replace

from pydantic.dataclasses import dataclass

from .card_plan import EVERYWHERE, V4, V6, CardPlan, NotUnderstood, Route, family_of

MOST = 64


@dataclass(frozen=True, slots=True)
class Family:
    """What a card has of one family by hand, and whether it asks for addresses (`dhcp`) and listens to
    routers (`routers`). Addresses have their prefixes."""

    dhcp: bool = False
    routers: bool = True
    addresses: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """Without DNS servers those that DHCP gives count."""

    ipv4: Family
    ipv6: Family
    dns_servers: tuple[str, ...] = ()

    def families(self) -> Iterator[tuple[int, Family]]:
        yield V4, self.ipv4
        yield V6, self.ipv6


def wanted(plan: CardPlan, present: State) -> State:
    """What the card is to have. Raises NotUnderstood for what is no address."""
    require_plain(present)
    found = {family: _family(plan, family, own) for family, own in present.families()}
    kept = [each for each in present.dns_servers if not plan.dns_servers]
    return State(found[V4], found[V6], (*plan.dns_servers, *kept))


def sorted_as_told(state: State) -> State:
    """Windows tells addresses and routes in an order of its own."""
    found = {
        family: replace(
            own, addresses=tuple(sorted(own.addresses)), routes=tuple(sorted(own.routes, key=_place))
        )
        for family, own in state.families()
    }
    return State(found[V4], found[V6], state.dns_servers)


def _place(route: Route) -> tuple[str, str]:
    return route.to, route.via


def require_plain(state: State) -> None:
    """It comes from a guest, and goes back into it. Raises NotUnderstood."""
    try:
        for _, own in state.families():
            _require_bounded(len(own.addresses), len(own.routes), len(state.dns_servers))
            list(map(ipaddress.ip_interface, own.addresses))
            list(map(ipaddress.ip_network, (each.to for each in own.routes)))
            list(map(ipaddress.ip_address, (each.via for each in own.routes)))
        list(map(ipaddress.ip_address, state.dns_servers))
    except ValueError as problem:
        raise NotUnderstood("what its guest tells of the card's addresses is not understood") from problem


def _require_bounded(*counts: int) -> None:
    if max(counts) > MOST:
        raise NotUnderstood("its guest tells of too many addresses")


def _family(plan: CardPlan, family: int, present: Family) -> Family:
    if family not in plan.families:
        return present
    routers = present.routers and (family == V4 or plan.gateway(family) is None)
    routes = tuple(sorted(_routes(plan, family, present), key=_place))
    found = replace(present, dhcp=False, routers=routers, routes=routes)
    return replace(found, addresses=(str(plan.address(family)),))


def _routes(plan: CardPlan, family: int, present: Family) -> Iterator[Route]:
    defaults = [each.via for each in present.routes if each.to == EVERYWHERE[family]]
    gateway = plan.gateway(family, defaults)
    if gateway is not None:
        yield Route(EVERYWHERE[family], gateway)
    own = plan.routes_of(family)
    given = {EVERYWHERE[family], *(each.to for each in own)}
    for each in present.routes:
        if each.to not in given and family_of(each.via) == family and plan.keeps(each.via):
            yield each
    yield from own
