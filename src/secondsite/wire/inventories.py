"""What sites have, in the REST API: as their appliances say now, or as the vault saw it last."""

from pydantic import AwareDatetime

from .base import Problem, Shape
from .machines import DiscoveredMachine, NetworkInfo
from .places import NetworkMapping
from .rest import MachineShape


class Seen(Shape):
    """Something about a site. Without a `problem` its appliances said it now."""

    site: str
    problem: Problem | None = None
    """Why the site could not be asked now."""
    seen_at: AwareDatetime | None = None
    """With a `problem`: when the site was asked last, and had what is shown; None if it never was."""


class SiteNetworks(Seen):
    networks: tuple[NetworkInfo, ...]
    mappings: tuple[NetworkMapping, ...] = ()


class SiteInventory(Seen):
    machines: tuple[DiscoveredMachine, ...]


class SiteMachines(Seen):
    """The machines of a site that nobody protects."""

    machines: tuple[MachineShape, ...]
