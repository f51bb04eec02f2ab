"""Look at a job: alone, with its tasks, as a tree. Everything works inside the caller's session and
changes nothing, except `forget`, which deletes what retention no longer keeps."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel
from sqlalchemy import ColumnElement, bindparam, delete, exists, func, select
from sqlalchemy.orm import Session

from ...ground.job_states import ENDED, MOVING
from ..model.failures import Refused
from ..model.views import JobTree, JobView, TaskView, current_steps, in_order, job_view, task_view
from .prepared import PreparedStatement
from .tables import jobs, tasks

M = TypeVar("M", bound=BaseModel)
AT_ONCE = 500
"""Ids in one query: databases have limits."""
_JOB = PreparedStatement(select(jobs).where(jobs.c.id == bindparam("wanted")))
_TASKS = PreparedStatement(select(tasks).where(tasks.c.job_id == bindparam("wanted")))


def find(session: Session, job_id: str) -> JobView | None:
    """The job, or None."""
    row = _JOB.one(session, {"wanted": job_id})
    return None if row is None else job_view(row)


def get(session: Session, job_id: str) -> JobView:
    """The job; raises Refused with code "job-not-found"."""
    job = find(session, job_id)
    if job is None:
        raise Refused("job-not-found", f"There is no job {job_id}", "List the jobs and pick one of them")
    return job


def tasks_of(session: Session, job_id: str) -> tuple[TaskView, ...]:
    """The journal of the job, in the order things happened."""
    return in_order([task_view(row) for row in _TASKS.all(session, {"wanted": job_id})])


def facts_of(session: Session, job_id: str, step: str, model: type[M]) -> M | None:
    """The facts that the step with that key left; None when it left none or has not run."""
    left = [
        task.facts for task in current_steps(tasks_of(session, job_id)) if task.key == step and task.facts
    ]
    return model.model_validate(left[0]) if left else None


def children_of(session: Session, job_id: str) -> list[JobView]:
    """The child jobs, in the order they were submitted."""
    order = jobs.c.parent_position, jobs.c.parent_index, jobs.c.created_at, jobs.c.id
    query = select(jobs).where(jobs.c.parent_job_id == job_id).order_by(*order)
    return [job_view(row) for row in session.execute(query).mappings()]


def states_of_children(session: Session, job_id: str) -> dict[str, int]:
    """How many child jobs there are in each state, without reading them."""
    query = select(jobs.c.state, func.count().label("number"))
    query = query.where(jobs.c.parent_job_id == job_id).group_by(jobs.c.state)
    return {row.state: row.number for row in session.execute(query)}


def tree(session: Session, job_id: str) -> JobTree:
    """The job with its tasks and, below it, its children's trees; raises Refused when it is unknown."""
    children = tuple(tree(session, child.id) for child in children_of(session, job_id))
    return JobTree(get(session, job_id), tasks_of(session, job_id), children)


def forget(session: Session, older_than: datetime) -> int:
    """Delete jobs that ended before `older_than`, children with their parent; gives the number of parents
    deleted."""
    child = jobs.alias()
    still_at_work = exists().where(child.c.parent_job_id == jobs.c.id, child.c.state.in_(sorted(MOVING)))
    old = delete(jobs).where(
        jobs.c.state.in_(sorted(ENDED)),
        jobs.c.ended_at < older_than,
        jobs.c.parent_job_id.is_(None),
        ~still_at_work,
    )
    return len(session.execute(old.returning(jobs.c.id)).all())


def ended_since(session: Session, since: datetime) -> list[JobView]:
    """Jobs that ended at or after `since`, but not children; the oldest first."""
    return _ended(session, jobs.c.ended_at >= since, jobs.c.parent_job_id.is_(None))


def ended_among(session: Session, job_ids: Sequence[str], children: bool = False) -> list[JobView]:
    """Which of these jobs ended; children only if they are asked for."""
    of_its_own = () if children else (jobs.c.parent_job_id.is_(None),)
    found: list[JobView] = []
    for begin in range(0, len(job_ids), AT_ONCE):
        found += _ended(session, jobs.c.id.in_(job_ids[begin : begin + AT_ONCE]), *of_its_own)
    return found


def count_moving(session: Session) -> dict[tuple[str, str], int]:
    """How many jobs are in progress, children too, by name and state."""
    return _counted(session, jobs.c.state.in_(sorted(MOVING)))


def count_ended(session: Session, after: datetime, until: datetime) -> dict[tuple[str, str], int]:
    """How many jobs ended after the one instant, until the other one, children too, by name and state."""
    return _counted(
        session, jobs.c.state.in_(sorted(ENDED)), jobs.c.ended_at > after, jobs.c.ended_at <= until
    )


def _counted(session: Session, *where: ColumnElement[bool]) -> dict[tuple[str, str], int]:
    query = select(jobs.c.name, jobs.c.state, func.count().label("number")).where(*where)
    found = session.execute(query.group_by(jobs.c.name, jobs.c.state))
    return {(row.name, row.state): row.number for row in found}


def _ended(session: Session, *where: ColumnElement[bool]) -> list[JobView]:
    query = select(jobs).where(*where, jobs.c.state.in_(sorted(ENDED)))
    return [job_view(row) for row in session.execute(query.order_by(jobs.c.ended_at)).mappings()]
