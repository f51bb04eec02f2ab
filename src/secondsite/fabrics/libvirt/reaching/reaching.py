"""Ask services of a machine over its network."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from ....domain import errors
from ... import interface
from ...reaching import Answers, Knock
from ..host import connection
from . import cards, visiting


class Reaching:
    def __init__(self, hypervisor: connection.Hypervisor, networks: interface.Networks) -> None:
        self._hypervisor = hypervisor
        self._networks = networks

    def addresses(self, fabric_id: str) -> Sequence[str]:
        domain = self._hypervisor.find(fabric_id)
        return [] if domain is None else [each.address for each in cards.told(domain)]

    def visit(
        self, fabric_id: str, knocks: Sequence[Knock], source: str | None = None
    ) -> AbstractContextManager[Answers]:
        card = self._card(fabric_id, knocks[0].address)
        entered = card is not None and self._is_entered(card, source)
        return visiting.visit(knocks, card.bridge if card is not None and entered else None, source)

    def is_inside(self, fabric_id: str, address: str, source: str | None = None) -> bool:
        card = self._card(fabric_id, address)
        return card is not None and self._is_entered(card, source)

    def _is_entered(self, card: cards.Card, source: str | None) -> bool:
        return source is not None or self._is_isolated(card.network)

    def _card(self, fabric_id: str, address: str) -> cards.Card | None:
        """The card that has the address; of a machine that does not tell, its first. None: its cards are on no bridge of this host."""
        domain = self._hypervisor.domain(fabric_id)
        if not cards.is_connected(domain):
            raise errors.FabricError(
                "It is connected to nothing: whoever has its address elsewhere would answer in its place.",
                do="Connect its cards, or leave out the check.",
            )
        found = cards.bridged(domain)
        if len(found) > 1:
            plain = address.partition("/")[0]
            macs = {told.mac for told in cards.told(domain) if told.address.partition("/")[0] == plain}
            found = [card for card in found if card.mac in macs] or found
        return found[0] if found else None

    def _is_isolated(self, network: str) -> bool:
        return any(each.name == network and each.isolated for each in self._networks.list())
