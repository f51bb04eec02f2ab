"""How a card of a running machine is given an address from outside."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..wire.common.cards import CardAddress


class Addressing(Protocol):
    """Nothing of it stays in the guest beyond its next start, and nothing is written to its disks."""

    def give(self, fabric_id: str, wanted: CardAddress, seconds: float) -> str:
        """The card has that address, and no other; what the guest calls the card. Harmless if it has it.
        Raises NotFound, FabricError if the guest does not do it within `seconds`."""

    def told(self, fabric_id: str) -> Mapping[str, Sequence[str]]:
        """The IPv4 addresses of its cards, by their MAC addresses, as its guest's agent alone says;
        without prefixes. Raises NotFound, FabricError if none answers."""
