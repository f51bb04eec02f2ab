"""The host of an appliance's machines: what it has for them."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from ...domain.machines.properties import MOST_MEMORY_BYTES
from .base import Shape
from .machines import Segment
from .numbers import BoundedTuple, Bytes, Name, Number, Text
from .stores import MOST_SIGNS as MOST_SIGNS

MOST_NETWORKS = 1000


class DrillSegment(Shape):
    """The host's address on the network between hosts that its owner named for networks of drills which
    several hosts share."""

    address: Segment
    """An IPv4 address."""
    mtu: Number = 0
    """The longest packet there, in bytes; 0: not known."""
    problem: Text | None = None
    """Why it cannot be used; null: it can."""


class StoreSign(Shape):
    """A store of an appliance, by a token that only who sees the store can know."""

    store: Annotated[str, Field(max_length=64)]
    """The store's name at this appliance."""
    token: Name
    """A random word that lies in the store."""


class HostCapacity(Shape):
    """What the host of its machines has."""

    vcpus: Number
    """Its logical processors."""
    memory_bytes: Bytes
    """Its memory in all."""
    free_bytes: Bytes
    """What of it is free for machines now; the page cache counts as free."""
    cpu_model: Name | None = None
    """The model of its processors, as its platform calls it; null: it does not say."""
    networks: Annotated[tuple[Name, ...], BoundedTuple(MOST_NETWORKS), Field(max_length=MOST_NETWORKS)] = ()
    """The names of its networks, in their order."""
    segment: DrillSegment | None = None
    """Its drill segment; null: none is named."""
    scratch_free_bytes: Bytes | None = None
    """Free space of the file system that cycles have their scratch space on; null: it cannot be read."""
    scratch_size_bytes: Bytes | None = None
    """The size of that file system; null: it cannot be read."""
    signs: Annotated[tuple[StoreSign, ...], BoundedTuple(MOST_SIGNS)] = ()
    """The stores that this appliance uses, each with random tokens that lie in it, of whichever appliance."""
    proven: Annotated[tuple[Name, ...], BoundedTuple(MOST_SIGNS)] = ()
    """Tokens of other appliances that it has read while they held the stores that these lie in."""

    def reaches(self, tokens: Iterable[str]) -> bool:
        """Whether it reaches a store in which one of these lies: it has proven that, or uses that store."""
        known = {*self.proven, *(each.token for each in self.signs)}
        return not known.isdisjoint(tokens)

    @property
    def is_believed(self) -> bool:
        """Whether a host can have that: an appliance that claims more wants to get all new replicas."""
        return self.free_bytes <= self.memory_bytes <= MOST_MEMORY_BYTES
