"""Pools of addresses, as the REST API shows them."""

from collections.abc import Mapping

from pydantic import AwareDatetime, Field

from ..common.base import SITE_NAME, Editable, Shape
from ..common.cards import PoolSettings
from .errors import Page


class AddressPoolChange(PoolSettings):
    """What a pool is to be: all of it."""


class AddressPoolCreate(AddressPoolChange):
    """A new pool."""

    name: str = Field(pattern=SITE_NAME)
    """Lower case letters, digits and dashes, at most 63."""


class TakenAddress(Shape):
    """An address that a machine has out of a pool."""

    address: str
    """Without its prefix."""
    machine: str
    """The machine's id."""
    machine_name: str
    """Its name; of one whose protection has ended, its former name."""
    mac: str
    """The card's MAC address at home."""
    taken_at: AwareDatetime
    """Since when (UTC)."""
    protected: bool
    """Whether the machine is under protection. If not, it had the address when its protection ended, and a
    person says when it is free."""


class AddressPool(Editable, PoolSettings):
    """A pool of addresses of a site's network."""

    name: str
    """Its name in all calls."""
    size: int
    """How many addresses it has."""
    taken: tuple[TakenAddress, ...] = ()
    """Those that machines have now, by address."""

    def edited(self) -> Mapping[str, object]:
        return self.model_dump(mode="json", include={"name", *PoolSettings.model_fields})


class AddressPoolPage(Page[AddressPool]):
    """Pools, by name."""
