"""How long something will take, by how long it took before."""

from ...domain.lifecycle import Verb
from .base import Shape


class PredictedTime(Shape):
    """How long it will take until the machine runs: as in the middle of its newest runs, as far as they are on record."""

    verb: Verb
    """What these runs were of: the verb itself, or one that starts the machine in the same way."""
    runs: int
    """How many there were."""
    seconds: float
    """Until it runs."""
    least_seconds: float
    """In the fastest of them."""
    most_seconds: float
    """In the slowest of them."""
    down_seconds: float | None = None
    """Of this the time in which it runs nowhere; null: it is not shut down for it, or that is not known."""
