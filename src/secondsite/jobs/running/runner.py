"""Runs one claimed job: one move after the other, until it ends, waits or is taken over."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

from sqlalchemy.orm import Session

from ...ground import seams
from ...ground.job_states import JobState, TaskState
from ..model import plan
from ..model.catalogue import Catalogue
from ..model.clock import Clock
from ..model.definitions import Definition
from ..model.failures import DEFINITION_CHANGED, Failure, describe
from ..model.views import JobView, TaskView, current_steps
from ..storage import journal, read
from ..storage.journal import Claim
from ..storage.transactions import Transactions
from . import ending, requests
from .parking import ParkedJob
from .performing import Performer, Run
from .snapshot import CannotBegin, Snapshot, begin_next

CHILDREN_POLL_SECONDS = 2.0


class Runner:
    """Makes the moves of claimed jobs. Holds no state of its own: all of it is in the journal.

    `ended` is called with each job that has ended, after the commit.
    """

    def __init__(
        self,
        transactions: Transactions,
        catalogue: Catalogue,
        clock: Clock,
        performer: Performer,
        ended: Callable[[JobView], None],
    ) -> None:
        self._transactions = transactions
        self._catalogue = catalogue
        self._clock = clock
        self._performer = performer
        self._ended = ended

    def run(
        self,
        claim: Claim,
        stopping: Callable[[], bool],
        *,
        parked: ParkedJob | None = None,
        parks: bool = False,
    ) -> ParkedJob | None:
        """Go on with the job until it ends or waits; when `stopping`, let go of it at the next boundary. With
        `parks`, gives the job's place in the parking lot if it waits there. `parked` is the place that it
        comes from; its state there still holds unless somebody has written to the job.

        Raises LeaseLost when another engine has taken the job over.
        """
        snapshot: Snapshot | ParkedJob | None = (parked and parked.snapshot) or self._performer.look(claim)
        while isinstance(snapshot, Snapshot):
            snapshot = self._advance(claim, snapshot, parked, parks, stopping)
            parked = None
            if stopping() and isinstance(snapshot, Snapshot):
                self._transactions.write(lambda session: self._let_go(session, claim))
                return None
        return snapshot

    def _let_go(self, session: Session, claim: Claim) -> None:
        journal.fence(session, claim)
        journal.change_job(session, claim.job_id, claim_owner=None)

    def _advance(
        self,
        claim: Claim,
        snapshot: Snapshot,
        parked: ParkedJob | None,
        parks: bool,
        stopping: Callable[[], bool],
    ) -> Snapshot | ParkedJob | None:
        """Make one move; None when there is nothing to do for the job now."""
        definition = self._catalogue.find(snapshot.job)
        if definition is None or not plan.fits(definition, snapshot.tasks):
            self._refuse(claim, snapshot, definition)
            return None
        if len(current_steps(snapshot.tasks)) < len(definition.steps):
            return self._append_steps(claim, definition)
        return self._make(Run(claim, definition, snapshot, parked, parks, stopping))

    def _make(self, run: Run) -> Snapshot | ParkedJob | None:
        move = run.snapshot.move(run.definition)
        match move:
            case plan.Start():
                return self._start(run)
            case plan.RunStep() | plan.UndoStep():
                return self._performer.do(run, move)
            case plan.TurnBack(task):
                self._transactions.write(lambda session: self._turn_back(session, run.claim, task))
                seams.reach("job.turn-back.committed")
                return self._performer.look(run.claim)
            case plan.AwaitChildren():
                self._nap(run.claim)
            case plan.End(state):
                self._end(run.claim, run.definition, state, run.snapshot.job.error)
        return None

    def _start(self, run: Run) -> Snapshot | None:
        """Start the job together with its first step."""
        try:
            snapshot = self._started(run)
        except Exception as problem:
            self._performer.raise_if_given_up(problem)
            self._end(run.claim, run.definition, JobState.FAILED, describe(problem))
            return None
        seams.reach("job.start.committed")
        return snapshot

    def _started(self, run: Run) -> Snapshot | None:
        """Start the job; a first step that cannot begin fails by itself."""
        try:
            return self._performer.write(run, partial(self._begin, run, with_a_step=True))
        except CannotBegin:
            return self._performer.write(run, partial(self._begin, run, with_a_step=False))

    def _begin(self, run: Run, session: Session, snapshot: Snapshot, *, with_a_step: bool) -> Snapshot:
        job, now = snapshot.job, self._clock()
        if job.started_at is None:
            state = JobState.CANCELLING if job.cancel_requested else JobState.RUNNING
            journal.change_job(session, job.id, state=state, started_at=now)
            job = replace(job, state=state, started_at=now)
            if run.definition.on_start is not None:
                run.definition.on_start(session, job)
        snapshot = replace(snapshot, job=job)
        if with_a_step:
            snapshot = begin_next(session, snapshot, run.definition, now)
        seams.reach("job.start.before-commit")
        return snapshot

    def _turn_back(self, session: Session, claim: Claim, task: TaskView) -> None:
        job, now = journal.fence(session, claim), self._clock()
        if task.started_at is not None:
            task = journal.get_task(session, task.id)  # somebody may have answered meanwhile
            journal.end_task(session, task, TaskState.CANCELLED, now, sentence="cancelled before it ended")
        journal.close_unreached(session, job.id, "not reached: the job was cancelled", now)
        journal.change_job(session, job.id, ending=JobState.CANCELLED, state=JobState.CANCELLING)

    def _nap(self, claim: Claim) -> None:
        def nap(session: Session) -> None:
            journal.lock_family(session, claim.job_id)
            journal.fence(session, claim)
            # Children that were submitted after the cancel have not heard of it.
            requests.cancel_children(session, self._catalogue, claim.job_id, self._clock())
            later = self._clock() + timedelta(seconds=CHILDREN_POLL_SECONDS)
            journal.change_job(session, claim.job_id, ready_at=later, claim_owner=None)

        self._transactions.write(nap)

    def _append_steps(self, claim: Claim, definition: Definition) -> Snapshot:
        def append(session: Session) -> None:
            job = journal.fence(session, claim)
            written = len(current_steps(read.tasks_of(session, job.id)))
            requests.add_steps(session, job.id, definition, job.attempt, written)

        self._transactions.write(append)
        return self._performer.look(claim)

    def _refuse(self, claim: Claim, snapshot: Snapshot, definition: Definition | None) -> None:
        message = f"The steps of {snapshot.job.name} have changed since the job was started"
        do = "Check the state that the job left, then start the operation again"
        self._end(claim, definition, JobState.FAILED, Failure(DEFINITION_CHANGED, message, do))

    def _end(
        self, claim: Claim, definition: Definition | None, state: JobState, error: Failure | None
    ) -> None:
        verdict = ending.Verdict(state, error)
        job = ending.end_job(self._transactions, claim, definition, verdict, self._clock)
        seams.reach("job.end.committed")
        self._ended(job)
