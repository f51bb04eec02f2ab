"""What sites have, in the REST API: as their appliances report now, or as the vault last saw it."""

from pydantic import AwareDatetime

from ..common.base import Problem, Shape
from ..common.machines import DiscoveredMachine, NetworkInfo
from .machines import Machine
from .places import NetworkMapping


class Seen(Shape):
    """Something about a site. Without a `problem` its appliances reported it just now."""

    site: str
    """The site's name."""
    problem: Problem | None = None
    """Why the site could not be asked now."""
    seen_at: AwareDatetime | None = None
    """With a `problem`: when the site was last asked (UTC) and had what is shown; null if it was never asked."""


class SiteNetworks(Seen):
    """The networks of a site."""

    networks: tuple[NetworkInfo, ...]
    """By name."""
    mappings: tuple[NetworkMapping, ...] = ()
    """From this site's networks to those of others."""


class SiteInventory(Seen):
    """All machines of a site."""

    machines: tuple[DiscoveredMachine, ...]
    """By name."""


class SiteMachines(Seen):
    """The unprotected machines of a site."""

    machines: tuple[Machine, ...]
    """By name."""
