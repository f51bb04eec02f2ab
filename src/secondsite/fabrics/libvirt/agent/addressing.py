"""Gives a card of a running guest an address, by the guest's agent: in its own configuration, and now."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ....domain import errors
from ....domain.networks.guest_config.card_plan import CardPlan, NotUnderstood, NotYet, Route
from ....wire.common.cards import CardAddress
from ...addressing import GivenAddress, RestoredFiles
from ..host import connection
from . import guest, lasting, windows

LONGEST_NAME = 64
LEAST_SECONDS = 5.0


class Addressing:
    def __init__(self, hypervisor: connection.Hypervisor) -> None:
        self._hypervisor = hypervisor

    def give(
        self, fabric_id: str, wanted: CardAddress, whose: str, seconds: float, *, from_home: bool = False
    ) -> GivenAddress:
        domain, until = self._hypervisor.domain(fabric_id), time.monotonic() + seconds
        card = _card(domain, wanted.mac)
        plan = _plan(card.name, wanted)
        if windows.runs(domain):
            return windows.give(domain, plan, whose, seconds, from_home=from_home)
        given = _at_each_boot(domain, plan, whose, seconds, from_home)
        _now(domain, plan, wanted, max(LEAST_SECONDS, until - time.monotonic()))
        return given

    def restore(self, fabric_id: str, whose: str, seconds: float) -> RestoredFiles:
        domain = self._hypervisor.domain(fabric_id)
        if windows.runs(domain):
            return windows.restore(domain, whose, seconds)
        return lasting.back(domain, whose, seconds)

    def told(self, fabric_id: str) -> Mapping[str, Sequence[str]]:
        found = guest.cards(self._hypervisor.domain(fabric_id))
        return {card.mac: [each.partition("/")[0] for each in card.addresses] for card in found if card.mac}


def _plan(name: str, wanted: CardAddress) -> CardPlan:
    found = [each for each in (wanted, wanted.ipv6) if each is not None]
    return CardPlan(
        name,
        wanted.mac,
        tuple(each.address for each in found),
        tuple(each.gateway for each in found if each.gateway is not None),
        tuple(server for each in found for server in each.dns_servers),
        tuple(Route(each.to, each.via) for each in wanted.routes),
    )


def _at_each_boot(domain: Any, plan: CardPlan, whose: str, seconds: float, from_home: bool) -> GivenAddress:
    """Write the addresses into the guest's own configuration. One that is left alone, or a guest that cannot
    do it, has them for this boot only."""
    try:
        return GivenAddress(plan.name, lasting.put(domain, plan, whose, seconds, from_home=from_home))
    except NotUnderstood as problem:
        return GivenAddress(plan.name, passing=str(problem), booting=isinstance(problem, NotYet))
    except errors.DeadlineExceeded as problem:  # a slow guest goes on with it: it is asked again
        return GivenAddress(plan.name, passing=problem.message, booting=True)
    except errors.FabricError as problem:
        return GivenAddress(plan.name, passing=problem.message)


def _now(domain: Any, plan: CardPlan, wanted: CardAddress, seconds: float) -> None:
    """Give the card its addresses in this boot. Raises FabricError, DeadlineExceeded."""
    has = _card(domain, wanted.mac)
    if (
        has.addresses == [wanted.address]
        and _has_all(has, wanted)
        and not (plan.gateways or plan.dns_servers or plan.routes)
    ):
        return
    ipv6 = ("", "") if wanted.ipv6 is None else (wanted.ipv6.address, wanted.ipv6.gateway or "")
    routes = "".join(f"{each.to} {each.via}\n" for each in plan.routes)
    words = ["secondsite", plan.name, wanted.address, wanted.gateway or "", *ipv6, routes, *plan.dns_servers]
    try:
        guest.run(domain, PATH, ["-euc", LINES, *words], seconds)
    except errors.FabricError as problem:
        if _has_all(_card(domain, wanted.mac), wanted):
            raise errors.FabricError(
                "it has the address, but not all that goes with it (gateway, routes, name servers): "
                f"{problem.message}"
            ) from problem
        raise
    if not _has_all(_card(domain, wanted.mac), wanted):
        raise errors.FabricError("its guest did not do it, and did not say why")


def _has_all(card: guest.Card, wanted: CardAddress) -> bool:
    has_ipv6 = wanted.ipv6 is None or wanted.ipv6.address in card.ipv6_addresses
    return wanted.address in card.addresses and has_ipv6


def _card(domain: Any, mac: str) -> guest.Card:
    found = [card for card in guest.cards(domain) if card.mac.lower() == mac.lower()]
    if not found or not (found[0].name.isprintable() and len(found[0].name) <= LONGEST_NAME):
        raise errors.FabricError(f"its guest has no card {mac}")
    return found[0]


# What gives a card an address in a guest with a shell and `ip`, in this boot: it changes only the kernel's
# state in memory, as an administrator would by hand. Without a gateway of its own the card keeps the one that
# it had, if the new address reaches it.

PATH = "/bin/sh"
LINES = """
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
card=$1 address=$2 gateway=$3 address6=$4 gateway6=$5 routes=$6; shift 6
before=$(ip -4 route show | sed -n "s/^default via \\([0-9.]*\\) dev $card\\( .*\\)*$/\\1/p" | head -n 1)
kept=$(ip -4 route show dev "$card" | sed -n "s/^\\([0-9][0-9.\\/]*\\) via \\([0-9.]*\\)\\( .*\\)*$/\\1 \\2/p")
route() {
    case $1 in
        *:*) ip -6 route replace "$1" via "$2" dev "$card" ;;
        *) ip -4 route replace "$1" via "$2" dev "$card" ;;
    esac
}
ip link set dev "$card" up
ip -4 address flush dev "$card"
ip -4 address add "$address" dev "$card"
if [ -n "$gateway" ]; then
    ip -4 route replace default via "$gateway" dev "$card"
elif [ -n "$before" ]; then
    ip -4 route replace default via "$before" dev "$card" 2> /dev/null || :
fi
if [ -n "$address6" ]; then
    ip -6 address flush dev "$card" scope global
    ip -6 address add "$address6" dev "$card"
fi
if [ -n "$gateway6" ]; then ip -6 route replace default via "$gateway6" dev "$card"; fi
printf '%s\\n' "$kept" | while read -r to via; do
    if [ -n "$via" ]; then route "$to" "$via" 2> /dev/null || :; fi
done
printf '%s' "$routes" | while read -r to via; do route "$to" "$via"; done
[ $# -gt 0 ] || exit 0
missing=0
for server; do grep -qx "nameserver $server" /etc/resolv.conf 2> /dev/null || missing=1; done
[ "$missing" = 1 ] || exit 0
if command -v resolvectl > /dev/null 2>&1 && resolvectl dns "$card" "$@" 2> /dev/null; then exit 0; fi
for server; do echo "nameserver $server"; done > /run/secondsite-resolv.conf
chmod 644 /run/secondsite-resolv.conf
[ -e /etc/resolv.conf ] || : > /etc/resolv.conf
cmp -s /run/secondsite-resolv.conf /etc/resolv.conf || mount -o bind /run/secondsite-resolv.conf /etc/resolv.conf
"""  # noqa: E501
