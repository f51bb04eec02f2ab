"""A planned failover that fails is cancelled by a job that starts by itself (S-215).

A failover that a later job has overtaken is not cancelled: what the cancel would remove may be somebody's
production by now.
"""

from dataclasses import replace

from ...domain import errors, lifecycle
from ...domain.lifecycle import Event, Verb
from ...jobs.model.definitions import Hook
from ...jobs.model.failures import GIVEN_UP
from ...jobs.model.views import JobView
from ...jobs.storage import read
from ...jobs.storage.database import Session
from ...wire.common.base import Shape
from ...wire.control.orders import PowerFact
from ..store import MachineRecord
from .claim import CHECK, MachineClaim, taken, untouched
from .deps import Deps
from .hooks import with_hooks

SHUT_DOWN = "shut_down"
OUT_OF_DATE = frozenset({errors.StaleOrder.code, GIVEN_UP})


class CancelArguments(Shape):
    """The arguments of a cancel. `because`: the job whose failure started it; None if a person did.
    `stopped`: that job may have shut the machine down. `off_before`: it found the machine off, so the owner
    had turned it off."""

    because: str | None = None
    stopped: bool = True
    off_before: bool = False


class OffCheck(Shape):
    """The machine's power state, as the check of a failover that can be cancelled saw it."""

    off: bool = False


def cancel_itself(deps: Deps, claim: MachineClaim) -> Hook:
    """For `on_failure`: starts the job that cancels the machine's failover, if anything was done that has to
    be undone."""

    def start_cancel(session: Session, job: JobView) -> None:
        tx = deps.store.within(session)
        machine = tx.machines.get(str(job.subject))
        if machine.job_id != job.id:
            return
        if untouched(session, job):
            claim.failure(session, job)
            return
        if job.error is not None and job.error.code in OUT_OF_DATE:
            tx.machines.put(_left_as_it_is(machine))
            return
        asked = CancelArguments(
            because=job.id,
            stopped=_may_have_stopped(session, job),
            off_before=job.arguments.get("down_since") is None and was_off(session, job.id),
        )
        cancel_id = deps.submit(
            session,
            Verb.CANCEL_FAILOVER.value,
            subject=machine.id,
            subject_name=machine.name,
            arguments=with_hooks(tx, machine, Verb.CANCEL_FAILOVER, asked),
            requested_by="secondsite",
        )
        state = lifecycle.after(machine.state, Event.FAILED).next
        tx.machines.put(taken(tx, machine, state, cancel_id))

    return start_cancel


def _may_have_stopped(session: Session, job: JobView) -> bool:
    """Whether the job, or another one for it, came as far as to shut the machine down. If not, and the
    machine is off, its owner has turned it off."""
    tasks = read.tasks_of(session, job.id)
    return job.arguments.get("down_since") is not None or any(
        task.key == SHUT_DOWN and task.started_at is not None for task in tasks
    )


def was_off(session: Session, job_id: str) -> bool:
    """Whether both the check and the shutdown found the machine off. The shutdown alone does not tell: one
    whose answer was lost finds the machine off when it is asked for again; nor does the check, after which
    the owner may have started the machine."""
    found = read.facts_of(session, job_id, CHECK, OffCheck)
    went = read.facts_of(session, job_id, SHUT_DOWN, PowerFact)
    return found is not None and found.off and went is not None and went.already


def is_passing(job: JobView) -> bool:
    """Whether the job is a cancel that failed because what answers for its machine was away: it goes on by
    itself (`watch.cancels_again`)."""
    is_cancel = job.name == Verb.CANCEL_FAILOVER.value
    return is_cancel and job.error is not None and job.error.code == errors.MachineAway.code


def _left_as_it_is(machine: MachineRecord) -> MachineRecord:
    """The machine's record after a failed cancel: a person looks, and decides."""
    cancelling = lifecycle.after(machine.state, Event.FAILED).next
    return replace(machine, state=lifecycle.after(cancelling, Event.FAILED).next, job_id=None)
