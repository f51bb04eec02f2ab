"""Finds jobs. All functions work inside the caller's session and change nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, exists, func, null, or_, select
from sqlalchemy.orm import Session

from ...ground.job_states import ENDED, JobState, TaskState
from ..model.asking import OPEN
from ..model.facts import Json
from ..model.views import JobView, TaskKind, TaskView, in_order, job_view, task_view
from .prepared import PreparedStatement, Row, SubsetQuery
from .tables import jobs, tasks

PORTION = 200
Place = tuple[datetime, str]
"""The place where a list ended: when its last job was created, and that job's id."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Jobs that somebody may see some of: those that `by` started, those of `kinds`, those whose subject is
    among `subjects` (a query of ids), and those that have one of these words in their arguments."""

    by: str
    kinds: frozenset[str]
    subjects: Select[tuple[str]]
    arguments: tuple[tuple[str, str], ...]

    def condition(self) -> ColumnElement[bool]:
        words = (jobs.c.arguments[key].as_string() == word for key, word in self.arguments)
        named = jobs.c.name.in_(sorted(self.kinds))
        return or_(jobs.c.requested_by == self.by, named, jobs.c.subject.in_(self.subjects), *words)


@dataclass(frozen=True, slots=True)
class JobQuery:
    """A query for jobs that match all given fields. Times are compared with created_at; `children` false
    leaves out jobs that another job started; `verb` is the definition's name, or the `verb` in its
    arguments."""

    states: frozenset[JobState] = frozenset()
    subject: str | None = None
    verb: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    children: bool = True
    parent: str | None = None
    subject_name: str | None = None
    """The name of the subject when the job was made."""
    named: str | None = None
    """A part of that name, in capitals or not as far as the database knows letters."""
    scope: Scope | None = None


EVERY = JobQuery()
_OF_SUBJECT = PreparedStatement(
    select(jobs)
    .where(jobs.c.subject == bindparam("wanted"), jobs.c.name == bindparam("called"))
    .order_by(jobs.c.created_at.desc(), jobs.c.id)
)


def find(
    session: Session, wanted: JobQuery = EVERY, limit: int = 100, after: Place | None = None
) -> list[JobView]:
    """At most `limit` jobs, newest first; with `after`, those that come after that place."""
    query = select(jobs).where(*_conditions(wanted))
    query = query.order_by(jobs.c.created_at.desc(), jobs.c.id).limit(limit)
    if after is not None:
        created_at, job_id = after
        beside = and_(jobs.c.created_at == created_at, jobs.c.id > job_id)
        query = query.where(or_(jobs.c.created_at < created_at, beside))
    return [job_view(row) for row in session.execute(query).mappings()]


def oldest_first(session: Session, wanted: JobQuery = EVERY) -> Iterator[JobView]:
    """All matching jobs, oldest first; little more is read than is taken."""
    query = select(jobs).where(*_conditions(wanted)).order_by(jobs.c.created_at, jobs.c.id).limit(PORTION)
    found = [job_view(row) for row in session.execute(query).mappings()]
    while found:
        yield from found
        last = found[-1]
        beside = and_(jobs.c.created_at == last.created_at, jobs.c.id > last.id)
        rest = query.where(or_(jobs.c.created_at > last.created_at, beside))
        found = [job_view(row) for row in session.execute(rest).mappings()]


def any_of(session: Session, subject: str) -> bool:
    """Whether there is any job with this subject."""
    return session.execute(select(jobs.c.id).where(jobs.c.subject == subject).limit(1)).first() is not None


def of_subject(session: Session, subject: str, name: str) -> list[JobView]:
    """The subject's jobs of that name in any state, newest first."""
    return [job_view(row) for row in _OF_SUBJECT.all(session, {"wanted": subject, "called": name})]


def ids_beginning(session: Session, beginning: str, limit: int) -> list[str]:
    """The job ids with this prefix, in order; at most `limit`."""
    query = select(jobs.c.id).where(jobs.c.id.startswith(beginning, autoescape=True)).order_by(jobs.c.id)
    return list(session.execute(query.limit(limit)).scalars())


def by_ids(session: Session, job_ids: Sequence[str]) -> list[JobView]:
    """The jobs with these ids that exist."""
    query = select(jobs).where(jobs.c.id.in_(job_ids)).order_by(jobs.c.created_at.desc(), jobs.c.id)
    return [job_view(row) for row in session.execute(query).mappings()]


_IS_OPEN = or_(*(tasks.c.state == str(state) for state in OPEN))
# Of a page of moving jobs the rest, and decoding the facts of all, took most of the time.
_UNDER_WAY = SubsetQuery(
    select(
        tasks.c.job_id, tasks.c.kind, tasks.c.position, tasks.c.attempt, tasks.c.key, tasks.c.title,
        tasks.c.state, tasks.c.sentence, tasks.c.started_at, tasks.c.progress,
        case((_IS_OPEN, tasks.c.facts), else_=null()).label("facts"),
    ),
    tasks.c.job_id,
)  # fmt: skip
_NOT_READ: Row = {
    "id": 0, "partial": False, "error": None, "ended_at": None, "waiting_for": None,
    "waiting_since": None, "deadline_at": None, "signalled": False,
}  # fmt: skip


def tasks_by_job(session: Session, job_ids: Sequence[str]) -> dict[str, tuple[TaskView, ...]]:
    """The tasks of each of these jobs that has any, in the order of events: their places, names, states,
    how far they are, and when they began. Those in progress have their facts, too; all else is empty."""
    found: dict[str, list[TaskView]] = {}
    for row in _UNDER_WAY.all(session, job_ids):
        task = task_view({**_NOT_READ, **row, "facts": row["facts"] or {}})
        found.setdefault(task.job_id, []).append(task)
    return {job_id: in_order(each) for job_id, each in found.items()}


def children_by_state(session: Session, job_id: str) -> dict[JobState, int]:
    """The number of child jobs in each state."""
    query = select(jobs.c.state, func.count()).where(jobs.c.parent_job_id == job_id).group_by(jobs.c.state)
    return {JobState(state): number for state, number in session.execute(query.order_by(jobs.c.state))}


def ids_of_children(session: Session, job_id: str, limit: int | None = None) -> list[str]:
    """The ids of the child jobs, in the order they were submitted."""
    order = jobs.c.parent_position, jobs.c.parent_index, jobs.c.created_at, jobs.c.id
    query = select(jobs.c.id).where(jobs.c.parent_job_id == job_id).order_by(*order).limit(limit)
    return list(session.execute(query).scalars())


_STEPS_SEEN = PreparedStatement(
    select(
        jobs.c.state, jobs.c.ending, jobs.c.cancel_requested, jobs.c.attempt,
        tasks.c.position, tasks.c.key, tasks.c.title, tasks.c.started_at, tasks.c.facts,
    )
    .join(tasks, tasks.c.job_id == jobs.c.id)
    .where(jobs.c.id == bindparam("wanted"), tasks.c.kind == TaskKind.STEP)
    .order_by(tasks.c.attempt)
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class HowFar:
    """The progress of the child jobs at a place: the number of all, of those that have reached a given step,
    and of the ended ones that succeeded, at least partially, and that did not."""

    all: int
    there: int
    succeeded: int
    others: int

    @property
    def open(self) -> int:
        return self.all - self.succeeded - self.others


def how_far(session: Session, parent_job_id: str, position: int, key: str) -> HowFar:
    """The progress, without reading the jobs. A job has reached the step `key` once it has begun, unless it
    failed."""
    is_there = exists().where(
        tasks.c.job_id == jobs.c.id,
        tasks.c.key == key,
        tasks.c.started_at.is_not(None),
        tasks.c.state != TaskState.FAILED,
    )
    is_good = jobs.c.state.in_((JobState.SUCCEEDED, JobState.PARTIALLY_SUCCEEDED))
    counted = select(
        func.count(),
        func.count().filter(is_there),
        func.count().filter(is_good),
        func.count().filter(jobs.c.state.in_(sorted(ENDED)), ~is_good),
    ).where(jobs.c.parent_job_id == parent_job_id, jobs.c.parent_position == position)
    return HowFar(*session.execute(counted).one())


@dataclass(frozen=True, slots=True)
class StepView:
    """The latest attempt at a step of a job, as far as other jobs depend on it. `attempt`, and whether it has
    ended or turns back, are the job's."""

    has_ended: bool
    turns_back: bool
    attempt: int
    key: str
    title: str
    has_begun: bool
    facts: Json

    @property
    def is_going_on(self) -> bool:
        return not (self.has_ended or self.turns_back)


def steps_seen(session: Session, job_id: str) -> list[StepView]:
    """All of the job's steps, in their order; none for a job that does not exist. A thousand jobs may look at
    one: its arguments, which grow with their number, are not read."""
    latest = {row["position"]: row for row in _STEPS_SEEN.all(session, {"wanted": job_id})}
    return [_seen(latest[position]) for position in sorted(latest)]


def _seen(row: Row) -> StepView:
    return StepView(
        has_ended=JobState(row["state"]).ended,
        turns_back=row["ending"] is not None or row["cancel_requested"],
        attempt=row["attempt"],
        key=row["key"],
        title=row["title"],
        has_begun=row["started_at"] is not None,
        facts=row["facts"],
    )


def _conditions(wanted: JobQuery) -> Iterator[ColumnElement[bool]]:
    if wanted.states:
        yield jobs.c.state.in_(sorted(wanted.states))
    yield from _about(wanted)
    if wanted.verb is not None:
        yield or_(jobs.c.name == wanted.verb, jobs.c.arguments["verb"].as_string() == wanted.verb)
    if wanted.since is not None:
        yield jobs.c.created_at >= wanted.since
    if wanted.before is not None:
        yield jobs.c.created_at < wanted.before
    if wanted.parent is not None:
        yield jobs.c.parent_job_id == wanted.parent
    if wanted.scope is not None:
        yield wanted.scope.condition()
    if not wanted.children:
        yield jobs.c.parent_job_id.is_(None)


def _about(wanted: JobQuery) -> Iterator[ColumnElement[bool]]:
    if wanted.subject is not None:
        yield jobs.c.subject == wanted.subject
    if wanted.subject_name is not None:
        yield jobs.c.subject_name == wanted.subject_name
    if wanted.named is not None:
        yield func.lower(jobs.c.subject_name).contains(wanted.named.lower(), autoescape=True)
