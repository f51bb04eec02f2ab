"""Somebody at the command line who does not lose heart when the vault is killed: starts verbs, follows
jobs."""

import itertools
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from chaos.errors import PromiseBroken
from rig import Rig
from secondsite.domain import errors
from secondsite.domain.lifecycle import Verb
from secondsite.wire import rest

POLL_SECONDS = 0.05


class Operator:
    """Works on one machine of a rig."""

    def __init__(self, rig: Rig, machine: str) -> None:
        self._rig = rig
        self._machine = machine

    def start(self, verb: Verb, request: rest.MachinesRequest, within_seconds: float = 60) -> str:
        """The job's id. An answer that was lost with the vault is looked for among its jobs, never asked
        for twice."""
        asked_at = datetime.now(UTC) - timedelta(seconds=0.5)
        deadline = time.monotonic() + within_seconds
        while time.monotonic() < deadline:
            try:
                with self._rig.client() as vault:
                    known = self._job_since(itertools.islice(vault.jobs, 10), verb, asked_at)
                    return known or vault.machines.start(verb, request).id
            except errors.VaultUnreachable:
                time.sleep(POLL_SECONDS)
        raise PromiseBroken(f"the vault did not take {verb} of {self._machine} for {within_seconds} s")

    def _job_since(self, jobs: Iterable[rest.Job], verb: Verb, asked_at: datetime) -> str | None:
        found = [job.id for job in jobs if job.verb == verb and job.created_at >= asked_at]
        if len(found) > 1:
            raise PromiseBroken(f"{verb} was asked for once and has {len(found)} jobs: {found}")
        return found[0] if found else None

    def follow(self, job_id: str, within_seconds: float = 180) -> rest.Job:
        """The job at its end; raises PromiseBroken with its tasks when it did not succeed or does not end."""
        deadline = time.monotonic() + within_seconds
        job = None
        while time.monotonic() < deadline:
            job = self._look(job_id) or job
            if job is not None and job.ended_at is not None:
                break
            time.sleep(POLL_SECONDS)
        if job is None or job.state != "succeeded":
            shown = self._rig.describe(job) if job else "it was never seen"
            raise PromiseBroken(f"job {job_id} is not succeeded after {within_seconds} s at most: {shown}")
        return job

    def _look(self, job_id: str) -> rest.Job | None:
        try:
            with self._rig.client() as vault:
                return vault.jobs[job_id].show()
        except errors.VaultUnreachable:
            return None

    def machine(self, within_seconds: float = 60) -> rest.Machine:
        deadline = time.monotonic() + within_seconds
        while True:
            try:
                with self._rig.client() as vault:
                    return vault.machines[self._machine].show()
            except errors.VaultUnreachable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(POLL_SECONDS)


def chosen(job: rest.Job, task: str) -> tuple[str | None, float]:
    """The point that a task of the job chose, and its instant in seconds of the epoch. Raises
    PromiseBroken."""
    facts = next(each.facts for each in job.tasks if each.name == task)
    if facts.taken_at is None:
        raise PromiseBroken(f"task '{task}' of {job.verb} does not say which instant it chose")
    return facts.point_id, facts.taken_at.timestamp()
