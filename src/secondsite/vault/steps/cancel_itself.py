"""A planned failover that fails is cancelled by a job that starts by itself (S-215)."""

from dataclasses import replace

from ...domain import lifecycle
from ...domain.lifecycle import Event, Verb
from ...jobs.model.definitions import Hook
from ...jobs.model.views import JobView
from ...jobs.storage.database import Session
from ...wire.common.base import Shape
from .deps import Deps


class CancelArguments(Shape):
    """The job whose failure started the cancel."""

    because: str


def cancel_itself(deps: Deps) -> Hook:
    """For `on_failure`: starts the job that cancels the machine's failover."""

    def start_cancel(session: Session, job: JobView) -> None:
        tx = deps.store.within(session)
        machine = tx.machines.get(str(job.subject))
        if machine.job_id != job.id:
            return
        cancel_id = deps.submit(
            session,
            Verb.CANCEL_FAILOVER.value,
            subject=machine.id,
            subject_name=machine.name,
            arguments=CancelArguments(because=job.id),
            by="secondsite",
        )
        state = lifecycle.after(machine.state, Event.FAILED).next
        tx.machines.put(replace(machine, state=state, job_id=cancel_id))

    return start_cancel
