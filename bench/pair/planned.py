"""A recovery plan of all machines: a run of it, one that is cancelled while clients look at its tree, one
whose vault is killed."""

from __future__ import annotations

import functools
import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bench.errors import NotMeasured
from bench.pair import at_work, batch, killed
from bench.pair.batch import Batch
from bench.pair.clients import Asked, asked
from bench.pair.killed import Killed
from bench.pair.paired_vault import PairedVault
from secondsite.client import JobHandle, Vault
from secondsite.domain.lifecycle import Verb
from secondsite.wire import rest

NAME = "all"
GROUPS = 7
CHILDREN = "/api/jobs?parent={job}&limit=100"
CANCEL_IN_GROUP = 3
LOOK_EVERY_SECONDS = 0.2
WITHIN_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Run:
    """`pauses` are the seconds from the end of a group's last machine until the first one of the next
    group began."""

    batch: Batch
    pauses: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What clients saw of the tree of a run, and how long it went on after the last machine of the group
    in which it was cancelled."""

    tree: Asked
    ends_after_seconds: float
    began: int


@dataclass(frozen=True, slots=True)
class Measured:
    """Machines go to the second site by a run, and a commit of them is cancelled."""

    failover: Run
    commit: Cancelled


@functools.cache
def measured(machines: int) -> Measured:
    """Measured once for all figures of a run."""
    with PairedVault(machines, plan_machines=machines) as paired:
        at_work.enable(paired)
        _make(paired)
        return Measured(_failover(paired), _cancelled(paired))


@functools.cache
def killed_in_a_run(machines: int) -> Killed:
    with PairedVault(machines, plan_machines=machines) as paired:
        at_work.enable(paired)
        _make(paired)
        return killed.killed_in(paired, lambda: _run(paired, Verb.FAILOVER)[0])


def _make(paired: PairedVault) -> None:
    size = math.ceil(len(paired.names) / GROUPS)
    groups = [
        rest.PlanGroupChange(machines=paired.names[at : at + size])
        for at in range(0, len(paired.names), size)
    ]
    with paired.client() as vault:
        vault.plans.create(NAME, groups)


def _run(paired: PairedVault, verb: Verb) -> tuple[Batch, str]:
    jobs: list[JobHandle] = []

    def start(vault: Vault) -> str:
        jobs.append(vault.plans[NAME].run(verb))
        return jobs[0].id

    return batch.started(paired, verb, start), jobs[0].id


def _failover(paired: PairedVault) -> Run:
    done, job_id = _run(paired, Verb.FAILOVER)
    with paired.client() as vault:
        found = _by_group(paired, list(vault.jobs[job_id].children()))
    pauses = tuple((_first(later) - _last(one)).total_seconds() for one, later in itertools.pairwise(found))
    paired.say(f"between groups passed {max(pauses):.2f} s at most")
    return Run(done, pauses)


def _cancelled(paired: PairedVault) -> Cancelled:
    """A commit; the run is cancelled when a machine of a group in the middle has ended."""
    with paired.client() as vault:
        job = vault.plans[NAME].run(Verb.COMMIT)
        tree = asked(paired, CHILDREN.format(job=job.id), lambda: _cancel(paired, job))
        done = job.wait(WITHIN_SECONDS, must_succeed=False)
        began = list(job.children())
    assert done.ended_at is not None
    last = max(each.ended_at for each in began if each.ended_at is not None)
    after = (done.ended_at - last).total_seconds()
    paired.say(f"{len(began)} machines had begun; the run ended {after:.2f} s after the last of them")
    if len(began) == len(paired.names):
        raise NotMeasured("all machines had begun before the run was cancelled")
    return Cancelled(tree, after, len(began))


def _cancel(paired: PairedVault, job: JobHandle) -> None:
    """Waits for a machine of that group, cancels, and waits for the end."""
    enough = math.ceil(len(paired.names) / GROUPS) * (CANCEL_IN_GROUP - 1)
    deadline = time.monotonic() + WITHIN_SECONDS
    while job.show().children_by_state.get(rest.JobState.SUCCEEDED, 0) <= enough:
        if time.monotonic() > deadline:
            raise NotMeasured(f"no {enough} machines were committed in {WITHIN_SECONDS:.0f} s")
        time.sleep(LOOK_EVERY_SECONDS)
    job.cancel()
    job.wait(WITHIN_SECONDS, must_succeed=False)


def _by_group(paired: PairedVault, jobs: Sequence[rest.Job]) -> list[list[rest.Job]]:
    size, place = math.ceil(len(paired.names) / GROUPS), {name: at for at, name in enumerate(paired.names)}
    ordered = sorted(jobs, key=lambda job: place[str(job.subject_name)])
    return [list(group) for _, group in itertools.groupby(ordered, lambda job: place[str(job.subject_name)] // size)]  # fmt: skip  # noqa: E501


def _first(group: Sequence[rest.Job]) -> datetime:
    return min(each.started_at for each in group if each.started_at is not None)


def _last(group: Sequence[rest.Job]) -> datetime:
    return max(each.ended_at for each in group if each.ended_at is not None)
