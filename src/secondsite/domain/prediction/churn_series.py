"""What a machine wrote between its points. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Change:
    """What a point added, as of its instant, within the seconds since the point before."""

    at: datetime
    seconds: float
    size_bytes: int


def series(points: Sequence[tuple[datetime, int]]) -> Iterator[Change]:
    """The points by when they were taken, with the bytes that each added, in the order of their arrival. What
    was added while the source's clock was set back counts with the next point; the first one, which has all
    the machine's data, tells nothing."""
    last, added = points[0][0] if points else None, 0
    for at, size in points[1:]:
        added += size
        if last is not None and at > last:
            yield Change(at, (at - last).total_seconds(), added)
            last, added = at, 0
