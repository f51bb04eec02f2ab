"""What a site gives to the verification of recovery points: copies that are booted only to be looked at.
Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from . import errors, shell
from .amounts import exact_size
from .bandwidth_schedule import seconds_of_day
from .drills.networks import NO_NETWORK

ISOLATED = "isolated"
NETWORKS = (NO_NETWORK, ISOLATED)
MOST_DAYS = 90
MOST_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class VerificationBudget:
    """The limits for copies of a site's replicas: at most `at_once`, with at most `memory_bytes` of memory
    together (None: no limit). By schedule each machine is looked at every `every_days` days (0: never), from
    `begins` to `ends` (UTC, past midnight if `ends` is earlier)."""

    every_days: int = 0
    at_once: int = 1
    memory_bytes: int | None = None
    begins: str = "00:00"
    ends: str = "24:00"
    network: str = NO_NETWORK

    def __post_init__(self) -> None:
        seconds_of_day(self.begins)
        seconds_of_day(self.ends)
        if not 0 <= self.every_days <= MOST_DAYS:
            raise errors.InvalidArgument(
                f"Every {self.every_days} days is not possible.",
                do=f"Give 1 to {MOST_DAYS} days; 0: never by schedule.",
            )
        if not 1 <= self.at_once <= MOST_AT_ONCE:
            raise errors.InvalidArgument(
                f"{self.at_once} copies at once are not possible.", do=f"Give 1 to {MOST_AT_ONCE}."
            )
        if self.network not in NETWORKS:
            raise errors.InvalidArgument(
                f"'{self.network}' is no network for a copy that is only looked at.",
                do=f"Give {' or '.join(NETWORKS)}.",
            )


UNSET = VerificationBudget()
"""A site without settings: copies on demand only, one at a time."""


def is_open(budget: VerificationBudget, now: datetime) -> bool:
    """Whether the schedule may start something at `now` (UTC)."""
    second = now.hour * 3600 + now.minute * 60 + now.second
    begins, ends = seconds_of_day(budget.begins), seconds_of_day(budget.ends)
    if budget.every_days == 0:
        return False
    return begins <= second < ends if begins < ends else second >= begins or second < ends


def has_room(budget: VerificationBudget, others: Sequence[int], memory_bytes: int) -> bool:
    """Whether a copy with `memory_bytes` fits beside `others`, given by their memory in bytes."""
    within = budget.memory_bytes is None or sum(others) + memory_bytes <= budget.memory_bytes
    return within and len(others) < budget.at_once


def require_possible(budget: VerificationBudget, site: str, machine: str, memory_bytes: int) -> None:
    """Raises NotPossibleNow for a machine that is too large ever to be looked at."""
    if not has_room(budget, (), memory_bytes):
        raise errors.NotPossibleNow(
            f"{machine} has {exact_size(memory_bytes)} of memory; site {site} gives "
            f"{exact_size(budget.memory_bytes or 0)} to all copies that are booted to be looked at.",
            do=(
                f"'secondsite site verify {site} --memory 8GiB' gives more; or give the machine less there: "
                f"'secondsite machine set {shell.arguments(machine, options='--memory 8GiB')}'."
            ),
        )


# Which machine's point is booted next.

AGAIN_AFTER = timedelta(minutes=15)
"""How long after a copy that could not be looked at, or was given up, the next one is tried."""
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class VerificationCandidate:
    """A machine whose turn may be due. `looked_at`: when a machine started from one of its points was last
    looked at, by anybody; `tried_at`: when a copy since then could not be looked at (UTC)."""

    machine_id: str
    looked_at: datetime | None = None
    tried_at: datetime | None = None


def due(turns: Iterable[VerificationCandidate], every_days: int, now: datetime) -> list[str]:
    """Ids of the machines that are due, the one looked at longest ago first. A clock that was ahead delays
    none."""
    found = [
        each
        for each in turns
        if _is_over(each.looked_at, timedelta(days=every_days), now)
        and _is_over(each.tried_at, AGAIN_AFTER, now)
    ]
    return [
        each.machine_id for each in sorted(found, key=lambda each: (each.looked_at or NEVER, each.machine_id))
    ]


def _is_over(since: datetime | None, lasts: timedelta, now: datetime) -> bool:
    return since is None or not since <= now < since + lasts
