"""Predictions: how long the next run will take, as the median of the machine's last five runs, with the least
and the most of them as the range.

Without such runs the nearest known ones are used, and the prediction says so: another verb of the machine
which starts it the same way, then other machines in the same direction between the sites. Without any there
is no prediction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import median

from ..lifecycle import Verb
from .timing import DOWN, Part

LAST = 5
"""How many runs of a machine and a verb count: older ones may have been of a different machine in effect."""
OTHERS = 50
"""How many runs of other machines are looked at."""
LIKE: Mapping[Verb, tuple[Verb, ...]] = {
    Verb.TEST_FAILOVER: (Verb.TEST_FAILOVER, Verb.FAILOVER),
    Verb.FAILOVER: (Verb.FAILOVER, Verb.TEST_FAILOVER),
    Verb.PLANNED_FAILOVER: (Verb.PLANNED_FAILOVER,),
}
"""The verbs whose runs tell how long each verb takes, the best first. A drill shuts nothing down, so it tells
nothing about a planned failover. Other verbs are not predicted."""


class Basis(StrEnum):
    """The runs that a prediction is made from. own: the machine's runs of the verb; own_like: its runs of a
    verb that starts it the same way; others: other machines' runs between the same sites; nothing: there are
    none yet."""

    OWN = "own"
    OWN_LIKE = "own_like"
    OTHERS = "others"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Run:
    """A run that succeeded, with the seconds of its parts."""

    verb: Verb
    parts: Mapping[Part, float]

    @property
    def seconds(self) -> float:
        return sum(self.parts.values())


@dataclass(frozen=True, slots=True)
class Prediction:
    """A prediction in seconds. `least` and `most` are the range of the `runs` it is made from; `downtime`
    only for a verb that shuts the machine down."""

    basis: Basis
    runs: int = 0
    seconds: float | None = None
    least: float | None = None
    most: float | None = None
    downtime: float | None = None
    parts: Mapping[Part, float] | None = None

    def later(self, seconds: float) -> "Prediction":
        """The prediction for a machine that waits so many seconds before it starts."""

        def waits(value: float | None) -> float | None:
            return None if value is None else value + seconds

        return replace(
            self,
            seconds=waits(self.seconds),
            least=waits(self.least),
            most=waits(self.most),
            downtime=waits(self.downtime),
        )


UNKNOWN = Prediction(Basis.NOTHING)


def predict(verb: Verb, own: Sequence[Run], others: Sequence[Run] = ()) -> Prediction:
    """The prediction for a machine. `own` and `others` are the newest first, all in the same direction
    between the sites."""
    for like in LIKE.get(verb, ()):
        if found := _of(like, own)[:LAST]:
            return _stands_on(verb, Basis.OWN if like is verb else Basis.OWN_LIKE, found)
    for like in LIKE.get(verb, ()):
        if found := _of(like, others)[:OTHERS]:
            return _stands_on(verb, Basis.OTHERS, found)
    return UNKNOWN


@dataclass(frozen=True, slots=True)
class PlanPrediction:
    """The prediction for a plan. `unknown` is the number of machines without a prediction: the plan takes at
    least this long."""

    seconds: float | None
    most: float | None
    unknown: int


def of_groups(groups: Sequence[Sequence[Prediction]]) -> PlanPrediction:
    """Groups one after another, each as long as its slowest machine. Time spent waiting for people is not
    included."""
    known = [[each for each in group if each.seconds is not None] for group in groups]
    unknown = sum(map(len, groups)) - sum(map(len, known))
    if not any(known):
        return PlanPrediction(None, None, unknown)
    return PlanPrediction(
        sum(max((each.seconds or 0.0 for each in group), default=0.0) for group in known),
        sum(max((each.most or 0.0 for each in group), default=0.0) for group in known),
        unknown,
    )


def _of(verb: Verb, runs: Sequence[Run]) -> list[Run]:
    return [each for each in runs if each.verb is verb]


def _stands_on(verb: Verb, basis: Basis, runs: Sequence[Run]) -> Prediction:
    totals = [each.seconds for each in runs]
    parts = {part: median(values) for part in Part if (values := _values(part, runs))}
    down = sum(parts.get(part, 0.0) for part in DOWN) if verb is Verb.PLANNED_FAILOVER else None
    return Prediction(basis, len(runs), median(totals), min(totals), max(totals), down, parts)


def _values(part: Part, runs: Sequence[Run]) -> list[float]:
    """Only runs that had the part count: the others were not asked for it."""
    return [each.parts[part] for each in runs if part in each.parts]


# How long a reprotect will take, from former ones between the same sites. Old disks are compared as a whole,
# and what differs is sent: the longer of the two decides. The machine's own former reprotects tell most;
# those of others are scaled to its disks.


@dataclass(frozen=True, slots=True)
class Return:
    """A reprotect that succeeded: of which machine, the bytes of its disks, and the bytes that were sent."""

    machine_id: str
    disk_bytes: int
    sent_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ReturnForecast:
    """The expected time of a reprotect. `seconds` is None while no return is known; `returns` is the number
    of those it is made from."""

    seconds: float | None
    returns: int
    own: bool = False


def expect(machine_id: str, disk_bytes: int, send_bytes: int, known: Sequence[Return]) -> ReturnForecast:
    """The expected time of a reprotect. `known` are the newest reprotects of the same kind between the same
    sites."""
    usable = [each for each in known if each.disk_bytes > 0 and each.seconds > 0]
    own = [each for each in usable if each.machine_id == machine_id]
    counted = own or usable
    if not counted:
        return ReturnForecast(None, 0)
    compared = median(each.seconds / each.disk_bytes for each in counted) * disk_bytes
    return ReturnForecast(max(compared, _sent(send_bytes, counted)), len(counted), bool(own))


def _sent(send_bytes: int, known: Sequence[Return]) -> float:
    """The seconds for sending, at the rate of the reprotect that sent most: in small ones the link was not
    what took the time."""
    largest = max(known, key=lambda each: each.sent_bytes)
    return send_bytes * largest.seconds / largest.sent_bytes if largest.sent_bytes else 0.0
