"""How long it will take until a machine runs, from how long it took before. Pure.

A drill starts the machine in the same way and at the same place as a failover, so where there was none, drills say how long one will take.
They say nothing of how long a machine takes to be shut down and to send its last changes.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from .lifecycle import Verb

NEWEST = 5
"""So many runs are looked at: what was long ago was with other disks, hosts and releases."""
LIKE: Mapping[Verb, tuple[Verb, ...]] = MappingProxyType(
    {
        Verb.FAILOVER: (Verb.TEST_FAILOVER, Verb.CHANGE_RECOVERY_POINT),
        Verb.TEST_FAILOVER: (Verb.FAILOVER, Verb.CHANGE_RECOVERY_POINT),
        Verb.CHANGE_RECOVERY_POINT: (Verb.FAILOVER, Verb.TEST_FAILOVER),
        Verb.PLANNED_FAILOVER: (),
    }
)
"""The verbs that start a machine, and those whose runs count, the first of which there are any, where it has had none of its own."""


@dataclass(frozen=True, slots=True)
class Took:
    """A run that succeeded at once: seconds until the machine ran, and of these the seconds in which it ran nowhere (None: it is not
    known since when it did not)."""

    verb: Verb
    seconds: float
    down_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """Seconds from now until the machine runs: as in the middle of `runs` runs of `verb`, at least and at most as in these.
    `down_seconds`: how long it will run nowhere."""

    verb: Verb
    runs: int
    seconds: float
    least_seconds: float
    most_seconds: float
    down_seconds: float | None = None


def predict(verb: Verb, history: Sequence[Took]) -> Prediction | None:
    """For one machine, its newest run first. None without history, and for a verb that starts nothing."""
    if verb not in LIKE:
        return None
    for like in (verb, *LIKE[verb]):
        runs = [each for each in history if each.verb is like][:NEWEST]
        if runs:
            return _of(like, runs)
    return None


def _of(verb: Verb, runs: Sequence[Took]) -> Prediction:
    seconds = [each.seconds for each in runs]
    down = [each.down_seconds for each in runs if each.down_seconds is not None]
    return Prediction(
        verb=verb,
        runs=len(runs),
        seconds=statistics.median(seconds),
        least_seconds=min(seconds),
        most_seconds=max(seconds),
        down_seconds=statistics.median(down) if down else None,
    )


def together(side_by_side: Sequence[Sequence[float | None]]) -> float | None:
    """Seconds until the last machine runs, of groups that come one after the other; in each, those of its machines, which start side by
    side. None if that is not known of one of them."""
    if not all(seconds is not None for group in side_by_side for seconds in group):
        return None
    slowest = [max((each for each in group if each is not None), default=0.0) for group in side_by_side]
    return sum(slowest) if slowest else None
