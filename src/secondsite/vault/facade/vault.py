"""The vault as its faces see it."""

from dataclasses import dataclass

from .appliances import Appliances
from .groups import Groups
from .holds import Holds
from .info import Info
from .jobs import Jobs
from .machines import Machines
from .networks import Networks
from .parts import Parts
from .points import Points
from .policies import Policies
from .sites import Sites
from .tokens import Tokens
from .verbs import Verbs


@dataclass(frozen=True, slots=True)
class VaultFacade:
    info: Info
    sites: Sites
    appliances: Appliances
    tokens: Tokens
    policies: Policies
    networks: Networks
    machines: Machines
    points: Points
    holds: Holds
    groups: Groups
    jobs: Jobs
    verbs: Verbs


def assemble(parts: Parts) -> VaultFacade:
    """All nouns on the same parts."""
    return VaultFacade(
        info=Info(parts),
        sites=Sites(parts),
        appliances=Appliances(parts),
        tokens=Tokens(parts),
        policies=Policies(parts),
        networks=Networks(parts),
        machines=Machines(parts),
        points=Points(parts),
        holds=Holds(parts),
        groups=Groups(parts),
        jobs=Jobs(parts),
        verbs=Verbs(parts),
    )
