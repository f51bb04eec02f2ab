"""What would be in the way of a verb, asked without a job."""

from pydantic import AwareDatetime, ConfigDict

from ..common.base import Shape


class EligibilityQuery(Shape):
    """To protect it to where."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    target: str
    """The site that would hold the replica."""
    target_appliance: str | None = None
    """Which of its appliances, by name or id; null: the one that would be chosen."""
    encrypt: bool = False
    """Whether the replica would be encrypted."""


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
    checked_at: AwareDatetime
    """When it was asked (UTC)."""
