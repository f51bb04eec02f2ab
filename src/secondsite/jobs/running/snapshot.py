"""The state of a claimed job: all that its next move depends on, read in one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ...ground.job_states import MOVING, JobState
from ..model import plan
from ..model.definitions import Definition
from ..model.failures import LeaseLost
from ..model.views import JobView, TaskView
from ..storage import journal, read
from ..storage.journal import Claim
from ..storage.tables import jobs
from ..storage.transactions import REFUSALS, Overtaken, is_passing

NOT_KNOWN = -1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a job. `begun` is the task that the last write has begun, which runs next. `known` is the
    parking lot's number of signals and changes when the state was true."""

    claim: Claim
    job: JobView
    tasks: tuple[TaskView, ...]
    open_children: int
    begun: TaskView | None = None
    known: int = NOT_KNOWN

    def move(self, definition: Definition) -> plan.Move:
        return plan.next_move(self.job, self.tasks, definition, self.open_children)

    def task(self, task_id: int) -> TaskView:
        return next(task for task in self.tasks if task.id == task_id)

    def with_task(self, changed: TaskView) -> "Snapshot":
        tasks = tuple(changed if task.id == changed.id else task for task in self.tasks)
        return replace(self, tasks=tasks, begun=None)

    def again(self, session: Session) -> "Snapshot":
        """The state, read again."""
        return look(session, self.claim)


def look(session: Session, claim: Claim) -> Snapshot:
    """The state of the job; raises LeaseLost when the claim no longer holds."""
    job = read.find(session, claim.job_id)
    if job is None or (job.claim_owner, job.claim_epoch) != (claim.owner, claim.epoch):
        raise LeaseLost(claim.job_id)
    return _of(session, claim, job)


def fenced(session: Session, claim: Claim) -> Snapshot:
    """As `look`, with the job locked until the transaction ends."""
    return _of(session, claim, journal.fence(session, claim))


def _of(session: Session, claim: Claim, job: JobView) -> Snapshot:
    open_children = _open_children(session, job.id) if job.cancel_requested else 0
    return Snapshot(claim, job, read.tasks_of(session, job.id), open_children)


def _open_children(session: Session, job_id: str) -> int:
    moving = jobs.c.parent_job_id == job_id, jobs.c.state.in_(sorted(MOVING))
    return session.execute(select(func.count()).where(*moving)).scalar_one()


class CannotBegin(Exception):
    """A step cannot begin: that is the step's own failure; what came before it is kept."""

    def __init__(self, task: TaskView, problem: Exception) -> None:
        super().__init__(f"{task.title} does not begin: {problem}")
        self.task_id = task.id
        self.problem = problem


def begin_next(
    session: Session,
    snapshot: Snapshot,
    definition: Definition,
    now: datetime,
    refused: CannotBegin | None = None,
) -> Snapshot:
    """The job's state once its next step has begun, if that is its next move, in the transaction of what came
    before. Steps that have nothing to do are skipped. The step that was `refused` begins all the same, so
    that it can fail. Raises CannotBegin."""
    refused_id = refused and refused.task_id
    move = snapshot.move(definition)
    while isinstance(move, plan.RunStep) and move.task.id != refused_id:
        with _beginning(move.task):
            why = _why_skipped(snapshot.job, move.task, definition)
        if not why:
            break
        snapshot = snapshot.with_task(journal.skip_task(session, move.task, why, now))
        move = snapshot.move(definition)
    if not isinstance(move, plan.RunStep):
        return snapshot
    begun = journal.begin_task(session, snapshot.job, move.task, now)
    hook = definition.steps[begun.position].begins
    if hook is not None and begun.id != refused_id:
        with _beginning(begun):
            hook(session, snapshot.job)
    running = replace(snapshot.job, state=_while_running(snapshot.job))
    return replace(snapshot.with_task(begun), job=running, begun=begun)


@contextmanager
def _beginning(task: TaskView) -> Iterator[None]:
    try:
        yield
    except Overtaken:
        raise
    except Exception as problem:
        if isinstance(problem, REFUSALS) and is_passing(problem):
            raise
        raise CannotBegin(task, problem) from problem


def _why_skipped(job: JobView, task: TaskView, definition: Definition) -> str | None:
    skipped = definition.steps[task.position].skipped
    return None if skipped is None else skipped(job.arguments)


def _while_running(job: JobView) -> JobState:
    return job.state if job.state is JobState.CANCELLING else JobState.RUNNING
