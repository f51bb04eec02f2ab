"""Gives a card of a running guest an address, by the guest's agent."""

from collections.abc import Mapping, Sequence
from typing import Any

from ....domain import errors
from ....wire.common.cards import CardAddress
from ..host import connection
from . import guest

LONGEST_NAME = 64


class Addressing:
    def __init__(self, hypervisor: connection.Hypervisor) -> None:
        self._hypervisor = hypervisor

    def give(self, fabric_id: str, wanted: CardAddress, seconds: float) -> str:
        domain = self._hypervisor.domain(fabric_id)
        card = _card(domain, wanted.mac)
        if card.addresses == [wanted.address] and not (wanted.gateway or wanted.dns_servers):
            return card.name
        words = ["secondsite", card.name, wanted.address, wanted.gateway or "", *wanted.dns_servers]
        try:
            guest.run(domain, PATH, ["-euc", LINES, *words], seconds)
        except errors.FabricError as problem:
            if wanted.address in _card(domain, wanted.mac).addresses:
                raise errors.FabricError(
                    f"it has the address, but not its gateway and name servers: {problem.message}"
                ) from problem
            raise
        if wanted.address not in _card(domain, wanted.mac).addresses:
            raise errors.FabricError("its guest did not do it, and did not say why")
        return card.name

    def told(self, fabric_id: str) -> Mapping[str, Sequence[str]]:
        found = guest.cards(self._hypervisor.domain(fabric_id))
        return {card.mac: [each.partition("/")[0] for each in card.addresses] for card in found if card.mac}


def _card(domain: Any, mac: str) -> guest.Card:
    found = [card for card in guest.cards(domain) if card.mac.lower() == mac.lower()]
    if not found or not (found[0].name.isprintable() and len(found[0].name) <= LONGEST_NAME):
        raise errors.FabricError(f"its guest has no card {mac}")
    return found[0]


# What gives a card an address in a guest with a shell and `ip`. It changes only the kernel's state in memory,
# as an administrator would by hand, and no file: the guest's next start is as its owner configured it.
# Without a gateway of its own the card keeps the one that it had, if the new address reaches it.

PATH = "/bin/sh"
LINES = """
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
card=$1 address=$2 gateway=$3; shift 3
before=$(ip -4 route show | sed -n "s/^default via \\([0-9.]*\\) dev $card\\( .*\\)*$/\\1/p" | head -n 1)
ip link set dev "$card" up
ip -4 address flush dev "$card"
ip -4 address add "$address" dev "$card"
if [ -n "$gateway" ]; then
    ip -4 route replace default via "$gateway" dev "$card"
elif [ -n "$before" ]; then
    ip -4 route replace default via "$before" dev "$card" 2> /dev/null || :
fi
[ $# -gt 0 ] || exit 0
if command -v resolvectl > /dev/null 2>&1 && resolvectl dns "$card" "$@" 2> /dev/null; then exit 0; fi
for server; do echo "nameserver $server"; done > /run/secondsite-resolv.conf
chmod 644 /run/secondsite-resolv.conf
[ -e /etc/resolv.conf ] || : > /etc/resolv.conf
cmp -s /run/secondsite-resolv.conf /etc/resolv.conf || mount -o bind /run/secondsite-resolv.conf /etc/resolv.conf
"""  # noqa: E501
