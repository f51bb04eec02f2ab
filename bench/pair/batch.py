"""One verb for all machines, from the request to its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.errors import NotMeasured
from bench.pair.paired_vault import PairedVault
from secondsite.client import Vault
from secondsite.domain import errors
from secondsite.domain.lifecycle import Verb
from secondsite.wire import rest

LOOK_EVERY_SECONDS = 0.5
TELL_EVERY_SECONDS = 15.0
LONGEST_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Seconds since the request: its end, and the end of the first machine's job."""

    seconds: float
    first_seconds: float


def run(paired: PairedVault, verb: Verb, request: rest.MachinesRequest) -> Batch:
    """Raises NotMeasured unless it succeeds for all machines."""
    return started(paired, verb, lambda vault: vault.machines.start(verb, request).id)


def started(paired: PairedVault, verb: Verb, start: Callable[[Vault], str]) -> Batch:
    """The same of a job that is started in any way; `start` gives its id."""
    asked_at = datetime.now(UTC)
    with paired.client() as vault:
        job_id = start(vault)
        paired.say(f"{verb} was accepted after {_since(asked_at, datetime.now(UTC)):.1f} s")
        ended_at = _end(paired, vault, job_id, asked_at)
        ends = [
            each.ended_at for each in vault.jobs.list(verb=verb, since=asked_at, page_size=rest.MOST_PER_PAGE)
        ]
    done = Batch(_since(asked_at, ended_at), min(_since(asked_at, end) for end in ends if end is not None))
    paired.say(f"{verb} took {done.seconds:.1f} s, the first machine {done.first_seconds:.1f} s")
    return done


def _end(paired: PairedVault, vault: Vault, job_id: str, asked_at: datetime) -> datetime:
    """When it ended. The newest job that a person started is looked at, without its children, which costs
    the vault least; one that is too busy closes a kept connection without an answer."""
    deadline, told = time.monotonic() + LONGEST_SECONDS, time.monotonic()
    while time.monotonic() < deadline:
        try:
            job = next(vault.jobs.list(children=False, page_size=1))
        except errors.VaultUnreachable as unanswered:
            paired.say(f"asked again: {unanswered.message}")
            time.sleep(LOOK_EVERY_SECONDS)
            continue
        if job.id != job_id:
            raise NotMeasured(f"somebody else started {job.verb} meanwhile")
        if job.ended_at is not None:
            if job.state is not rest.JobState.SUCCEEDED:
                raise NotMeasured(f"{job.verb} ended {job.state}: {job.problem or job.sentence}")
            return job.ended_at
        if time.monotonic() - told > TELL_EVERY_SECONDS:
            told = time.monotonic()
            paired.say(f"{job.verb} since {_since(asked_at, datetime.now(UTC)):.0f} s: {job.sentence}")
        time.sleep(LOOK_EVERY_SECONDS)
    raise NotMeasured(f"job {job_id} did not end in {LONGEST_SECONDS:.0f} s")


def _since(begin: datetime, end: datetime) -> float:
    return (end - begin).total_seconds()
