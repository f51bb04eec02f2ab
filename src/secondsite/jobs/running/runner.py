"""Run one claimed job: look, decide, make one move, and again, until it ends, waits or is taken over."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import exc, func, select
from sqlalchemy.orm import Session

from ...ground import seams
from ...ground.job_states import MOVING, JobState, TaskState
from ..model import plan
from ..model.clock import Clock
from ..model.context import StepContext, StepFunction
from ..model.definitions import Catalogue, Definition
from ..model.facts import Json
from ..model.failures import DEFINITION_CHANGED, Failure, LeaseLost, describe
from ..model.outcomes import Outcome, Wait
from ..model.task_kind import TaskKind
from ..model.views import JobView, TaskView, current_steps
from ..storage import journal, read
from ..storage.journal import Claim
from ..storage.tables import jobs
from ..storage.transactions import Transactions
from . import ending, requests
from .followed_clock import ClockWasSet, FollowedClock
from .recording import record
from .stage import TaskStage

CHILDREN_POLL_SECONDS = 2.0
FOLLOWED_TIMES = 5
"""If the clock is set more often than this while one answer is written, it is taken as it is."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class JobSnapshot:
    """Everything that the next move depends on."""

    job: JobView
    tasks: tuple[TaskView, ...]
    open_children: int


class Runner:
    """Makes the moves of claimed jobs. Holds no state of its own: all of it is in the journal.

    `ended` is called with each job that has ended, after the commit.
    """

    def __init__(
        self,
        transactions: Transactions,
        catalogue: Catalogue,
        clock: Clock,
        followed_clock: FollowedClock,
        ended: Callable[[JobView], None],
    ) -> None:
        self._transactions = transactions
        self._catalogue = catalogue
        self._clock = clock
        self._followed_clock = followed_clock
        self._ended = ended

    def run(self, claim: Claim, stopping: Callable[[], bool]) -> None:
        """Go on with the job until it ends or waits; when `stopping`, let go of it at the next boundary.

        Raises LeaseLost when another engine has taken the job over.
        """
        while self._advance(claim):
            if stopping():
                self._transactions.write(lambda session: self._let_go(session, claim))
                return

    def _let_go(self, session: Session, claim: Claim) -> None:
        journal.fence(session, claim)
        journal.change_job(session, claim.job_id, claim_owner=None)

    def _look(self, session: Session, claim: Claim) -> JobSnapshot:
        job = read.find(session, claim.job_id)
        if job is None or (job.claim_owner, job.claim_epoch) != (claim.owner, claim.epoch):
            raise LeaseLost(claim.job_id)
        still_at_work = select(func.count()).where(
            jobs.c.parent_job_id == job.id, jobs.c.state.in_(sorted(MOVING))
        )
        open_children = session.execute(still_at_work).scalar_one()
        return JobSnapshot(job, read.tasks_of(session, job.id), open_children)

    def _advance(self, claim: Claim) -> bool:
        """Make one move; False when there is nothing to do for the job now."""
        now = self._transactions.look(lambda session: self._look(session, claim))
        definition = self._catalogue.find(now.job.name)
        if definition is None or not plan.fits(definition, now.tasks):
            return self._refuse(claim, now, definition)
        if len(current_steps(now.tasks)) < len(definition.steps):
            return self._append_steps(claim, definition)
        move = plan.next_move(now.job, now.tasks, definition, now.open_children)
        return self._make(claim, now, definition, move)

    def _make(self, claim: Claim, now: JobSnapshot, definition: Definition, move: plan.Move) -> bool:
        match move:
            case plan.Start():
                return self._start(claim, definition)
            case plan.RunStep(task):
                return self._run_step(claim, now, definition, task)
            case plan.UndoStep(task):
                return self._undo_step(claim, now, definition, task)
            case plan.TurnBack(task):
                self._transactions.write(lambda session: self._turn_back(session, claim, task))
                seams.reach("job.turn-back.committed")
                return True
            case plan.AwaitChildren():
                return self._nap(claim)
            case plan.End(state):
                return self._end(claim, definition, state, now.job.error)

    def _start(self, claim: Claim, definition: Definition) -> bool:
        try:
            self._transactions.write(lambda session: self._begin(session, claim, definition))
        except Exception as problem:
            self._raise_if_given_up(problem)
            return self._end(claim, definition, JobState.FAILED, describe(problem))
        seams.reach("job.start.committed")
        return True

    def _begin(self, session: Session, claim: Claim, definition: Definition) -> None:
        job = journal.fence(session, claim)
        if job.started_at is not None:
            return
        state = JobState.CANCELLING if job.cancel_requested else JobState.RUNNING
        journal.change_job(session, job.id, state=state, started_at=self._clock())
        if definition.on_start is not None:
            definition.on_start(session, read.get(session, job.id))
        seams.reach("job.start.before-commit")

    def _run_step(self, claim: Claim, now: JobSnapshot, definition: Definition, task: TaskView) -> bool:
        step = definition.steps[task.position]
        order_id = f"{task.job_id}/{task.position}/{task.attempt}"
        return self._perform(claim, now, definition, task.id, step.run, order_id)

    def _undo_step(self, claim: Claim, now: JobSnapshot, definition: Definition, task: TaskView) -> bool:
        step = definition.steps[task.position]
        assert step.undo is not None  # plan gives only such steps
        order_id = f"{task.job_id}/{task.position}/{now.job.attempt}/undo"

        def prepare(session: Session) -> int:
            return journal.undo_task_id(session, journal.fence(session, claim), task)

        task_id = self._transactions.write(prepare)
        return self._perform(claim, now, definition, task_id, step.undo, order_id)

    def _perform(
        self,
        claim: Claim,
        now: JobSnapshot,
        definition: Definition,
        task_id: int,
        function: StepFunction,
        order_id: str,
    ) -> bool:
        """Run the step's function and record the outcome; False when the job now waits."""

        def begin(session: Session) -> TaskView:
            job = journal.fence(session, claim)
            return journal.begin_task(session, job, task_id, self._clock())

        seams.reach("job.step.before")
        task = self._transactions.write(begin)
        seams.reach("job.step.begun")
        stage = TaskStage(self._transactions, self._catalogue, self._clock, definition, claim, task)
        self._followed_clock.follow()
        answer = self._answer(function, _context(now, task, order_id, stage, self._clock()))
        seams.reach("job.step.effect-done")
        goes_on = self._record(claim, task_id, answer)
        seams.reach("job.step.committed")
        return goes_on

    def _answer(self, function: StepFunction, context: StepContext) -> Outcome | Wait | Failure:
        try:
            return function(context)
        except Wait as wait:
            return wait
        except Exception as problem:
            self._raise_if_given_up(problem)
            log.info("step.failed", job=context.job_id, step=context.key, exc_info=problem)
            return describe(problem)

    def _record(self, claim: Claim, task_id: int, answer: Outcome | Wait | Failure) -> bool:
        try:
            return self._write_down(claim, task_id, answer)
        except Exception as problem:  # the commit that the step wanted was refused: that is its failure
            self._raise_if_given_up(problem)
            failure = describe(problem)
            return self._write_down(claim, task_id, failure)

    def _write_down(self, claim: Claim, task_id: int, answer: Outcome | Wait | Failure) -> bool:
        """A clock that was set while the step ran must not look like a deadline that has passed."""
        for _ in range(FOLLOWED_TIMES):
            self._followed_clock.follow()
            try:
                return self._write_by(self._followed_clock.now, claim, task_id, answer)
            except ClockWasSet:
                log.info("step.recorded-again", job=claim.job_id)
        return self._write_by(self._clock, claim, task_id, answer)

    def _write_by(self, clock: Clock, claim: Claim, task_id: int, answer: Outcome | Wait | Failure) -> bool:
        return self._transactions.write(lambda session: record(session, claim, task_id, answer, clock))

    def _raise_if_given_up(self, problem: Exception) -> None:
        if isinstance(problem, exc.DBAPIError) and self._transactions.given_up.is_set():
            raise problem

    def _turn_back(self, session: Session, claim: Claim, task: TaskView) -> None:
        job, now = journal.fence(session, claim), self._clock()
        if task.started_at is not None:
            journal.end_task(session, task, TaskState.CANCELLED, now, sentence="cancelled before it ended")
        journal.close_unreached(session, job.id, "not reached: the job was cancelled", now)
        journal.change_job(session, job.id, ending=JobState.CANCELLED, state=JobState.CANCELLING)

    def _nap(self, claim: Claim) -> bool:
        def nap(session: Session) -> None:
            journal.fence(session, claim)
            # Children that were submitted after the cancel have not heard of it.
            requests.cancel_children(session, self._catalogue, claim.job_id, self._clock())
            later = self._clock() + timedelta(seconds=CHILDREN_POLL_SECONDS)
            journal.change_job(session, claim.job_id, ready_at=later, claim_owner=None)

        self._transactions.write(nap)
        return False

    def _append_steps(self, claim: Claim, definition: Definition) -> bool:
        def append(session: Session) -> None:
            job = journal.fence(session, claim)
            written = len(current_steps(read.tasks_of(session, job.id)))
            requests.add_steps(session, job.id, definition, job.attempt, written)

        self._transactions.write(append)
        return True

    def _refuse(self, claim: Claim, now: JobSnapshot, definition: Definition | None) -> bool:
        message = f"The steps of {now.job.name} have changed since the job was started"
        do = "Check the state that the job left, then start the operation again"
        return self._end(claim, definition, JobState.FAILED, Failure(DEFINITION_CHANGED, message, do))

    def _end(
        self, claim: Claim, definition: Definition | None, state: JobState, error: Failure | None
    ) -> bool:
        verdict = ending.Verdict(state, error)
        job = ending.end_job(self._transactions, claim, definition, verdict, self._clock)
        seams.reach("job.end.committed")
        self._ended(job)
        return False


def _context(now: JobSnapshot, task: TaskView, order_id: str, stage: TaskStage, at: datetime) -> StepContext:
    facts: dict[str, Json] = {step.key: dict(step.facts) for step in current_steps(now.tasks)}
    own = facts.get(task.key, {}) if task.kind is TaskKind.UNDO else {}
    facts[task.key] = {**own, **task.facts}
    return StepContext(
        job_id=now.job.id,
        key=task.key,
        subject=now.job.subject,
        subject_name=now.job.subject_name,
        requested_by=now.job.requested_by,
        attempt=task.attempt,
        began_at=task.started_at or at,
        waited_seconds=max(0.0, (at - task.waiting_since).total_seconds()) if task.waiting_since else 0.0,
        order_id=order_id,
        stored_arguments=now.job.arguments,
        stored_facts=facts,
        stage=stage,
    )
