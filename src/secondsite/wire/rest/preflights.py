"""Checks what would be in the way of a verb, without a job."""

from pydantic import AwareDatetime, ConfigDict

from ...domain.machines.connecting import Line, Standing, System
from ..common.base import Shape
from ..common.properties import PlacementWord


class EligibilityQuery(Shape):
    """The site to which a machine would be protected."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="forbid")

    target: str
    """The site that would hold the replica."""
    target_appliance: str | None = None
    """Which of its appliances, by name or id; null: the one that would be chosen."""
    encrypt: bool = False
    """Whether the replica would be encrypted."""
    apart: PlacementWord | None = None
    """The word of the machines from which it would be kept apart."""
    together: PlacementWord | None = None
    """The word of the machines to whose host it would go."""


class PreflightObstacle(Shape):
    """One thing that is in the way, or may be."""

    site: str
    """Where."""
    what: str
    """What it is."""
    do: str
    """What to do about it."""
    blocking: bool
    """False: a warning."""


class LineStanding(Shape):
    """What is known of one thing that lets somebody connect after a failover."""

    line: Line
    """Which."""
    standing: Standing
    """seen: an agent in the machine saw that it is so; confirmed: a person said so; wrong: an agent saw that
    it is not so; outdated: that was too long ago; open: nobody looked."""
    at: AwareDatetime | None = None
    """When an agent looked last, or the person said it (UTC)."""
    by: str | None = None
    """The person; null: an agent, or nobody looked."""


class ConnectingLine(LineStanding):
    """The same, in words."""

    what: str
    """What is to be so."""
    do: str
    """How to look, or to make it so."""
    again_seconds: int
    """How long a look counts."""


class Connecting(Shape):
    """What lets somebody connect to a machine after its failover. Nothing of it stops a failover."""

    machine: str
    """Its id."""
    name: str
    """Its name."""
    site: str
    """Where it would run."""
    system: System
    """The system of its guest: of an unknown one the lines of all systems are asked."""
    lines: tuple[ConnectingLine, ...]
    """In the order in which one would look."""


class Preflight(Shape):
    """What was found when both sites were asked; nothing was changed."""

    machine: str
    """Its name."""
    source_site: str
    """Where it runs."""
    target_site: str
    """Where its replica is, or would be."""
    ready: bool
    """Whether nothing blocks."""
    obstacles: tuple[PreflightObstacle, ...] = ()
    """What blocks comes first."""
    target_appliance: str | None = None
    """Of a machine that is not protected: the name of the appliance that would hold its replica; null: none
    takes it."""
    placed: str | None = None
    """Why that one, if its site has several."""
    tried: tuple[str, ...] = ()
    """What was tried, each as words: a frozen view at the source, a start at the target; or why not."""
    connecting: tuple[ConnectingLine, ...] = ()
    """Of a protected machine: what lets somebody connect after a failover."""
    checked_at: AwareDatetime
    """When it was asked (UTC)."""


class ApplianceCheck(Shape):
    """What an appliance found when it started a tiny machine of its own, viewed it and removed it."""

    appliance: str
    """Its name."""
    site: str
    """Where it stands."""
    ready: bool
    """Whether nothing blocks."""
    obstacles: tuple[PreflightObstacle, ...] = ()
    """Why no machine would start there, or be viewed."""
    tried: tuple[str, ...] = ()
    """What was tried, each as words."""
    checked_at: AwareDatetime
    """When it was asked (UTC)."""


# Which appliances could hold a machine's replica, and why others could not.


class ApplianceCandidate(Shape):
    """An appliance that could hold the replica, as it was asked now."""

    id: str
    """Its id."""
    name: str
    """Its name."""
    site: str = ""
    """Where it stands; empty: an older vault does not say it."""
    host: str | None = None
    """The host that it runs on; null for an older appliance."""
    fits: bool
    """Whether nothing blocks a full copy to it."""
    chosen: bool = False
    """Whether it is taken if none is named."""
    had_the_machine: bool = False
    """Whether the machine was there before: it has the old disks, if they are left."""
    original: bool = False
    """Whether the old disks are there and can be compared, so that only changes would be sent."""
    why_not_original: str | None = None
    """Of one that had the machine: why the old disks cannot be used, if so."""
    store_free_bytes: int | None = None
    """Free space in its default store."""
    disks_coming_home: int = 0
    """How many disks of other machines come home to it already."""
    most_disks_home: int | None = None
    """How many may come home at once; null: any number."""
    seconds_to_reach: float | None = None
    """How long it took the appliance where the machine runs to be connected to its data port: some round
    trips; null: it could not, or an older appliance does not say."""
    obstacles: tuple[PreflightObstacle, ...] = ()
    """What is in the way of a full copy, and what is warned of; what blocks comes first."""


class ApplianceCandidates(Shape):
    """The appliances that could hold a machine's replica; nothing was changed. Of a machine that was failed
    over: those of all sites but the one where it runs."""

    machine: str
    """Its name."""
    site: str
    """The site that will hold it if no appliance is named."""
    needed_bytes: int | None = None
    """What a full copy needs at most; null: the site where the machine runs does not say."""
    appliances: tuple[ApplianceCandidate, ...]
    """Those that fit come first, of these those of that site."""
