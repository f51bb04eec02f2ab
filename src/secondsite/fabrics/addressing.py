"""How a card of a running machine is given an address from outside."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..wire.common.cards import CardAddress


class Addressing(Protocol):
    """Gives addresses to cards of running machines. The address lasts until the guest's next start, and
    nothing is written to its disks."""

    def give(self, fabric_id: str, wanted: CardAddress, seconds: float) -> str:
        """Give the card that address and no other; returns the guest's name for the card. Harmless if it has
        it already. Raises NotFound, FabricError if the guest does not do it within `seconds`."""

    def told(self, fabric_id: str) -> Mapping[str, Sequence[str]]:
        """The IPv4 addresses of the machine's cards without prefixes, by MAC address, as only its guest agent
        tells them. Raises NotFound, FabricError if none answers."""
