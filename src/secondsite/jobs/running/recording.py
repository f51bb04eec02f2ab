"""Record what a step answered: its line in the journal and the domain's change, in one transaction."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from ...ground import seams
from ...ground.job_states import JobState, TaskState
from ..model.clock import Clock
from ..model.failures import DEADLINE_EXCEEDED, UNDO_FAILED, Failure
from ..model.outcomes import Commit, Done, Outcome, Skipped, Wait
from ..model.task_kind import TaskKind
from ..model.views import JobView, TaskView
from ..storage import journal
from ..storage.journal import Claim
from ..storage.set_clock import LONGEST_SLEEP_SECONDS
from ..storage.tables import tasks

CHANGED_POLL_SECONDS = 1.0


def record(
    session: Session, claim: Claim, task_id: int, answer: Outcome | Wait | Failure, clock: Clock
) -> bool:
    """Write the answer down; False when the job now waits. Recording it a second time changes nothing.

    Raises LeaseLost when the claim does not hold, and whatever the answer's `commit` or the clock raises.
    """
    job = journal.fence(session, claim)
    task = journal.get_task(session, task_id)
    if task.state is not TaskState.RUNNING:
        return True  # an earlier try was committed, only the reply was lost
    goes_on = _write(session, job, task, answer, clock())
    seams.reach("job.step.before-commit")
    return goes_on


def _write(
    session: Session, job: JobView, task: TaskView, answer: Outcome | Wait | Failure, now: datetime
) -> bool:
    match answer:
        case Done(commit=commit):
            journal.record_done(session, task, answer, now)
        case Skipped(why, commit):
            state = TaskState.SKIPPED
            journal.end_task(session, task, state, now, sentence=why, progress=1.0)
        case Wait():
            return _wait(session, job, task, answer, now)
        case Failure():
            _fail(session, job, task, answer, now)
            return True
    if task.kind is TaskKind.UNDO:
        _mark_undone(session, task)
    if commit is not None:
        _commit(session, commit)
    return True


def _commit(session: Session, commit: Commit) -> None:
    try:
        commit(session)
    except Wait as wait:
        # no "except Exception" above would stop it, and the worker would end
        raise TypeError(f"A step waits before it answers, never in its commit: {wait.why}") from wait


def _mark_undone(session: Session, undo: TaskView) -> None:
    """The step's latest attempt is undone."""
    step = (tasks.c.job_id == undo.job_id, tasks.c.position == undo.position, tasks.c.kind == TaskKind.STEP)
    latest = tasks.select().where(*step).order_by(tasks.c.attempt.desc()).limit(1)
    task_id = session.execute(latest).mappings().first()
    if task_id is not None:
        journal.change_task(session, task_id["id"], state=TaskState.UNDONE)


def _wait(session: Session, job: JobView, task: TaskView, wait: Wait, now: datetime) -> bool:
    if task.waiting_since is None:
        # Signals are noted from here on; one that fired before is seen by the next look.
        journal.register_wait(session, task, wait, now)
        return True
    changed = task.waiting_for != wait.signal
    if task.signalled and not changed:
        return True
    if task.waiting_since + timedelta(seconds=wait.deadline_seconds) <= now:
        _fail(session, job, task, _too_late(task, wait), now)
        return True
    deadline_at = journal.register_wait(session, task, wait, task.waiting_since)
    poll_at = now + timedelta(seconds=_poll_seconds(wait, changed))
    journal.sleep(session, job, task, min(poll_at, deadline_at))
    return False


def _poll_seconds(wait: Wait, changed: bool) -> float:
    # A signal that the step has named only now may have fired already: look again soon, but do not spin.
    return min(wait.poll_seconds, CHANGED_POLL_SECONDS if changed else LONGEST_SLEEP_SECONDS)


def _too_late(task: TaskView, wait: Wait) -> Failure:
    message = f"{task.title} timed out after {wait.deadline_seconds:g} s: {wait.why}"
    return Failure(DEADLINE_EXCEEDED, message, "Remove what it waits for, then retry the job")


def _fail(session: Session, job: JobView, task: TaskView, failure: Failure, now: datetime) -> None:
    """The task failed, so the job cannot go forward: next it is undone, or ends."""
    journal.record_failed(session, task, failure, now)
    journal.close_unreached(session, job.id, f"not reached: {task.title} failed", now)
    if task.kind is TaskKind.UNDO:
        failure = Failure(UNDO_FAILED, f"{task.title} failed: {failure.message}", failure.do)
        journal.change_job(session, job.id, error=failure.as_dict())
        return
    ending = JobState.CANCELLED if job.cancel_requested else JobState.FAILED
    journal.change_job(session, job.id, error=failure.as_dict(), ending=ending)
