"""For how long the checks of all machines of a failed-over plan have held: after the time that its plan says,
the plan commits by itself. Pure.

Checks hold from one look that found them all passed to the next such look. A look that found anything else
begins anew, and so does one that comes late, by either of two clocks: what was between nobody knows.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ...ground.units import DAY, MINUTE
from .. import errors

LEAST_SECONDS, MOST_SECONDS = 300, 7 * DAY
"""Bounds of the setting. In less than five minutes nobody who was told could say no."""
MOST_APART_SECONDS = 180.0
"""How far apart two looks may be; they are made once a minute."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at all machines. `of` names everything that it is about: another run, another point, another
    edition of the plan is another one. `problem`: why the checks do not hold; empty: they do. `now` is the
    clock, `lived` is lived time."""

    of: str
    now: datetime
    lived: datetime
    problem: str = ""


@dataclass(frozen=True, slots=True)
class HeldChecks:
    """The state after a look: for how many seconds the checks have held, `since` when they do; None: they do
    not, for the reason `problem`."""

    of: str
    looked_at: datetime
    lived_at: datetime
    since: datetime | None = None
    seconds: float = 0.0
    problem: str = ""


def after(before: HeldChecks | None, look: Look) -> HeldChecks:
    """The state after one more look."""
    anew = HeldChecks(look.of, look.now, look.lived, problem=look.problem)
    if look.problem:
        return anew
    seconds = _between(before, look)
    if before is None or seconds is None:
        return replace(anew, since=look.now)
    return replace(anew, since=before.since, seconds=before.seconds + seconds)


def _between(before: HeldChecks | None, look: Look) -> float | None:
    """The seconds since a look at the same that found all checks passed; None: there is none, or it cannot be
    said. The clock may have been set, and lived time may catch up: the lesser of the two counts."""
    if before is None or before.since is None or before.of != look.of:
        return None
    by_clock = (look.now - before.looked_at).total_seconds()
    by_lived = (look.lived - before.lived_at).total_seconds()
    if not (0 <= by_clock <= MOST_APART_SECONDS and 0 <= by_lived <= MOST_APART_SECONDS):
        return None
    return min(by_clock, by_lived)


def is_due(held: HeldChecks, wanted_seconds: int) -> bool:
    """Whether they have held for so long."""
    return held.since is not None and held.seconds >= wanted_seconds


def not_before(held: HeldChecks, wanted_seconds: int) -> datetime | None:
    """The earliest instant at which they will have held for so long; None while they do not hold. Time that
    did not count, as of a vault that was away, makes it later, by whole minutes."""
    if held.since is None:
        return None
    uncounted = (held.looked_at - held.since).total_seconds() - held.seconds
    later = max(0.0, uncounted) // MINUTE * MINUTE
    return held.since + timedelta(seconds=wanted_seconds + later)


def check(wanted_seconds: int) -> None:
    """Raises InvalidArgument for a setting that is not possible; 0: none."""
    if wanted_seconds and not LEAST_SECONDS <= wanted_seconds <= MOST_SECONDS:
        raise errors.InvalidArgument(
            f"A plan cannot commit by itself after {wanted_seconds} s.",
            do=f"Give {LEAST_SECONDS // 60} minutes to {MOST_SECONDS // DAY} days, or 0 for never.",
        )
