"""Give a card of a running guest an address, by the guest's agent."""

from collections.abc import Mapping, Sequence
from typing import Any

from ....domain import errors
from ....wire.common.cards import CardAddress
from ..host import connection
from . import guest, program

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
            guest.run(domain, program.PATH, ["-euc", program.LINES, *words], seconds)
        except errors.FabricError as problem:
            if wanted.address in _card(domain, wanted.mac).addresses:
                raise errors.FabricError(
                    f"it has the address, but not what goes with it: {problem.message}"
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
