"""Look at jobs: one, many, the tree. Everything works inside the caller's session and changes nothing,
except `forget`, which deletes what retention no longer wants."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from .failures import Refused
from .states import ENDED, MOVING, JobState
from .tables import jobs, tasks
from .views import JobTree, JobView, TaskView, current_steps, in_order, job_view, task_view


def find(session: Session, job_id: str) -> JobView | None:
    """The job, or None."""
    row = session.execute(select(jobs).where(jobs.c.id == job_id)).mappings().one_or_none()
    return None if row is None else job_view(row)


def get(session: Session, job_id: str) -> JobView:
    """The job; raises Refused with code "job-not-found"."""
    job = find(session, job_id)
    if job is None:
        raise Refused("job-not-found", f"There is no job {job_id}", "List the jobs and pick one of them")
    return job


def list_jobs(
    session: Session,
    *,
    states: Iterable[JobState] | None = None,
    subject: str | None = None,
    name: str | None = None,
    since: datetime | None = None,
    parent: str | None = None,
    limit: int = 100,
) -> list[JobView]:
    """Jobs, newest first: those that match every filter given. `since` compares created_at."""
    query = select(jobs).order_by(jobs.c.created_at.desc(), jobs.c.id).limit(limit)
    if states is not None:
        query = query.where(jobs.c.state.in_([str(state) for state in states]))
    if subject is not None:
        query = query.where(jobs.c.subject == subject)
    if name is not None:
        query = query.where(jobs.c.name == name)
    if since is not None:
        query = query.where(jobs.c.created_at >= since)
    if parent is not None:
        query = query.where(jobs.c.parent_job_id == parent)
    return [job_view(row) for row in session.execute(query).mappings()]


def tasks_of(session: Session, job_id: str) -> tuple[TaskView, ...]:
    """The journal of the job, in the order things happened."""
    rows = session.execute(select(tasks).where(tasks.c.job_id == job_id)).mappings()
    return in_order([task_view(row) for row in rows])


def facts_of(session: Session, job_id: str) -> dict[str, dict[str, Any]]:
    """What each step left for later: step name to facts."""
    return {task.name: dict(task.facts) for task in current_steps(tasks_of(session, job_id))}


def children_of(session: Session, job_id: str) -> list[JobView]:
    """The child jobs, in the order they were submitted."""
    order = jobs.c.parent_position, jobs.c.parent_index, jobs.c.created_at, jobs.c.id
    query = select(jobs).where(jobs.c.parent_job_id == job_id).order_by(*order)
    return [job_view(row) for row in session.execute(query).mappings()]


def tree(session: Session, job_id: str) -> JobTree:
    """The job with its tasks and, below it, its children's trees; raises Refused when it is unknown."""
    children = tuple(tree(session, child.id) for child in children_of(session, job_id))
    return JobTree(get(session, job_id), tasks_of(session, job_id), children)


def forget(session: Session, older_than: datetime) -> int:
    """Delete jobs that ended before `older_than`, children with their parent; gives how many parents went."""
    child = jobs.alias()
    still_at_work = exists().where(child.c.parent_job_id == jobs.c.id, child.c.state.in_(sorted(MOVING)))
    old = delete(jobs).where(
        jobs.c.state.in_(sorted(ENDED)),
        jobs.c.ended_at < older_than,
        jobs.c.parent_job_id.is_(None),
        ~still_at_work,
    )
    return len(session.execute(old.returning(jobs.c.id)).all())
