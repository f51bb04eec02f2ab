"""A job owns its machine from its start to its end; the lifecycle table says what that does to the machine's state.

The hooks run in the transaction that records the job's start or end, so job and state never disagree.
"""

from dataclasses import replace

from ...domain import lifecycle
from ...domain.lifecycle import DrillState, Event, Verb
from ...jobs.model.views import JobView
from ...jobs.storage.database import Session
from .. import ports
from .deps import Deps

DRILL_VERBS = frozenset({Verb.TEST_FAILOVER, Verb.CLEANUP_TEST_FAILOVER})


def claimed(machine: ports.MachineRecord, verb: Verb, job_id: str) -> ports.MachineRecord:
    """The machine as the verb's job takes it; raises NotPossibleNow."""
    lifecycle.require(verb, machine.name, machine.state, machine.drill_state)
    if verb in DRILL_VERBS:
        return replace(machine, drill_state=lifecycle.drill_after(machine.drill_state, verb))
    return replace(machine, state=lifecycle.after(machine.state, verb).next, job_id=job_id)


class MachineClaim:
    """The hooks of a verb's job."""

    def __init__(self, deps: Deps, verb: Verb) -> None:
        self._deps = deps
        self._verb = verb

    def start(self, session: Session, job: JobView) -> None:
        """Takes the machine, unless this job took it when it was submitted (a retry or a batch takes it here)."""
        tx = self._deps.store.within(session)
        machine = tx.machines.get(str(job.subject))
        if not self._holds(machine, job):
            tx.machines.put(claimed(machine, self._verb, job.id))

    def success(self, session: Session, job: JobView) -> None:
        self._end(session, job, Event.SUCCEEDED)

    def failure(self, session: Session, job: JobView) -> None:
        self._end(session, job, Event.FAILED)

    def _holds(self, machine: ports.MachineRecord, job: JobView) -> bool:
        if self._verb in DRILL_VERBS:
            return machine.drill_state in (DrillState.STARTING, DrillState.CLEANING)
        return machine.job_id == job.id

    def _end(self, session: Session, job: JobView, event: Event) -> None:
        tx = self._deps.store.within(session)
        machine = tx.machines.find(str(job.subject))
        if machine is None or not self._holds(machine, job):
            return
        if self._verb in DRILL_VERBS:
            tx.machines.put(self._drill_ended(machine, event))
        else:
            tx.machines.put(self._ended(machine, event))

    def _drill_ended(self, machine: ports.MachineRecord, event: Event) -> ports.MachineRecord:
        state = lifecycle.drill_after(machine.drill_state, event)
        return replace(machine, drill_state=state, drill=None if state is DrillState.NONE else machine.drill)

    def _ended(self, machine: ports.MachineRecord, event: Event) -> ports.MachineRecord:
        if not lifecycle.is_moving(machine.state):
            return replace(machine, job_id=None)
        return replace(machine, state=lifecycle.after(machine.state, event).next, job_id=None)
