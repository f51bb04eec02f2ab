"""When a store will be full, by how its free space changed. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import linear_regression
from typing import NamedTuple

LEAST = timedelta(hours=6)
"""How long free space has to be known before anything is said."""
FAR = timedelta(days=365)
"""What is later is not said: by then all is different."""


class FreeSpace(NamedTuple):
    """Free bytes of a store at an instant."""

    at: datetime
    free_bytes: int


def full_at(found: Sequence[FreeSpace]) -> datetime | None:
    """When it will be full if it goes on as it did, as a straight line through all that was found, oldest
    first. None: it does not fill, not within a year, or too little is known."""
    if len(found) < 3 or found[-1].at - found[0].at < LEAST:
        return None
    last = found[-1]
    seconds = [(each.at - last.at).total_seconds() for each in found]
    slope, _now = linear_regression(seconds, [float(each.free_bytes) for each in found])
    if slope >= 0 or last.free_bytes / -slope > FAR.total_seconds():
        return None
    return last.at + timedelta(seconds=last.free_bytes / -slope)
