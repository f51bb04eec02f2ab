"""The writes to jobs and tasks. Each works in the caller's transaction, after `fence` has locked the job.

Every write names the state that it starts from, so that a second try after a lost reply changes nothing.
"""

import functools
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Table, bindparam, or_, select, update
from sqlalchemy.orm import Session

from ...ground.job_states import JobState, TaskState
from ..model.facts import Json, to_json
from ..model.failures import Failure, LeaseLost
from ..model.outcomes import Done, Wait
from ..model.views import JobView, TaskKind, TaskView, job_view, task_view
from . import changed_jobs, read
from .prepared import PreparedStatement, as_new, new_values, one_of
from .tables import jobs, tasks

_LOCKED = PreparedStatement(select(jobs).where(jobs.c.id == bindparam("wanted")).with_for_update())
_AS_OTHERS_CHANGE_IT = ("state", "attempt", "cancel_requested", "ending")
_CLAIMED = PreparedStatement(
    select(jobs.c.claim_owner, jobs.c.claim_epoch, *(jobs.c[name] for name in _AS_OTHERS_CHANGE_IT))
    .where(jobs.c.id == bindparam("wanted"))
    .with_for_update()
)
_TASK = PreparedStatement(select(tasks).where(tasks.c.id == bindparam("wanted")))
_UNREACHED = (TaskState.QUEUED,)
_MOVING = (TaskState.QUEUED, TaskState.RUNNING, TaskState.WAITING)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write to one job, until somebody claims it with a higher epoch."""

    job_id: str
    owner: str
    epoch: int


def lock_job(session: Session, job_id: str) -> JobView | None:
    """The job, locked until the transaction ends; None when it does not exist."""
    changed_jobs.note(session, job_id)
    row = _LOCKED.one(session, {"wanted": job_id})
    return None if row is None else job_view(row)


def locked_job(session: Session, job_id: str) -> JobView:
    """As `lock_job`; raises Refused when it does not exist."""
    return lock_job(session, job_id) or read.get(session, job_id)


def lock_family(session: Session, job_id: str) -> None:
    """Lock the job and its children in the order of their ids: whoever locks several jobs has to use this
    order, or two transactions wait for each other. On SQLite there is one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        family = or_(jobs.c.id == job_id, jobs.c.parent_job_id == job_id)
        session.execute(select(jobs.c.id).where(family).order_by(jobs.c.id).with_for_update())


def fence(session: Session, claim: Claim) -> JobView:
    """Lock the job and make sure that the claim still holds; raises LeaseLost."""
    job = lock_job(session, claim.job_id)
    if job is None or job.claim_owner != claim.owner or job.claim_epoch != claim.epoch:
        raise LeaseLost(claim.job_id)
    return job


def is_as_seen(session: Session, claim: Claim, seen: JobView) -> bool:
    """As `fence`, for a job that was read before: whether nobody in this transaction, and nobody who changes
    its course, has written to it since. Reads a few columns instead of the whole job and its tasks."""
    is_touched = claim.job_id in changed_jobs.noted(session)
    changed_jobs.note(session, claim.job_id)
    row = _CLAIMED.one(session, {"wanted": claim.job_id})
    if row is None or (row["claim_owner"], row["claim_epoch"]) != (claim.owner, claim.epoch):
        raise LeaseLost(claim.job_id)
    return not is_touched and all(row[name] == getattr(seen, name) for name in _AS_OTHERS_CHANGE_IT)


def change_job(session: Session, job_id: str, **values: object) -> None:
    _change(jobs, tuple(values)).change(session, {"wanted": job_id, **as_new(values)})


def change_task(session: Session, task_id: int, **values: object) -> None:
    _change(tasks, tuple(values)).change(session, {"wanted": task_id, **as_new(values)})


@functools.cache
def _change(table: Table, names: tuple[str, ...]) -> PreparedStatement:  # type: ignore[explicit-any]  # what a column has
    """The update of these columns, prepared for the few sets of columns that are changed together."""
    return PreparedStatement(
        update(table).where(table.c.id == bindparam("wanted")).values(new_values(table, names))
    )


def get_task(session: Session, task_id: int) -> TaskView:
    row = _TASK.one(session, {"wanted": task_id})
    assert row is not None  # a job's tasks stay as long as the job
    return task_view(row)


def add_task(
    session: Session,
    job_id: str,
    kind: TaskKind,
    position: int,
    attempt: int,
    key: str,
    title: str,
    facts: Json | None = None,
) -> int:
    """A queued task; gives its id."""
    row = tasks.insert().values(**queued_task(job_id, kind, position, attempt, key, title, facts))
    task_id: int = session.execute(row.returning(tasks.c.id)).scalar_one()
    return task_id


def queued_task(
    job_id: str, kind: TaskKind, position: int, attempt: int, key: str, title: str, facts: Json | None = None
) -> dict[str, object]:
    """The row of a task that has not begun."""
    return {
        "job_id": job_id,
        "kind": kind,
        "position": position,
        "attempt": attempt,
        "key": key,
        "title": title,
        "state": TaskState.QUEUED,
        "sentence": "",
        "progress": 0.0,
        "partial": False,
        "facts": facts or {},
        "signalled": False,
    }


def undo_task_id(session: Session, job: JobView, step: TaskView) -> int:
    """The task that undoes `step` in the job's present attempt; it is made only once."""
    mine = select(tasks.c.id).where(
        tasks.c.job_id == job.id,
        tasks.c.kind == TaskKind.UNDO,
        tasks.c.position == step.position,
        tasks.c.attempt == job.attempt,
    )
    found: int | None = session.execute(mine).scalar_one_or_none()
    if found is not None:
        return found
    title = f"Undo: {step.title}"
    return add_task(session, job.id, TaskKind.UNDO, step.position, job.attempt, step.key, title)


def begin_task(session: Session, job: JobView, task: TaskView, now: datetime) -> TaskView:
    """The task as running, since now or since it first began; signals that came before count as used by this
    run."""
    begun = replace(task, state=TaskState.RUNNING, started_at=task.started_at or now, signalled=False)
    change_task(session, task.id, state=begun.state, started_at=begun.started_at, signalled=False)
    if job.state not in (JobState.CANCELLING, JobState.RUNNING):
        change_job(session, job.id, state=JobState.RUNNING)
    return begun


def end_task(
    session: Session,
    task: TaskView,
    state: TaskState,
    now: datetime,
    *,
    sentence: str,
    progress: float | None = None,
    partial: bool = False,
    facts: Json | None = None,
) -> TaskView:
    """End the task; gives it in its new state."""
    ended = replace(
        task,
        state=state,
        ended_at=now,
        waiting_for=None,
        deadline_at=None,
        sentence=sentence,
        progress=task.progress if progress is None else progress,
        partial=partial,
        facts=task.facts if facts is None else facts,
    )
    changed = ("state", "ended_at", "waiting_for", "deadline_at", "sentence", "progress", "partial", "facts")
    change_task(session, task.id, **{name: getattr(ended, name) for name in changed})
    return ended


def record_done(session: Session, task: TaskView, done: Done, now: datetime) -> TaskView:
    return end_task(
        session,
        task,
        TaskState.SUCCEEDED,
        now,
        sentence=done.sentence,
        progress=1.0,
        partial=done.partial,
        facts={**task.facts, **to_json(done.facts)},
    )


def skip_task(
    session: Session, task: TaskView, why: str, now: datetime, *, partial: bool = False
) -> TaskView:
    return end_task(session, task, TaskState.SKIPPED, now, sentence=why, progress=1.0, partial=partial)


def record_failed(session: Session, task: TaskView, failure: Failure, now: datetime) -> None:
    values = {"state": TaskState.FAILED, "ended_at": now, "waiting_for": None, "deadline_at": None}
    change_task(session, task.id, **values, sentence=failure.message, error=failure.as_dict())


def register_wait(session: Session, task: TaskView, wait: Wait, since: datetime) -> datetime:
    """The task stays running, but signals for it are noted from now on; gives its deadline."""
    deadline_at = since + timedelta(seconds=wait.deadline_seconds)
    progress = {} if wait.progress is None else {"progress": min(max(wait.progress, 0.0), 1.0)}
    change_task(
        session,
        task.id,
        waiting_for=wait.signal,
        waiting_since=since,
        deadline_at=deadline_at,
        sentence=wait.why,
        signalled=False,
        **progress,
    )
    return deadline_at


def sleep(session: Session, job: JobView, task: TaskView, ready_at: datetime) -> None:
    """Let go of the job until a signal or `ready_at`."""
    change_task(session, task.id, state=TaskState.WAITING)
    state = JobState.CANCELLING if job.state is JobState.CANCELLING else JobState.WAITING
    change_job(session, job.id, state=state, ready_at=ready_at, claim_owner=None)


def close_unreached(session: Session, job_id: str, why: str, now: datetime) -> None:
    """Cancel the steps that will not be reached; `why` is recorded."""
    _close(session, job_id, _UNREACHED, why, now)


def close_all(session: Session, job_id: str, why: str, now: datetime) -> None:
    """End all open tasks of a job that ends."""
    _close(session, job_id, _MOVING, why, now)


def _close(session: Session, job_id: str, states: tuple[TaskState, ...], why: str, now: datetime) -> None:
    _closing(states).change(session, {"wanted": job_id, "why": why, "now": now})


@functools.cache
def _closing(states: tuple[TaskState, ...]) -> PreparedStatement:
    moving = update(tasks).where(tasks.c.job_id == bindparam("wanted"), one_of(tasks.c.state, states))
    said = {"sentence": bindparam("why"), "ended_at": bindparam("now", type_=tasks.c.ended_at.type)}
    return PreparedStatement(moving.values(state=TaskState.CANCELLED, waiting_for=None, **said))
