"""What a person confirmed of a machine."""

from ...domain.machines.connecting import Confirmation, Line
from .base import Shape
from .numbers import Instant, Name


class ConfirmedLine(Shape):
    """A line of those that let somebody connect, as the vault keeps it."""

    line: Name
    """Which."""
    at: Instant
    """When it was confirmed."""
    who: Name
    """By whom."""
    site: Name
    """Where the machine would have run after a failover then."""

    def confirmation(self) -> Confirmation | None:
        """The same for decisions; None for a line that is not known here."""
        known = {each.value: each for each in Line}
        return Confirmation(known[self.line], self.at, self.who, self.site) if self.line in known else None
