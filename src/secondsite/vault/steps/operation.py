"""The frame of a verb on machines: finds them, asks the lifecycle, submits one job each.

Several machines get one parent job whose children run at the same time; one that fails does not stop the
others.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel

from ...domain import allowed_operations, errors, lifecycle, shell
from ...domain.lifecycle import Verb
from ...domain.machines import hooks
from ...domain.plans import one_way
from ...domain.plans.directions import Direction
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Definition, Step
from ...jobs.model.views import JobView
from ...wire.common.base import Shape
from ...wire.rest import JobAccepted
from ...wire.rest.verbs import OneWay
from ..store import MachineRecord, Transaction
from . import authority, batch, histories
from .claim import MachineClaim, claimed
from .deps import Deps
from .hooks import HookPlacement, Known, with_hooks
from .points import choose_recovery_point
from .retry_store import retrying
from .sides.orders import Orders
from .sides.source import Source
from .sides.target import Target


class MachineOperation:
    """One verb on protected machines. A subclass defines `verb`, `steps` and perhaps `arguments`."""

    verb: ClassVar[Verb]
    undo_on_failure: ClassVar[bool] = False

    def __init__(self, deps: Deps) -> None:
        self.deps = deps
        self.orders = Orders(deps)
        self.claim = MachineClaim(deps, self.verb, self.refuse_again)

    def steps(self) -> Sequence[Step]:
        """The steps of the job, from top to bottom."""
        raise TypeError(f"{type(self).__name__} has no steps")

    def arguments(self, tx: Transaction, request: Shape, machine: MachineRecord) -> BaseModel | None:
        """The arguments of the job besides its machine; raises InvalidArgument for a bad request."""
        return None

    def keeps(self, machine: MachineRecord, ctx: StepContext) -> str | None:
        """Why the job leaves what it started, with its hooks' effects; None: it does not."""
        return None

    def refuse_again(self, tx: Transaction, machine: MachineRecord, job: JobView) -> None:
        """Raises a SecondsiteError if a retry would do what a person would be asked about before the verb."""

    def with_hooks(self) -> Definition:
        """The verb's definition; jobs of machines that have hooks run them."""
        plain = self.definition()
        if self.verb not in hooks.VERBS:
            return plain
        return HookPlacement(self.deps, self.orders, self.verb, self.machine, self.keeps).definition(plain)

    def definition(self) -> Definition:
        return Definition(
            self.verb.value,
            tuple(retrying(step) for step in self.steps()),
            cancelable=self.verb in lifecycle.CANCELABLE,
            undo_on_failure=self.undo_on_failure,
            over_again=True,
            on_retry=self.claim.retry,
            on_start=self.claim.start,
            on_success=self.claim.success,
            on_failure=self.claim.failure,
            on_cancelled=self.claim.failure,
        )

    def submit(self, tx: Transaction, request: Shape, requested_by: str) -> JobAccepted:
        """Submit one job per machine. All are checked before any is submitted."""
        names = unique(getattr(request, "machines", ()))
        known = tx.machines.find_all(names)
        machines = list({each.id: each for each in (_found(known, name) for name in names)}.values())
        left_out = _left_out(machines, request)
        machines = [each for each in machines if each.name not in left_out]
        allowed_operations.require_all(
            self.verb, [(each.name, each.state, each.drill_state) for each in machines]
        )
        choose_recovery_point.require_common(machines, request)
        if len(machines) == 1 and not left_out:
            (machine,) = machines
            arguments = self._asked(tx, request, machine)
            return JobAccepted(job_id=self._submit_one(tx, machine, arguments, requested_by))
        return JobAccepted(job_id=self._submit_batch(tx, machines, left_out, request, requested_by))

    def children(
        self, tx: Transaction, machines: Sequence[MachineRecord], request: Shape
    ) -> tuple[batch.BatchChild, ...]:
        """The jobs of these machines as children of one job, for their present states. Raises as `arguments`
        does."""
        highest = authority.highest_of(tx, machines, self.verb)
        known = tx.hooks.all() if self.verb in hooks.VERBS else {}
        asked = {each.id: self._asked(tx, request, each, known) for each in machines}
        return tuple(
            batch.child(self.verb, each.id, each.name, asked[each.id], highest[each.id]) for each in machines
        )

    def _asked(
        self, tx: Transaction, request: Shape, machine: MachineRecord, hooks: Known | None = None
    ) -> BaseModel | None:
        """The arguments of the machine's job. `hooks`: those of many machines, read at once."""
        arguments = with_hooks(tx, machine, self.verb, self.arguments(tx, request, machine), hooks)
        return histories.with_way(machine, self.verb, arguments)

    def _submit_one(
        self, tx: Transaction, machine: MachineRecord, arguments: BaseModel | None, by: str
    ) -> str:
        job_id = self.deps.submit(
            tx.session,
            self.verb.value,
            subject=machine.id,
            subject_name=machine.name,
            arguments=arguments,
            requested_by=by,
        )
        tx.machines.put(claimed(tx, machine, self.verb, job_id))
        return job_id

    def _submit_batch(
        self,
        tx: Transaction,
        machines: Sequence[MachineRecord],
        left_out: tuple[str, ...],
        request: Shape,
        by: str,
    ) -> str:
        children = self.children(tx, machines, request)
        return self.deps.submit(
            tx.session,
            batch.BATCH,
            subject="",
            subject_name=", ".join(machine.name for machine in machines),
            arguments=batch.BatchArguments(
                verb=self.verb,
                children=children,
                left_out=left_out,
                warnings=self.warnings_of_several(tx, machines, request),
            ),
            requested_by=by,
        )

    def warnings_of_several(
        self, tx: Transaction, machines: Sequence[MachineRecord], request: Shape
    ) -> tuple[str, ...]:
        """Warnings for the result of a job of several machines; only drills have any."""
        return ()

    def machine(self, ctx: StepContext) -> MachineRecord:
        """The present record of the job's machine; raises StaleOrder if a later job has taken the machine."""
        with self.deps.store.reading() as tx:
            return authority.claimed(tx, str(ctx.subject), self.verb.value, ctx.job_id)

    def source(self, ctx: StepContext, machine: MachineRecord | None = None) -> Source:
        """Orders to the source of the job's machine; of `machine`, if its roles should differ."""
        return Source(self.orders, ctx, machine or self.machine(ctx))

    def target(self, ctx: StepContext, machine: MachineRecord | None = None) -> Target:
        """Orders to the target of the job's machine; see `source`."""
        return Target(self.orders, ctx, machine or self.machine(ctx))


def _found(known: Mapping[str, MachineRecord], name: str) -> MachineRecord:
    machine = known.get(name)
    if machine is None:
        raise errors.NotFound(
            f"There is no machine '{name}' under protection.",
            do="List machines with 'secondsite machine list'; protect this one with 'secondsite machine "
            f"enable-protection {shell.arguments(name, options='--source SITE --target SITE')}'.",
        )
    return machine


def _left_out(machines: Sequence[MachineRecord], request: Shape) -> tuple[str, ...]:
    """Names of machines that do not go in the requested direction. Raises NotPossibleNow."""
    if not isinstance(request, OneWay):
        return ()
    ways = [(each.name, Direction.HOME if each.reversed else Direction.AWAY) for each in machines]
    return one_way.others(ways, request.direction)


def unique(names: Sequence[str]) -> list[str]:
    """The names in their order, each once."""
    return list(dict.fromkeys(names))
