"""Claims of machines: a job owns its machine from its start to its end; the lifecycle table says what that
does to the machine's state.

The hooks run in the transaction that records the job's start or end, so job and state never disagree.
"""

from collections.abc import Callable
from dataclasses import replace

from ...domain import errors, lifecycle
from ...domain.lifecycle import DrillState, Event, State, Verb
from ...ground.job_states import JobState
from ...jobs.model.failures import Refused
from ...jobs.model.views import JobView
from ...jobs.storage import read
from ...jobs.storage.database import Session
from ..store import MachineRecord, Transaction
from . import authority, batch
from .absent_site.declaration import WithoutSite
from .authority import BESIDE_THE_LIFECYCLE
from .deps import Deps
from .sides import pool_addresses

CHECK = "check"
"""The key of every verb's first step, which touches nothing."""
RefuseAgain = Callable[[Transaction, MachineRecord, JobView], None]


def claimed(tx: Transaction, machine: MachineRecord, verb: Verb, job_id: str) -> MachineRecord:
    """The machine's record with the verb's job as its owner; raises NotPossibleNow."""
    lifecycle.require(verb, machine.name, machine.state, machine.drill_state)
    if verb in BESIDE_THE_LIFECYCLE:
        state = lifecycle.drill_after(machine.drill_state, verb)
        number = authority.highest(tx, machine, verb) + 1
        return replace(machine, drill_state=state, drill_generation=number, drill_claimed_by=job_id)
    return taken(tx, machine, lifecycle.after(machine.state, verb).next, job_id)


def taken(tx: Transaction, machine: MachineRecord, state: State, job_id: str) -> MachineRecord:
    """The machine's record in that state, under the authority of this job and of none before it."""
    return replace(
        machine,
        state=state,
        came_from=machine.state,
        job_id=job_id,
        claimed_by=job_id,
        generation=authority.highest(tx, machine) + 1,
        epoch=authority.epoch(tx, machine),
    )


def untouched(session: Session, job: JobView) -> bool:
    """Whether no step but the prerequisites check of the job ever began."""
    return all(task.key == CHECK or task.started_at is None for task in read.tasks_of(session, job.id))


def _as_it_was(machine: MachineRecord) -> MachineRecord:
    back = lifecycle.after_failed_check(machine.state, machine.came_from)
    return replace(machine, state=back, job_id=None)


class MachineClaim:
    """The hooks of a verb's job."""

    def __init__(self, deps: Deps, verb: Verb, refuse_again: RefuseAgain) -> None:
        """`refuse_again` raises what else a retry is refused for."""
        self._deps = deps
        self._verb = verb
        self._refuse_again = refuse_again

    def retry(self, session: Session, job: JobView) -> None:
        """Raises Refused if the verb has succeeded in part: what it did stands, and a retry would do it to a
        machine that has gone on since; if a later job, or another vault, has acted on the machine; if its
        state does not allow it; or if the verb itself refuses it."""
        if job.state is JobState.PARTIALLY_SUCCEEDED:
            raise Refused(
                "superseded",
                f"The job has succeeded, except for what it says, and {job.subject_name} has gone on since.",
                "Do that by hand; or start the verb again, which does all of it.",
            )
        tx = self._deps.store.within(session)
        try:
            machine = tx.machines.get(str(job.subject))
            self._require_authority(tx, machine, job)
            lifecycle.require(self._verb, machine.name, machine.state, machine.drill_state)
            self._refuse_again(tx, machine, job)
        except errors.SecondsiteError as error:
            raise Refused(error.code, error.message, error.do) from error

    def start(self, session: Session, job: JobView) -> None:
        """Take the machine, unless this job took it when it was submitted (a retry or a job of a batch takes
        it here)."""
        tx = self._deps.store.within(session)
        machine = tx.machines.get(str(job.subject))
        if not self._holds(machine, job):
            self._require_authority(tx, machine, job)
            tx.machines.put(claimed(tx, machine, self._verb, job.id))

    def success(self, session: Session, job: JobView) -> None:
        self._end(session, job, Event.SUCCEEDED)

    def failure(self, session: Session, job: JobView) -> None:
        self._end(session, job, Event.FAILED)

    def _require_authority(self, tx: Transaction, machine: MachineRecord, job: JobView) -> None:
        """Raises if the machine was claimed since the batch was submitted: a job of a batch claims its
        machine when it starts."""
        asked = batch.asked_at(tx.session, job)
        if asked is None or authority.highest(tx, machine, self._verb) > asked:
            authority.require(tx, machine, job)

    def _holds(self, machine: MachineRecord, job: JobView) -> bool:
        if self._verb in BESIDE_THE_LIFECYCLE:
            moving = machine.drill_state in (DrillState.STARTING, DrillState.CLEANING)
            return moving and machine.drill_claimed_by in (job.id, None)
        return machine.job_id == job.id

    def _end(self, session: Session, job: JobView, event: Event) -> None:
        tx = self._deps.store.within(session)
        machine = tx.machines.by_id(str(job.subject))
        if machine is None or not self._holds(machine, job):
            return
        given_up = WithoutSite.model_validate(job.arguments).without_site
        if event is Event.SUCCEEDED and pool_addresses.comes_home(machine, self._verb, given_up):
            tx.pools.give_back(machine.id)
        if self._verb in BESIDE_THE_LIFECYCLE:
            tx.machines.put(self._drill_ended(machine, event))
        elif event is Event.FAILED and lifecycle.is_moving(machine.state) and untouched(session, job):
            tx.machines.put(_as_it_was(machine))
        else:
            tx.machines.put(self._ended(machine, event))

    def _drill_ended(self, machine: MachineRecord, event: Event) -> MachineRecord:
        state = lifecycle.drill_after(machine.drill_state, event)
        return replace(machine, drill_state=state, drill=None if state is DrillState.NONE else machine.drill)

    def _ended(self, machine: MachineRecord, event: Event) -> MachineRecord:
        if not lifecycle.is_moving(machine.state):
            return replace(machine, job_id=None)
        return replace(machine, state=lifecycle.after(machine.state, event).next, job_id=None)
