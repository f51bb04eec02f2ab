"""The frame of a verb: find the machines, ask the lifecycle, submit one job each.

Several machines come under one parent job whose children run side by side; one that fails does not stop the others.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ...domain import errors, lifecycle
from ...domain.lifecycle import Verb
from ...jobs.definitions import Definition, Step
from ...wire.base import Shape
from ...wire.rest import JobAccepted
from .. import ports
from .batch import BATCH, child_arguments
from .claim import Claim, claimed
from .deps import Deps
from .ordering import Orders
from .patience import patient


class MachineOperation:
    """One verb on machines that are under protection. A subclass gives `verb`, `steps` and maybe `arguments`."""

    verb: ClassVar[Verb]
    cancelable: ClassVar[bool] = False
    undo_on_failure: ClassVar[bool] = False

    def __init__(self, deps: Deps) -> None:
        self.deps = deps
        self.orders = Orders(deps)
        self.claim = Claim(deps, self.verb)

    def steps(self) -> Sequence[Step]:
        """The job from top to bottom."""
        raise TypeError(f"{type(self).__name__} has no steps")

    def arguments(
        self, tx: ports.Transaction, request: Shape, machine: ports.MachineRecord
    ) -> dict[str, Any]:
        """What the job needs to know besides its machine; raises InvalidArgument for a bad request."""
        return {}

    def definition(self) -> Definition:
        return Definition(
            self.verb.value,
            tuple(patient(step) for step in self.steps()),
            cancelable=self.cancelable,
            undo_on_failure=self.undo_on_failure,
            on_start=self.claim.start,
            on_success=self.claim.success,
            on_failure=self.claim.failure,
            on_cancelled=self.claim.failure,
        )

    def submit(self, tx: ports.Transaction, request: Shape, requested_by: str) -> JobAccepted:
        """One job per machine. All are checked before any is submitted."""
        machines = [_find(tx, name) for name in unique(getattr(request, "machines", ()))]
        for machine in machines:
            lifecycle.require(self.verb, machine.name, machine.state, machine.drill_state)
        ordered = [(machine, self.arguments(tx, request, machine)) for machine in machines]
        if len(ordered) == 1:
            return JobAccepted(job_id=self._submit_one(tx, *ordered[0], requested_by))
        return JobAccepted(job_id=self._submit_batch(tx, ordered, requested_by))

    def _submit_one(
        self, tx: ports.Transaction, machine: ports.MachineRecord, arguments: Mapping[str, Any], by: str
    ) -> str:
        job_id = self.deps.submit(
            tx.session,
            self.verb.value,
            subject=machine.id,
            subject_name=machine.name,
            arguments=arguments,
            by=by,
        )
        tx.machines.put(claimed(machine, self.verb, job_id))
        return job_id

    def _submit_batch(
        self, tx: ports.Transaction, ordered: Sequence[tuple[ports.MachineRecord, Mapping[str, Any]]], by: str
    ) -> str:
        children = [child_arguments(self.verb, m.id, m.name, arguments) for m, arguments in ordered]
        names = ", ".join(machine.name for machine, _ in ordered)
        return self.deps.submit(
            tx.session,
            BATCH,
            subject="",
            subject_name=names,
            arguments={"verb": self.verb.value, "children": children},
            by=by,
        )

    def machine(self, subject: str | None) -> ports.MachineRecord:
        """The machine's record as it is now."""
        with self.deps.store.transaction() as tx:
            return tx.machines.get(str(subject))


def _find(tx: ports.Transaction, name: str) -> ports.MachineRecord:
    machine = tx.machines.find(name)
    if machine is None:
        raise errors.NotFound(
            f"There is no machine '{name}' under protection.",
            do="List machines with 'secondsite machine list'; protect one with 'secondsite machine enable-protection'.",
        )
    return machine


def unique(names: Sequence[str]) -> list[str]:
    """The names in their order, each once."""
    return list(dict.fromkeys(names))
