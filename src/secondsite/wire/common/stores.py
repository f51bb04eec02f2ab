"""Stores: the folders, on file systems of their own, in which an appliance keeps replicas."""

from typing import Annotated

from pydantic import Field

from .base import Shape
from .numbers import BoundedTuple, Bytes, Instant, Name

DEFAULT = "default"
"""The name of the store that every appliance has."""
NAME = r"^[a-z0-9][a-z0-9-]{0,62}$"
MOST_STORES = 100
MOST_SIGNS = 1000
StoreName = Annotated[str, Field(pattern=NAME)]


class LeftDisks(Shape):
    """What a machine left at a site when it was protected to a further one."""

    appliance_id: Name
    """The appliance that has its disks."""
    fabric_id: Name
    """The id that it had at that site's hypervisor."""
    at: Instant
    """When it was failed over from there (UTC)."""


class Placement(Shape):
    """Where a replica is to be kept at a site."""

    store: StoreName | None = None
    """The name of a store of the appliance that holds it; null: its default store."""
    signs: Annotated[tuple[Name, ...], BoundedTuple(MOST_SIGNS)] = ()
    """Tokens that lay in the store when another appliance took the replica over there; none if none did."""
    left: LeftDisks | None = None
    """What the machine left at the site; null: it is one of its two sites now, or was never there."""


MOST_FREE = 1 << 50
"""Bytes that no store of a hypervisor's host has: an appliance that claims more wants to get all new
replicas."""


def believed(free_bytes: int | None, size_bytes: int | None = None) -> int:
    """The free bytes that an appliance claims, if they are plausible; else 0, as for one that claims
    nothing."""
    most = MOST_FREE if size_bytes is None else min(size_bytes, MOST_FREE)
    return free_bytes if free_bytes is not None and free_bytes <= most else 0


class StoreSpace(Shape):
    """A store, and the space in it."""

    name: Annotated[str, Field(max_length=64)]
    """Its name at its appliance: default, or as the appliance's configuration has it."""
    free_bytes: Bytes | None = None
    """Free space of its file system; null: it cannot be read."""
    size_bytes: Bytes | None = None
    """The size of its file system; null: it cannot be read."""
    problem: Annotated[str, Field(max_length=1000)] | None = None
    """Why nothing can be kept there now, as a sentence; null: it is in order."""
