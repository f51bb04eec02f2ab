"""How the network cards of a machine are connected at its second site."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from ...common.base import Editable, Shape
from ...common.cards import MOST_CARDS as MOST_CARDS
from ...common.cards import CardSettings


class MachineSettingsChange(Shape):
    """What is set for the machine's cards; one that is not named is connected by the mappings."""

    cards: Annotated[tuple[CardSettings, ...], Field(max_length=MOST_CARDS)] = ()
    """Each card once."""


class MachineCard(CardSettings):
    """A card, with what is set for it."""

    mac: str
    """Its MAC address at home, which names it."""
    key: str
    """Its name in sentences of jobs."""
    source_network: str | None = None
    """What it is connected to where the machine runs."""
    becomes: str | None = None
    """What it is connected to after a failover as things are set and mapped now; null: to nothing."""
    pool: str | None = None
    """The pool that its address comes from; null: it is to have none out of a pool, or its network has no pool."""
    pool_address: str | None = None
    """The address that it has out of a pool; null: none now."""


class MachineSettings(Editable):
    """A machine's own settings for its second site."""

    machine: str
    """Its id."""
    name: str
    """Its name."""
    cards: tuple[MachineCard, ...]
    """Its network cards, in the platform's order."""
    notes: tuple[str, ...] = ()
    """What somebody should know of what is set, in words."""

    def edited(self) -> Mapping[str, object]:
        return {
            "cards": [
                card.model_dump(mode="json", include=set(CardSettings.model_fields)) for card in self.cards
            ]
        }
