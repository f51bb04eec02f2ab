"""A vault that is killed in the middle of a batch, and started again at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.errors import NotMeasured
from bench.pair import at_work
from bench.pair.batch import Batch
from bench.pair.paired_vault import PairedVault
from rig.background import Background
from secondsite.domain.lifecycle import State, Verb
from secondsite.wire import rest

KILL_AT_SHARE = 0.2
LOOK_EVERY_SECONDS = 0.2
WITHIN_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Killed:
    """Seconds since the new process was started: until it served, and until the next machine's job had
    ended; `seconds` is the whole batch, since its request. `ended_before` jobs had ended when the vault
    was killed."""

    ready_seconds: float
    goes_on_seconds: float
    seconds: float
    ended_before: int


def measured(machines: int) -> Killed:
    """Raises NotMeasured unless every machine's failover succeeds."""
    with PairedVault(machines) as paired:
        at_work.enable(paired)
        return killed_in(paired, lambda: at_work.failover(paired))


def killed_in(paired: PairedVault, failover: Callable[[], Batch]) -> Killed:
    """In the middle of this failover of all machines."""
    began_at, batches = datetime.now(UTC), list[Batch]()
    with Background({"batch": lambda: batches.append(failover())}, within_seconds=WITHIN_SECONDS):
        _wait_until_some_ended(paired)
        paired.vault.kill()
        started_at = datetime.now(UTC)
        paired.vault.start()
        ready_at = datetime.now(UTC)
    return _of(_ends(paired, began_at), batches[0].seconds, started_at, ready_at)


def _wait_until_some_ended(paired: PairedVault) -> None:
    deadline, wanted = time.monotonic() + WITHIN_SECONDS, KILL_AT_SHARE * len(paired.names)
    with paired.client() as vault:
        while vault.summary().by_state.get(State.FAILED_OVER, 0) < wanted:
            if time.monotonic() > deadline:
                raise NotMeasured(f"no {wanted:.0f} machines were failed over in {WITHIN_SECONDS:.0f} s")
            time.sleep(LOOK_EVERY_SECONDS)


def _ends(paired: PairedVault, began_at: datetime) -> Sequence[datetime]:
    """Of the machines' jobs."""
    with paired.client() as vault:
        jobs = vault.jobs.list(verb=Verb.FAILOVER, since=began_at, page_size=rest.MOST_PER_PAGE)
        return [job.ended_at for job in jobs if job.parent_id is not None and job.ended_at is not None]


def _of(ends: Sequence[datetime], seconds: float, started_at: datetime, ready_at: datetime) -> Killed:
    later = [each for each in ends if each > started_at]
    if not later:
        raise NotMeasured("all machines had ended before the vault was killed")
    return Killed(
        (ready_at - started_at).total_seconds(), (min(later) - started_at).total_seconds(), seconds,
        len(ends) - len(later)
    )  # fmt: skip
