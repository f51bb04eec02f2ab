"""Records the result of a step: its task in the journal and the domain's change, in one transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from ...ground import seams
from ...ground.job_states import JobState, TaskState
from ..model.failures import DEADLINE_EXCEEDED, UNDO_FAILED, Failure
from ..model.outcomes import Commit, Done, Outcome, Skipped, Wait
from ..model.views import JobView, TaskKind, TaskView
from ..storage import journal
from ..storage.clock_changes import LONGEST_SLEEP_SECONDS
from ..storage.tables import tasks
from .snapshot import Snapshot

CHANGED_POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class StepAnswer:
    """The result of a step, when it came, and since when the step waits if its wait is not recorded yet."""

    task_id: int
    answer: Outcome | Wait | Failure
    at: datetime
    waits_since: datetime


def record(session: Session, snapshot: Snapshot, answered: StepAnswer) -> Snapshot | None:
    """Record the result; gives the job's state after it, None when the job now waits. Recording it a second
    time changes nothing. `snapshot` is the state in this transaction.

    Raises whatever the result's `commit` raises.
    """
    task = snapshot.task(answered.task_id)
    if task.state is not TaskState.RUNNING:
        return snapshot  # an earlier try was committed, only the reply was lost
    after = _write(session, snapshot, task, answered)
    seams.reach("job.step.before-commit")
    return after


def _write(session: Session, snapshot: Snapshot, task: TaskView, answered: StepAnswer) -> Snapshot | None:
    match answered.answer:
        case Done() as done:
            ended, commit = journal.record_done(session, task, done, answered.at), done.commit
        case Skipped(why, commit, partial):
            ended = journal.skip_task(session, task, why, answered.at, partial=partial)
        case Wait() as wait:
            goes_on = _wait(session, snapshot.job, task, wait, answered)
            return snapshot.again(session) if goes_on else None
        case Failure() as failure:
            _fail(session, snapshot.job, task, failure, answered.at)
            return snapshot.again(session)
    if commit is not None:
        _commit(session, commit)
    if task.kind is TaskKind.UNDO:
        _mark_undone(session, task)
        return snapshot.again(session)
    return snapshot.with_task(ended)


def _commit(session: Session, commit: Commit) -> None:
    try:
        commit(session)
    except Wait as wait:
        # no "except Exception" above would stop it, and the worker would end
        raise TypeError(f"A step waits before it answers, never in its commit: {wait.why}") from wait


def _mark_undone(session: Session, undo: TaskView) -> None:
    """Mark the step's latest attempt as undone."""
    step = (tasks.c.job_id == undo.job_id, tasks.c.position == undo.position, tasks.c.kind == TaskKind.STEP)
    latest = tasks.select().where(*step).order_by(tasks.c.attempt.desc()).limit(1)
    task_id = session.execute(latest).mappings().first()
    if task_id is not None:
        journal.change_task(session, task_id["id"], state=TaskState.UNDONE)


def _wait(session: Session, job: JobView, task: TaskView, wait: Wait, answered: StepAnswer) -> bool:
    if task.waiting_since is None:
        # Signals are noted from here on; one that fired before is noticed when the step runs again.
        journal.register_wait(session, task, wait, answered.waits_since)
        return True
    changed = task.waiting_for != wait.signal
    if task.signalled and not changed:
        return True
    if task.waiting_since + timedelta(seconds=wait.deadline_seconds) <= answered.at:
        _fail(session, job, task, _too_late(task, wait), answered.at)
        return True
    deadline_at = journal.register_wait(session, task, wait, task.waiting_since)
    poll_at = answered.at + timedelta(seconds=_poll_seconds(wait, changed))
    journal.sleep(session, job, task, min(poll_at, deadline_at))
    return False


def _poll_seconds(wait: Wait, changed: bool) -> float:
    # A signal that the step has named only now may have fired already: look again soon, but do not spin.
    return min(wait.poll_seconds, CHANGED_POLL_SECONDS if changed else LONGEST_SLEEP_SECONDS)


def _too_late(task: TaskView, wait: Wait) -> Failure:
    message = f"{task.title} timed out after {wait.deadline_seconds:g} s: {wait.why}"
    return Failure(DEADLINE_EXCEEDED, message, "Remove what it waits for, then retry the job")


def _fail(session: Session, job: JobView, task: TaskView, failure: Failure, now: datetime) -> None:
    """Record the task's failure: the job cannot go forward; next it is undone, or ends."""
    journal.record_failed(session, task, failure, now)
    journal.close_unreached(session, job.id, f"not reached: {task.title} failed", now)
    if task.kind is TaskKind.UNDO:
        failure = Failure(UNDO_FAILED, f"{task.title} failed: {failure.message}", failure.do)
        journal.change_job(session, job.id, error=failure.as_dict())
        return
    ending = JobState.CANCELLED if job.cancel_requested else JobState.FAILED
    journal.change_job(session, job.id, error=failure.as_dict(), ending=ending)
