"""Held jobs: jobs of a database that was restored or moved, which go on only when a person decides about
each."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from ...ground.job_states import RUNNABLE, JobState, TaskState
from ..model.failures import Refused
from ..model.views import JobView
from ..storage import changed_jobs, journal, read
from ..storage.tables import jobs, tasks


def hold_all(session: Session) -> list[str]:
    """Hold every job that is in progress until a person decides about it; gives their ids. The result of a
    step that is running now is not recorded, and a parked one does not run again."""
    held = update(jobs).where(jobs.c.state.in_(sorted(RUNNABLE)))
    held = held.values(state=JobState.HELD, claim_owner=None)
    ids = sorted(session.execute(held.returning(jobs.c.id)).scalars())
    for job_id in ids:
        changed_jobs.note(session, job_id)
    return ids


def resume(session: Session, job_id: str, now: datetime) -> None:
    """Let a held job and its children go on, as if their steps began now; raises Refused."""
    journal.lock_family(session, job_id)
    job = journal.locked_job(session, job_id)
    if job.state is not JobState.HELD:
        raise Refused("not-held", f"The job is {job.state}.", "Only a held job is resumed.")
    let_go_on(session, job, now)
    for child in read.children_of(session, job_id):
        if child.state is JobState.HELD:
            resume(session, child.id, now)


def let_go_on(session: Session, job: JobView, now: datetime) -> None:
    """Let this one held job go on, without its children."""
    state = JobState.QUEUED if job.started_at is None else JobState.RUNNING
    if job.cancel_requested:
        state = JobState.CANCELLING
    journal.change_job(session, job.id, state=state, ready_at=now)
    begun = update(tasks).where(
        tasks.c.job_id == job.id, tasks.c.state.in_((TaskState.RUNNING, TaskState.WAITING))
    )
    session.execute(begun.values(started_at=now, waiting_since=None, waiting_for=None, deadline_at=None))
