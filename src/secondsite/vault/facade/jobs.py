"""Jobs as the faces show them, and what a person may do with one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ...domain import errors
from ...jobs import failures, plan, read
from ...jobs.states import ENDED, MOVING, JobState, TaskState
from ...jobs.views import JobTree, JobView, TaskView
from ...wire.base import Problem
from ...wire.rest import JobShape, TaskShape
from .. import ports
from .parts import Parts

ENDED_WORDS = frozenset(state.value for state in ENDED)
MAX_LISTED = 1000


class Jobs:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(
        self, state: str | None = None, machine: str | None = None, limit: int = 50
    ) -> Sequence[JobShape]:
        """Newest first, without their tasks. Raises InvalidArgument for an unknown state, NotFound for a machine."""
        states = None if state is None else [_state(state)]
        with self._parts.store.reading() as tx:
            subject = None if machine is None else self._subject(tx, machine)
            found = read.list_jobs(
                tx.session, states=states, subject=subject, limit=max(1, min(limit, MAX_LISTED))
            )
            return [self._shape(job, (), ()) for job in found]

    def show(self, job_id: str) -> JobShape:
        """With its tasks. Raises NotFound."""
        return self.tree(job_id)[0]

    def tree(self, job_id: str) -> Sequence[JobShape]:
        """The job and all below it, parents first. Raises NotFound."""
        with _translated(), self._parts.store.reading() as tx:
            return list(self._flat(read.tree(tx.session, job_id)))

    def cancel(self, job_id: str) -> JobShape:
        """Asks the job to turn back at its next boundary. Raises NotFound or NotPossibleNow."""
        with _translated(), self._parts.store.transaction() as tx:
            self._parts.jobs.cancel(tx.session, job_id)
        return self.show(job_id)

    def retry(self, job_id: str) -> JobShape:
        """Runs a failed job again from where it failed. Raises NotFound or NotPossibleNow."""
        with _translated(), self._parts.store.transaction() as tx:
            self._parts.jobs.retry(tx.session, job_id)
        return self.show(job_id)

    def _subject(self, tx: ports.Transaction, machine: str) -> str:
        """Jobs outlive their machine's protection, so an id that is no longer there is taken as it is."""
        found = tx.machines.find(machine)
        return found.id if found else machine

    def _flat(self, tree: JobTree) -> Iterator[JobShape]:
        yield self._shape(tree.job, tree.tasks, tuple(child.job.id for child in tree.children))
        for child in tree.children:
            yield from self._flat(child)

    def _shape(self, job: JobView, tasks: Sequence[TaskView], children: tuple[str, ...]) -> JobShape:
        return JobShape(
            id=job.id,
            verb=job.name,
            subject=job.subject,
            subject_name=job.subject_name,
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
