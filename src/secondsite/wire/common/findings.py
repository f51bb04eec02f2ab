"""What is wrong with a machine, by name."""

from .base import Shape
from .numbers import Instant, Name, Text


class FindingShape(Shape):
    """A named fact about a machine."""

    code: Name
    """In domain.health.CATALOGUE."""
    what: Text
    """What was found."""
    since: Instant
    """Since when (UTC)."""
