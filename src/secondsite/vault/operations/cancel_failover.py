"""Cancel failover: back to just before the failover. The new copy is removed, the old machine runs again,
replication goes on.

For a planned failover before its commit (S-204, S-205), and for a failover that died half-way, so that no
machine is ever stuck. A target that does not answer delays production only if it may have started the new
copy, and then until an operator says that the site is gone.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from ...domain import errors, shell
from ...domain.lifecycle import Verb
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Step
from ...jobs.model.outcomes import Outcome, Skipped
from ...wire import rest
from ...wire.common.base import Shape
from ...wire.control.checks import CheckTarget, Obstacles
from ...wire.control.orders import Nothing
from ..steps import lookup, obstacles
from ..steps.absent_site import declaration
from ..steps.absent_site.declaration import Need, WithoutSite
from ..steps.automatic_cancel import CancelArguments
from ..steps.operation import MachineOperation
from ..steps.sides import dns_names, other_hosts, pool_addresses
from ..steps.sides.target import Target
from ..store import MachineRecord, Transaction

P = TypeVar("P", bound=Shape)


class CancelFailover(MachineOperation):
    verb = Verb.CANCEL_FAILOVER

    def arguments(self, tx: Transaction, request: Shape, machine: MachineRecord) -> WithoutSite:
        assert isinstance(request, rest.CancelFailover)
        lost = declaration.given_up(self.deps, machine, request, (machine.target_site,))
        return WithoutSite(without_site=lost)

    def steps(self) -> Sequence[Step]:
        return (
            Step("check", self._check, title="Prerequisites check"),
            Step("remove_failed_over", self._remove, title="Remove the failed-over machine"),
            Step("resume_replication", self._resume, title="Resume replication"),
            Step("start", self._start, title="Start"),
            Step("names", self._names, title="DNS names"),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        source = self.source(ctx)
        with self.deps.store.reading() as tx:
            committed = lookup.is_committed(source.machine, tx.statuses.get(source.machine.id))
        if committed:
            raise errors.PrerequisiteFailed(
                (
                    f"A commit of the failover of {source.machine.name} has begun: there is no other copy to "
                    "go back to."
                ),
                do=f"Commit it again: 'secondsite machine commit {shell.arguments(source.machine.name)}'.",
            )
        other_hosts.require_copy_here("The cancel", self.orders, ctx, source.machine)
        other_hosts.require_not_alone("The cancel", self.orders, ctx, source.machine)
        self._remind(ctx, source.machine)
        # Where no copy was ordered nothing is removed: who cannot start now is let go on later.
        now = source.power(comes_back=_starts(ctx) and source.machine.start_ordered, patient=True)
        in_the_way = Obstacles(obstacles=now.facts.obstacles)
        obstacles.require_none("The cancel of the failover", source.machine.name, in_the_way)
        return now.done()

    def _remind(self, ctx: StepContext, machine: MachineRecord) -> None:
        """Tell the target of the replica again: one that lost its database takes its own copy for production,
        and keeps it."""
        target = self.target(ctx, machine)
        if machine.start_ordered and self.deps.gateway.is_connected(target.appliance_id):
            with contextlib.suppress(errors.NotFound):
                target.list_points()

    def _remove(self, ctx: StepContext) -> Outcome:
        """Remove the new copy before the old machine starts: never two at once."""
        target = self.target(ctx)
        machine = target.machine
        by_itself = ctx.arguments(CancelArguments).because is not None
        if not machine.start_ordered and not declaration.is_given_up(self.deps, target):
            self._require_no_other_copy(ctx, target)
            return Skipped(f"{machine.target_site} was never told to start {machine.name}")
        need = Need(
            target.to_stop_failed_over(begun_only=not by_itself and machine.failed_over_point_id is None),
            lost=(
                f"what {machine.name} wrote there since the failover is lost, and it must not run there any "
                "more"
            ),
            later=f"the failed-over {machine.name} is stopped and removed there",
        )
        return self._without_a_target_that_never_started(ctx, target, need)

    def _require_no_other_copy(self, ctx: StepContext, target: Target) -> None:
        """Raises PrerequisiteFailed for a copy that this failover did not start: a restored vault may have
        forgotten another one. A cancel that started by itself does not check: production waits for it."""
        by_itself = ctx.arguments(CancelArguments).because is not None
        if not by_itself and self.deps.gateway.is_connected(target.appliance_id):
            found = target.check(CheckTarget(no_copy=True)).facts
            obstacles.require_none("The cancel of the failover", target.machine.name, found)

    def _resume(self, ctx: StepContext) -> Outcome:
        target = self.target(ctx)
        need = Need(
            target.to_accept_cycles(True),
            lost=f"{target.machine.name} is not protected until the site takes its changes again",
            later="its replica is opened again",
        )
        return self._without_a_target_that_never_started(ctx, target, need)

    def _without_a_target_that_never_started(
        self, ctx: StepContext, target: Target, need: Need[P, Nothing]
    ) -> Outcome:
        """If the target was never told to start the machine, nothing runs there, and the machine, which is
        off, does not wait for that site."""
        if target.machine.start_ordered or self.deps.gateway.is_connected(target.appliance_id):
            return declaration.unless_given_up(self.deps, ctx, target, need)
        never = replace(need, lost=f"it does not answer, and was never told to start {target.machine.name}")
        return declaration.left_for_later(self.deps, target, never)

    def _names(self, ctx: StepContext) -> Outcome:
        source = self.source(ctx)
        return dns_names.update(
            self.deps,
            source,
            source.machine.source_fabric_id,
            at_home=not source.machine.is_away,
        )

    def _start(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        if not ctx.arguments(CancelArguments).stopped:
            return Skipped(f"{machine.name} was not shut down: it is left as it is")

        def record(tx: Transaction) -> None:
            now = tx.machines.get(machine.id)
            tx.machines.put(
                replace(
                    now,
                    failed_over_point_id=None,
                    failed_over_at=None,
                    failed_over_forward=None,
                    start_ordered=False,
                )
            )

        outcome = self.source(ctx, machine).restart(start=_starts(ctx)).done(self.deps.commit(record))
        if machine.is_away:
            return outcome
        with self.deps.store.reading() as tx:
            return pool_addresses.giving_back(tx, machine, outcome)


def _starts(ctx: StepContext) -> bool:
    """Whether the old machine is to run again: nothing is removed before it is known that it can."""
    asked = ctx.arguments(CancelArguments)
    return asked.stopped and not asked.off_before
