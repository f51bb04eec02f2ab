"""Runs a step of a claimed job, and records its result."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.orm import Session

from ...ground import seams
from ..model import plan
from ..model.catalogue import Catalogue
from ..model.clock import Clock
from ..model.context import StepContext, StepFunction
from ..model.definitions import Definition
from ..model.facts import Json
from ..model.failures import Failure, describe
from ..model.outcomes import Outcome, Wait
from ..model.views import TaskKind, TaskView, current_steps
from ..storage import changed_jobs, journal, sessions
from ..storage.journal import Claim
from ..storage.transactions import REFUSALS, Transactions
from . import snapshot as snapshots
from .followed_clock import ClockWasSet, FollowedClock
from .parking import ParkedJob, ParkedStep, ParkingLot
from .recording import StepAnswer, record
from .snapshot import CannotBegin, Snapshot, begin_next, fenced, look
from .stage import TaskStage

FOLLOWED_TIMES = 5
"""If the clock is set more often than this while one result is written, the time is taken as it is."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Run:
    """A claimed job that runs. `parked`: where it was parked until now; `parks`: whether it may be parked.
    Once `stopping`, no other step begins."""

    claim: Claim
    definition: Definition
    snapshot: Snapshot
    parked: ParkedJob | None
    parks: bool
    stopping: Callable[[], bool]


class Performer:
    """Runs the steps of claimed jobs; has no state of its own. `submitted` is called in transactions that
    submit children."""

    def __init__(
        self,
        transactions: Transactions,
        catalogue: Catalogue,
        clock: Clock,
        followed_clock: FollowedClock,
        lot: ParkingLot,
        submitted: Callable[[Session], None],
    ) -> None:
        self._transactions = transactions
        self._catalogue = catalogue
        self._clock = clock
        self._followed_clock = followed_clock
        self._lot = lot
        self._submitted = submitted

    def do(self, run: Run, move: plan.RunStep | plan.UndoStep) -> Snapshot | ParkedJob | None:
        """The job's state after the move, or its place if it is parked; None when its wait was recorded."""
        seams.reach("job.step.before")
        if isinstance(move, plan.RunStep):
            begun = self._begun(run, move.task)
            if begun is None or begun.begun is None:
                return begun
            task, run = begun.begun, replace(run, snapshot=begun)
            move = plan.RunStep(task)
            function: StepFunction | None = run.definition.steps[task.position].run
            order_id = f"{task.job_id}/{task.position}/{task.attempt}"
        else:
            task = self._undoing(run, move.task)
            function = run.definition.steps[task.position].undo
            order_id = f"{task.job_id}/{task.position}/{task.attempt}/undo"
        assert function is not None  # plan gives only such steps
        seams.reach("job.step.begun")
        snapshot = replace(run.snapshot.with_task(task), begun=task)
        after = self._perform(replace(run, snapshot=snapshot), task, function, order_id)
        return self._as_it_stands(run, move, after) if isinstance(after, ParkedJob) else after

    def _as_it_stands(
        self, run: Run, move: plan.RunStep | plan.UndoStep, place: ParkedJob
    ) -> Snapshot | ParkedJob:
        """The parked job; or its state, if somebody wrote to it while its step ran: one that was cancelled or
        answered meanwhile is not parked."""
        if place.snapshot is not None and self._lot.is_present(place.snapshot):
            return place
        snapshot = self.look(run.claim)
        now = snapshot.move(run.definition)
        waits_on = isinstance(now, type(move)) and now.task.id == move.task.id and not now.task.signalled
        return replace(place, snapshot=snapshot) if waits_on else snapshot

    def look(self, claim: Claim) -> Snapshot:
        """The job's state; raises LeaseLost."""
        known = self._lot.number
        return replace(self._transactions.look(lambda session: look(session, claim)), known=known)

    def write(self, run: Run, work: Callable[[Session, Snapshot], Snapshot | None]) -> Snapshot | None:
        """The job's state after `work`, once that is committed. `work` gets the state within its
        transaction."""
        known: list[int] = []
        tries = itertools.count()

        def do(session: Session) -> Snapshot | None:
            snapshot = work(session, self._locked(session, run, is_first=next(tries) == 0))
            times = changed_jobs.times(session, run.claim.job_id)
            sessions.after_commit(
                session, lambda session: known.append(self._known(session, run.claim, times))
            )
            return snapshot

        snapshot = self._transactions.write(do)
        return None if snapshot is None else replace(snapshot, known=known[-1])

    def _known(self, session: Session, claim: Claim, times: int) -> int:
        """The parking lot's number for a job that had `times` writes when its work was done: a later work of
        the same transaction may have written to it as well."""
        return self._lot.number if changed_jobs.times(session, claim.job_id) == times else snapshots.NOT_KNOWN

    def _locked(self, session: Session, run: Run, *, is_first: bool) -> Snapshot:
        """The job's state in this transaction. If no other process writes, this process knows whether anybody
        has written to the job since it was read; if nobody has, the state is as read. Not when this is a
        second try: the first may have been committed."""
        seen = run.snapshot
        is_known = is_first and self._transactions.is_alone and self._lot.is_present(seen)
        # a cancel depends on how many children are in progress, which only their rows tell
        if is_known and not seen.job.cancel_requested and journal.is_as_seen(session, run.claim, seen.job):
            return seen
        return fenced(session, run.claim)

    def _begun(self, run: Run, task: TaskView) -> Snapshot | None:
        """The job's state once its next step has begun, or has failed to; in one transaction with the end of
        the step before."""
        if run.snapshot.begun is not None:
            return run.snapshot
        if run.parked is not None and run.parked.task_id == task.id:
            return replace(run.snapshot, begun=task)

        def begin(session: Session, snapshot: Snapshot) -> Snapshot:
            return begin_next(session, snapshot, run.definition, self._clock())

        try:
            return self.write(run, begin)
        except CannotBegin as refused:
            log.info("step.failed", job=run.claim.job_id, exc_info=refused.problem)
            return self.write(run, partial(self._fail, run, refused))

    def _fail(self, run: Run, refused: CannotBegin, session: Session, snapshot: Snapshot) -> Snapshot | None:
        """Record that a step cannot begin as its failure."""
        now = self._clock()
        begun = begin_next(session, snapshot, run.definition, now, refused)
        if begun.begun is None:
            return begun
        return record(session, begun, StepAnswer(begun.begun.id, describe(refused.problem), now, now))

    def _undoing(self, run: Run, step: TaskView) -> TaskView:
        def begin(session: Session) -> TaskView:
            job = journal.fence(session, run.claim)
            task = journal.get_task(session, journal.undo_task_id(session, job, step))
            return journal.begin_task(session, job, task, self._clock())

        return self._transactions.write(begin)

    def _perform(
        self, run: Run, task: TaskView, function: StepFunction, order_id: str
    ) -> Snapshot | ParkedJob | None:
        stage = TaskStage(
            self._transactions, self._catalogue, self._clock, run.definition, run.claim, task, self._submitted
        )
        self._followed_clock.follow()
        looking = self._lot.looking(run.snapshot, task.id, run.parked)
        context = _context(run.snapshot, task, order_id, stage, self._clock(), looking.waited_seconds)
        answer = self._answer(function, context)
        seams.reach("job.step.effect-done")
        if run.parks and isinstance(answer, Wait) and task.waiting_since is None:
            place = looking.place(answer)
            if place is not None:
                return place
        snapshot = self._record(run, task, answer, looking)
        seams.reach("job.step.committed")
        return snapshot

    def _answer(self, function: StepFunction, context: StepContext) -> Outcome | Wait | Failure:
        try:
            return function(context)
        except Wait as wait:
            return wait
        except Exception as problem:
            self.raise_if_given_up(problem)
            log.info("step.failed", job=context.job_id, step=context.key, exc_info=problem)
            return describe(problem)

    def _record(
        self, run: Run, task: TaskView, answer: Outcome | Wait | Failure, looking: ParkedStep
    ) -> Snapshot | None:
        try:
            return self._write_down(run, task, answer, looking)
        except CannotBegin:  # of the next step, which then fails by itself: this step's result is kept
            return self._record(replace(run, stopping=lambda: True), task, answer, looking)
        except Exception as problem:  # the commit that the step wanted was refused: that is its failure
            self.raise_if_given_up(problem)
            return self._write_down(run, task, describe(problem), looking)

    def _write_down(
        self, run: Run, task: TaskView, answer: Outcome | Wait | Failure, looking: ParkedStep
    ) -> Snapshot | None:
        """Record the result: a clock that was set while the step ran must not look like a deadline that has
        passed."""
        for _ in range(FOLLOWED_TIMES):
            self._followed_clock.follow()
            try:
                return self._write_by(self._followed_clock.now, run, task, answer, looking)
            except ClockWasSet:
                log.info("step.recorded-again", job=run.claim.job_id)
        return self._write_by(self._clock, run, task, answer, looking)

    def _write_by(
        self, clock: Clock, run: Run, task: TaskView, answer: Outcome | Wait | Failure, looking: ParkedStep
    ) -> Snapshot | None:
        """Record the result of the step and the beginning of the next one in one transaction."""

        def write(session: Session, snapshot: Snapshot) -> Snapshot | None:
            if isinstance(answer, Wait):
                self._lot.written_down.note(session, answer.signal)
            now = clock()
            waits_since = now - timedelta(seconds=looking.waited_seconds)
            after = record(session, snapshot, StepAnswer(task.id, answer, now, waits_since))
            if after is None or task.kind is TaskKind.UNDO or run.stopping():
                return after
            return begin_next(session, after, run.definition, now)

        return self.write(run, write)

    def raise_if_given_up(self, problem: Exception) -> None:
        if isinstance(problem, REFUSALS) and self._transactions.given_up.is_set():
            raise problem


def _context(
    snapshot: Snapshot, task: TaskView, order_id: str, stage: TaskStage, at: datetime, parked_seconds: float
) -> StepContext:
    facts: dict[str, Json] = {step.key: dict(step.facts) for step in current_steps(snapshot.tasks)}
    own = facts.get(task.key, {}) if task.kind is TaskKind.UNDO else {}
    facts[task.key] = {**own, **task.facts}
    written_seconds = (at - task.waiting_since).total_seconds() if task.waiting_since else parked_seconds
    return StepContext(
        job_id=snapshot.job.id,
        key=task.key,
        subject=snapshot.job.subject,
        subject_name=snapshot.job.subject_name,
        requested_by=snapshot.job.requested_by,
        attempt=task.attempt,
        began_at=task.started_at or at,
        waited_seconds=max(0.0, written_seconds),
        order_id=order_id,
        stored_arguments=snapshot.job.arguments,
        stored_facts=facts,
        stage=stage,
    )
