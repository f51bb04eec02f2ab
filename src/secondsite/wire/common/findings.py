"""What is wrong with a machine, by name."""

from datetime import datetime

from .base import Shape


class FindingShape(Shape):
    """A named fact about a machine."""

    code: str
    """In domain.health.CATALOGUE."""
    what: str
    """What was found."""
    since: datetime
    """Since when (UTC)."""
