"""What the next run will take: the median of the machine's last five, and as range the least and the most of
them.

Without any, the nearest that is known stands for it, and the prediction says what that is: another verb of
the machine which starts it the same way, then other machines the same way between the sites. Nothing is made
up where nothing is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import median

from ..lifecycle import Verb
from .timing import DOWN, Part

LAST = 5
"""Runs of a machine and a verb that count: what was longer ago was another machine."""
OTHERS = 50
"""Runs of other machines that are looked at."""
LIKE: Mapping[Verb, tuple[Verb, ...]] = {
    Verb.TEST_FAILOVER: (Verb.TEST_FAILOVER, Verb.FAILOVER),
    Verb.FAILOVER: (Verb.FAILOVER, Verb.TEST_FAILOVER),
    Verb.PLANNED_FAILOVER: (Verb.PLANNED_FAILOVER,),
}
"""Verbs whose runs tell how long the verb takes, the best first. A drill shuts nothing down, so it tells
nothing of a planned failover. Other verbs are not predicted."""


class Basis(StrEnum):
    """What a prediction stands on. own: the machine's runs of the verb; own_like: its runs of a verb that
    starts it the same way; others: other machines' runs between the same sites; nothing: there is no
    history yet."""

    OWN = "own"
    OWN_LIKE = "own_like"
    OTHERS = "others"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Run:
    """One that succeeded, with the seconds of its parts."""

    verb: Verb
    parts: Mapping[Part, float]

    @property
    def seconds(self) -> float:
        return sum(self.parts.values())


@dataclass(frozen=True, slots=True)
class Prediction:
    """In seconds. `least` and `most` are those of the `runs` it stands on; `downtime` only of a verb that
    shuts the machine down."""

    basis: Basis
    runs: int = 0
    seconds: float | None = None
    least: float | None = None
    most: float | None = None
    downtime: float | None = None
    parts: Mapping[Part, float] | None = None

    def later(self, seconds: float) -> "Prediction":
        """Of a machine that waits so long before it starts."""

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
    """`own` and `others` are the newest first, all the same way between the sites."""
    for like in LIKE.get(verb, ()):
        if found := _of(like, own)[:LAST]:
            return _stands_on(verb, Basis.OWN if like is verb else Basis.OWN_LIKE, found)
    for like in LIKE.get(verb, ()):
        if found := _of(like, others)[:OTHERS]:
            return _stands_on(verb, Basis.OTHERS, found)
    return UNKNOWN


@dataclass(frozen=True, slots=True)
class PlanPrediction:
    """Of a plan. `unknown` machines have no prediction, so that it takes at least so long."""

    seconds: float | None
    most: float | None
    unknown: int


def of_groups(groups: Sequence[Sequence[Prediction]]) -> PlanPrediction:
    """Group after group, in each as long as its slowest machine. People who are waited for are not in it."""
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
    """A run without the part is none of it: it was not asked for."""
    return [each.parts[part] for each in runs if part in each.parts]


# How long the way back into protection will take, from former ones between the same sites. Pure. Old disks
# are compared as a whole, and what differs is sent: the longer of the two is what people wait for. The
# machine's own former returns tell most; those of others are scaled to its disks.


@dataclass(frozen=True, slots=True)
class Return:
    """A reprotect that succeeded: of which machine, with disks of so many bytes, of which so many were
    sent."""

    machine_id: str
    disk_bytes: int
    sent_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ReturnForecast:
    """`seconds` is None while no return is known; it stands on `returns` of them."""

    seconds: float | None
    returns: int
    own: bool = False


def expect(machine_id: str, disk_bytes: int, send_bytes: int, known: Sequence[Return]) -> ReturnForecast:
    """`known` are the newest of the same kind between the same sites."""
    usable = [each for each in known if each.disk_bytes > 0 and each.seconds > 0]
    own = [each for each in usable if each.machine_id == machine_id]
    counted = own or usable
    if not counted:
        return ReturnForecast(None, 0)
    compared = median(each.seconds / each.disk_bytes for each in counted) * disk_bytes
    return ReturnForecast(max(compared, _sent(send_bytes, counted)), len(counted), bool(own))


def _sent(send_bytes: int, known: Sequence[Return]) -> float:
    """At the rate of the one that sent most: of small ones the link is not what they waited for."""
    largest = max(known, key=lambda each: each.sent_bytes)
    return send_bytes * largest.seconds / largest.sent_bytes if largest.sent_bytes else 0.0
