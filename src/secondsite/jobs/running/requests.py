"""Requests to the engine: submit, cancel, retry, signal, each in the caller's transaction."""

import contextlib
import re
import uuid
from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from ...ground.job_states import MOVING, JobState, TaskState
from ..model import plan
from ..model.catalogue import Catalogue
from ..model.definitions import Definition
from ..model.facts import Json
from ..model.failures import DEFINITION_CHANGED, GIVEN_UP, Failure, Refused
from ..model.views import JobView, TaskKind, TaskView, current_steps, undo_failed
from ..storage import awaited_signals, changed_jobs, journal, read
from ..storage.prepared import PreparedStatement, one_of
from ..storage.tables import jobs, tasks
from . import held_jobs

_WAITS = (tasks.c.waiting_for == bindparam("signal"), one_of(tasks.c.state, awaited_signals.STATES))
_ANY_WAITS = PreparedStatement(select(tasks.c.id).where(*_WAITS).limit(1))
_WAITING_JOBS = PreparedStatement(select(tasks.c.job_id).where(*_WAITS).distinct().order_by(tasks.c.job_id))
_SIGNALLED = PreparedStatement(
    update(tasks).where(tasks.c.job_id == bindparam("job"), *_WAITS).values(signalled=True)
)

RETRIED = frozenset({JobState.FAILED, JobState.PARTIALLY_SUCCEEDED})
_RETRY = re.compile(r"\b([Rr])etry(?: it\b| (?:the|this)(?: reprotect)? job\b(?! \())?(?=[.,;:]|$)")
"""A retry as the recommended action; not one that the sentence ties to a condition or a command."""


@dataclass(frozen=True, slots=True)
class Parent:
    """The place of a child job in its parent job."""

    job_id: str
    position: int
    attempt: int
    index: int


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A request for a job, of an operator or of a parent job."""

    name: str
    subject: str | None = None
    subject_name: str = ""
    arguments: Json = field(default_factory=dict)
    requested_by: str = ""
    job_id: str | None = None
    parent: Parent | None = None


def ordered(catalogue: Catalogue, order: JobRequest) -> tuple[Definition, JobRequest]:
    """The definition with the job's steps, and the request; raises Refused, or what the definition raises if
    no steps can be made from the arguments."""
    return catalogue.get(order.name).made_for(order.arguments), order


def submit(session: Session, definition: Definition, order: JobRequest, now: datetime) -> str:
    """Write the job and its whole tree of queued tasks; gives its id.

    A request with the id of an existing job changes nothing: it was submitted before.
    """
    job_id = order.job_id or uuid.uuid4().hex
    if order.job_id is not None and read.find(session, job_id) is not None:
        return job_id
    changed_jobs.note(session, job_id)
    session.execute(jobs.insert().values(id=job_id, **_row(order, now)))
    add_steps(session, job_id, definition, attempt=1, first=0)
    return job_id


def submit_all(session: Session, wanted: Sequence[tuple[Definition, JobRequest]], now: datetime) -> None:
    """Write many new jobs, in their order."""
    rows = [(uuid.uuid4().hex, definition, order) for definition, order in wanted]
    if not rows:
        return
    for job_id, _definition, _order in rows:
        changed_jobs.note(session, job_id)
    session.execute(jobs.insert(), [{"id": job_id, **_row(order, now)} for job_id, _, order in rows])
    steps = [
        journal.queued_task(job_id, TaskKind.STEP, position, 1, step.key, step.title)
        for job_id, definition, _order in rows
        for position, step in enumerate(definition.steps)
    ]
    session.execute(tasks.insert(), steps)


def _row(order: JobRequest, now: datetime) -> dict[str, object]:
    parent = order.parent
    return {
        "name": order.name,
        "subject": order.subject,
        "subject_name": order.subject_name,
        "arguments": order.arguments,
        "requested_by": order.requested_by,
        "state": JobState.QUEUED,
        "attempt": 1,
        "created_at": now,
        "ready_at": now,
        "cancel_requested": False,
        "claim_epoch": 0,
        "parent_job_id": parent.job_id if parent else None,
        "parent_position": parent.position if parent else None,
        "parent_attempt": parent.attempt if parent else None,
        "parent_index": parent.index if parent else None,
    }


def add_steps(session: Session, job_id: str, definition: Definition, attempt: int, first: int) -> None:
    """Queue tasks for the definition's steps from position `first` on."""
    for position, step in enumerate(definition.steps[first:], start=first):
        journal.add_task(session, job_id, TaskKind.STEP, position, attempt, step.key, step.title)


def cancel(session: Session, catalogue: Catalogue, job_id: str, now: datetime) -> None:
    """Ask the job and its children to turn back at their next boundary; a held job that was being undone goes
    on with that. Raises Refused if the job cannot be cancelled."""
    journal.lock_family(session, job_id)
    job = journal.locked_job(session, job_id)
    definition = catalogue.find(job)
    if job.state is JobState.HELD and job.ending is not None:
        held_jobs.let_go_on(session, job, now)
        return
    if job.state is JobState.HELD and not _turns_back(session, job, definition):
        if _has_a_turn_ahead(session, job, definition):
            _let_find_out(session, job, now)
        else:
            _give_up(session, catalogue, job, now)
        return
    if job.cancel_requested and not job.state.ended:
        journal.change_job(session, job_id, state=JobState.CANCELLING)
        return
    _refuse_cancel(session, job, definition)
    journal.change_job(session, job_id, cancel_requested=True, state=JobState.CANCELLING, ready_at=now)
    cancel_children(session, catalogue, job_id, now)


def _turns_back(session: Session, job: JobView, definition: Definition | None) -> bool:
    return (
        definition is not None
        and definition.cancelable
        and plan.can_honour_cancel(read.tasks_of(session, job.id), definition)
    )


def _has_a_turn_ahead(session: Session, job: JobView, definition: Definition | None) -> bool:
    steps = [task for task in current_steps(read.tasks_of(session, job.id)) if not task.done]
    return definition is not None and any(definition.steps[task.position].awaits_turn for task in steps)


def _let_find_out(session: Session, job: JobView, now: datetime) -> None:
    """Let the held job go on until it notices the cancel where it waits for its turn, and is undone from
    there: if it were given up, its machine would be left between two sites."""
    journal.change_job(session, job.id, cancel_requested=True)
    held_jobs.let_go_on(session, replace(job, cancel_requested=True), now)


def _give_up(session: Session, catalogue: Catalogue, job: JobView, now: datetime) -> None:
    """End the held job where it is: nothing more is done or undone."""
    failure = Failure(
        GIVEN_UP,
        "The job was held, and a person gave it up: nothing more was done for it",
        "Look at what it was about, and start what is still wanted",
    )
    values = {"state": JobState.RUNNING, "ready_at": now, "started_at": job.started_at or now}
    journal.change_job(session, job.id, ending=JobState.FAILED, error=failure.as_dict(), **values)
    cancel_children(session, catalogue, job.id, now)


def cancel_children(session: Session, catalogue: Catalogue, job_id: str, now: datetime) -> None:
    """Cancel the children that can be cancelled; the others run to their end, and the parent waits for
    that."""
    for child in read.children_of(session, job_id):
        if child.state in MOVING:
            with contextlib.suppress(Refused):
                cancel(session, catalogue, child.id, now)


def _refuse_cancel(session: Session, job: JobView, definition: Definition | None) -> None:
    if job.state.ended:
        raise Refused("job-ended", f"The job has already ended: {job.state}.", "There is nothing to cancel.")
    if definition is None or not definition.cancelable:
        raise Refused("not-cancelable", "The job cannot be cancelled.", "Wait until it has ended.")
    if job.ending is not None:
        raise Refused("already-undoing", "The job is being undone.", "Wait until it has ended.")
    if not plan.can_honour_cancel(read.tasks_of(session, job.id), definition):
        raise Refused("too-late", "The job is past the point of return.", "Wait until it has ended.")


def retry(session: Session, catalogue: Catalogue, job_id: str, now: datetime) -> None:
    """Queue the job again, from the step that failed or, for a kind that goes `over_again`, from the first
    one; go on undoing, if that failed. Raises Refused."""
    job = journal.locked_job(session, job_id)
    if job.state not in RETRIED:
        raise Refused("not-failed", f"The job is {job.state}.", "Retry is for jobs that failed.")
    _require_a_retryable_child(session, catalogue, job)
    reopen(session, catalogue, job, now)


def _require_a_retryable_child(session: Session, catalogue: Catalogue, parent: JobView) -> None:
    """Raise the Refused of the first failed child if none of them can be retried, unless a step without
    children failed as well."""
    refusals: list[Refused] = []
    started = read.children_of(session, parent.id)
    if _failed_without(session, parent, {child.parent_position for child in started}):
        return
    for child in started:
        if not child.state.ended or child.state is JobState.SUCCEEDED:
            continue
        try:
            _require_retryable(session, catalogue.get(child.name), child)
        except Refused as refused:
            refusals.append(refused)
        else:
            return
    if refusals:
        raise refusals[0]


def _failed_without(session: Session, job: JobView, places: Set[int | None]) -> bool:
    """Whether a step failed that has none of these places."""
    steps = current_steps(read.tasks_of(session, job.id))
    return any(step.state is TaskState.FAILED and step.position not in places for step in steps)


def _require_retryable(session: Session, definition: Definition, job: JobView) -> None:
    if definition.on_retry is not None:
        definition.on_retry(session, job)


def advised(session: Session, catalogue: Catalogue, job: JobView, failure: Failure) -> Failure:
    """The failure of an ended job or of a task of it, as a person should read it now: where it recommends a
    retry that would be refused, with what the refusal recommends instead."""
    if job.state not in RETRIED or not _RETRY.search(failure.do):
        return failure
    refused = _refusal(session, catalogue, job)
    if refused is None:
        return failure
    again = _RETRY.sub(lambda found: "Try again" if found[1] == "R" else "try again", failure.do)
    return replace(failure, do=f"{again.rstrip('.')}. This job is not retried any more. {refused.do}")


def job_as_advised(session: Session, catalogue: Catalogue, job: JobView) -> JobView:
    """The ended job, with the failure that a person should read."""
    return job if job.error is None else replace(job, error=advised(session, catalogue, job, job.error))


def _refusal(session: Session, catalogue: Catalogue, job: JobView) -> Refused | None:
    """What a retry of the failed job would be refused with."""
    try:
        _require_a_retryable_child(session, catalogue, job)
        _require_retryable(session, catalogue.of(job), job)
    except Refused as refused:
        return refused
    return None


def reopen(session: Session, catalogue: Catalogue, job: JobView, now: datetime) -> None:
    """Let an ended job run again under its next attempt; raises Refused when its definition has changed,
    or the domain refuses."""
    definition, written = catalogue.of(job), read.tasks_of(session, job.id)
    if not plan.fits(definition, written):
        raise Refused(
            DEFINITION_CHANGED,
            f"The steps of {job.name} have changed in this version",
            "Start a new job instead",
        )
    _require_retryable(session, definition, job)
    fresh: dict[str, object] = {
        "attempt": job.attempt + 1,
        "ended_at": None,
        "error": None,
        "result": None,
        "ready_at": now,
    }
    if undo_failed(job, written):
        state = JobState.CANCELLING if job.cancel_requested else JobState.RUNNING
        journal.change_job(session, job.id, state=state, **(fresh | _why_undone(written)))
        return
    for task in current_steps(written):
        if definition.over_again or task.partial or not task.done:
            title = definition.steps[task.position].title
            _requeue(session, task, job.attempt + 1, title, keeps_facts=not definition.over_again)
    fresh |= {"state": JobState.QUEUED, "started_at": None, "ending": None, "cancel_requested": False}
    journal.change_job(session, job.id, **fresh)


def _why_undone(written: Sequence[TaskView]) -> dict[str, object]:
    """The error of the step that failed, which the job has again once it is undone; none after a cancel."""
    failed = (each.error for each in current_steps(written) if each.state is TaskState.FAILED and each.error)
    error = next(failed, None)
    return {} if error is None else {"error": error.as_dict()}


def _requeue(session: Session, task: TaskView, attempt: int, title: str, *, keeps_facts: bool) -> None:
    """Queue a step that has to run again: the old attempt stays visible; a step that never began is moved to
    the new attempt."""
    if task.started_at is None:
        again = {"attempt": attempt, "state": TaskState.QUEUED, "sentence": "", "ended_at": None}
        journal.change_task(session, task.id, **again)
        return
    facts = task.facts if keeps_facts and task.state is not TaskState.UNDONE else {}
    journal.add_task(session, task.job_id, TaskKind.STEP, task.position, attempt, task.key, title, facts)


def is_waited_for(session: Session, key: str) -> bool:
    """Whether a step is recorded as waiting for `key`."""
    return bool(_ANY_WAITS.all(session, {"signal": key}))


def signal(session: Session, key: str, now: datetime) -> int:
    """Run every step again that waits for `key`; gives the number of jobs.

    Call it after committing what the signal is about.
    """
    ids = [row["job_id"] for row in _WAITING_JOBS.all(session, {"signal": key})]
    for job_id in ids:  # the job's row first: it is the lock, and every writer takes it in this order
        journal.lock_job(session, job_id)
        _SIGNALLED.change(session, {"signal": key, "job": job_id})
        journal.change_job(session, job_id, ready_at=now)
    return len(ids)
