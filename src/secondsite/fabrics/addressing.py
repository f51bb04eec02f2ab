"""How a card of a running machine is given an address from outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..wire.common.cards import CardAddress


@dataclass(frozen=True, slots=True)
class GivenAddress:
    """What became of an address: the guest's name for the card, and the program in the guest that gives it at
    each of its boots; None: it lasts until the next one, and `passing` says why. `booting`: it may be given
    so yet, once its guest has booted, or is less slow."""

    card: str
    program: str | None = None
    passing: str = ""
    booting: bool = False


@dataclass(frozen=True, slots=True)
class RestoredFiles:
    """Files of a guest's network configuration that are as they were before, and those that somebody changed
    since, which stay as they are. `unapplied`: cards that do not use them before the guest's next boot."""

    back: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    unapplied: tuple[str, ...] = ()


class Addressing(Protocol):
    """Gives addresses to cards of running machines, and writes them into the guests' own configuration."""

    def give(
        self, fabric_id: str, wanted: CardAddress, whose: str, seconds: float, *, from_home: bool = False
    ) -> GivenAddress:
        """Give the card that address and no other of its family, now and at each boot. What its guest's files
        were before is kept in it, as `whose`, the id of the protected machine; of a machine that comes
        `from_home`, what somebody changed in them since the last journey, too. Harmless if it has it already.
        Raises NotFound, FabricError if the guest does not do it within `seconds`."""

    def restore(self, fabric_id: str, whose: str, seconds: float) -> RestoredFiles:
        """Put the files of before back, and have the cards configured by them; nothing if none are kept as
        `whose`. Raises as `give`."""

    def told(self, fabric_id: str) -> Mapping[str, Sequence[str]]:
        """The IPv4 addresses of the machine's cards without prefixes, by MAC address, as only its guest agent
        tells them. Raises NotFound, FabricError if none answers."""
