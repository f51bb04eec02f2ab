"""Jobs as the faces show them, and what a person may do with one."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...domain import errors
from ...jobs import failures, plan, read, tables
from ...jobs.states import ENDED, MOVING, JobState, TaskState
from ...jobs.views import JobTree, JobView, TaskView, job_view
from ...wire.base import Problem
from ...wire.rest import JobShape, TaskShape
from .. import ports
from ..steps.batch import BATCH
from .parts import Parts

ENDED_WORDS = frozenset(state.value for state in ENDED)
MAX_LISTED = 1000
NAMED = 3
"""So many machines of a job are named, the others counted."""


class Jobs:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(
        self,
        state: str | None = None,
        machine: str | None = None,
        limit: int = 50,
        children: bool = True,
    ) -> Sequence[JobShape]:
        """Newest first, without their tasks; without `children` only those that no other job started.

        Raises InvalidArgument for an unknown state, or a machine's name that several have.
        """
        states = None if state is None else [_state(state)]
        most = max(1, min(limit, MAX_LISTED))
        with self._parts.store.reading() as tx:
            subject = None if machine is None else self._subject(tx, machine)
            if children:
                found = read.list_jobs(tx.session, states=states, subject=subject, limit=most)
            else:
                found = _top(tx.session, states, subject, most)
            return [self._listed(tx.session, job) for job in found]

    def show(self, job_id: str) -> JobShape:
        """With its tasks. The id may be given by its beginning. Raises NotFound or InvalidArgument."""
        return self.tree(job_id)[0]

    def tree(self, job_id: str) -> Sequence[JobShape]:
        """The job and all below it, parents first. Raises NotFound or InvalidArgument."""
        with _translated(), self._parts.store.reading() as tx:
            return list(self._flat(read.tree(tx.session, _full_id(tx.session, job_id))))

    def cancel(self, job_id: str) -> JobShape:
        """Asks the job to turn back at its next boundary. Raises NotFound, InvalidArgument or NotPossibleNow."""
        with _translated(), self._parts.store.transaction() as tx:
            full_id = _full_id(tx.session, job_id)
            self._parts.jobs.cancel(tx.session, full_id)
        return self.show(full_id)

    def retry(self, job_id: str) -> JobShape:
        """Runs a failed job again from where it failed. Raises NotFound, InvalidArgument or NotPossibleNow."""
        with _translated(), self._parts.store.transaction() as tx:
            full_id = _full_id(tx.session, job_id)
            self._parts.jobs.retry(tx.session, full_id)
        return self.show(full_id)

    def _subject(self, tx: ports.Transaction, machine: str) -> str:
        """Jobs outlive their machine's protection, so an id that is no longer there is taken as it is."""
        found = tx.machines.find(machine)
        return found.id if found else machine

    def _flat(self, tree: JobTree) -> Iterator[JobShape]:
        yield self._shape(tree.job, tree.tasks, tuple(child.job.id for child in tree.children))
        for child in tree.children:
            yield from self._flat(child)

    def _listed(self, session: Session, job: JobView) -> JobShape:
        """What a moving job is doing stands in its tasks."""
        tasks = read.tasks_of(session, job.id) if job.state in MOVING else ()
        return self._shape(job, tasks, ()).model_copy(update={"tasks": ()})

    def _shape(self, job: JobView, tasks: Sequence[TaskView], children: tuple[str, ...]) -> JobShape:
        return JobShape(
            id=job.id,
            verb=str(job.arguments.get("verb", job.name)),
            subject=job.subject,
            subject_name=_several(job.subject_name) if job.name == BATCH else job.subject_name,
            state=job.state.value,
            sentence=_sentence(job, tasks),
            requested_by=job.requested_by,
            created_at=job.created_at,
            started_at=job.started_at,
            ended_at=job.ended_at,
            parent_id=job.parent_job_id,
            children=children,
            tasks=tuple(_task(task) for task in tasks),
            problem=_problem(job.error),
            cancelable=self._is_cancelable(job, tasks),
        )

    def _is_cancelable(self, job: JobView, tasks: Sequence[TaskView]) -> bool:
        definition = self._parts.catalogue.find(job.name)
        if definition is None or not definition.cancelable or job.state not in MOVING:
            return False
        if job.cancel_requested or job.ending is not None:
            return False
        return not tasks or plan.can_honour_cancel(tasks, definition)


@contextmanager
def _translated() -> Iterator[None]:
    """The engine's refusals in the domain's words."""
    try:
        yield
    except failures.Refused as refused:
        kind = errors.NotFound if refused.code == "job-not-found" else errors.NotPossibleNow
        raise kind(refused.message, do=refused.do) from refused


def _full_id(session: Session, beginning: str) -> str:
    """The id that begins so. Raises NotFound, or InvalidArgument when several do."""
    ids = tables.jobs.c.id
    query = select(ids).where(ids.startswith(beginning, autoescape=True)).order_by(ids).limit(4)
    found = list(session.execute(query).scalars())
    if beginning in found or len(found) == 1:
        return beginning if beginning in found else found[0]
    if found:
        raise errors.InvalidArgument(
            f"Several jobs have ids that begin with '{beginning}'.",
            do=f"Give more of the id: {', '.join(found)}.",
        )
    raise errors.NotFound.named("job", beginning)


def _top(
    session: Session, states: Iterable[JobState] | None, subject: str | None, limit: int
) -> list[JobView]:
    """Jobs that no other job started, newest first."""
    jobs = tables.jobs
    query = select(jobs).where(jobs.c.parent_job_id.is_(None)).order_by(jobs.c.created_at.desc(), jobs.c.id)
    if states is not None:
        query = query.where(jobs.c.state.in_([state.value for state in states]))
    if subject is not None:
        query = query.where(jobs.c.subject == subject)
    return [job_view(row) for row in session.execute(query.limit(limit)).mappings()]


def _state(word: str) -> JobState:
    try:
        return JobState(word)
    except ValueError:
        known = ", ".join(state.value for state in JobState)
        raise errors.InvalidArgument(f"'{word}' is no state of a job.", do=f"Use one of: {known}.") from None


def _sentence(job: JobView, tasks: Sequence[TaskView]) -> str:
    """How it ended, else what it is doing."""
    if job.error:
        return job.error.message
    if job.result:
        return job.result
    busy = [task for task in tasks if task.state in (TaskState.RUNNING, TaskState.WAITING)]
    return f"{busy[-1].title}: {busy[-1].sentence}".removesuffix(": ") if busy else ""


def _several(names: str) -> str:
    """The first names of a job for many machines."""
    each = names.split(", ")
    more = len(each) - NAMED
    return f"{', '.join(each[:NAMED])} and {more} more" if more > 1 else names


def _task(task: TaskView) -> TaskShape:
    return TaskShape(
        position=task.position,
        name=task.title,
        state=task.state.value,
        sentence=task.sentence,
        progress=task.progress,
        attempt=task.attempt,
        started_at=task.started_at,
        ended_at=task.ended_at,
        problem=_problem(task.error),
        facts=task.facts,
    )


def _problem(failure: failures.Failure | None) -> Problem | None:
    return Problem(code=failure.code, message=failure.message, do=failure.do) if failure else None
