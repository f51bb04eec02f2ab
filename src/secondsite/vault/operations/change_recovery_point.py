"""Change recovery point: the failed-over machine is not what was wanted; it is started from another point.

Possible until commit. Everything that the start needs is checked before the machine, with what it wrote, is
removed. If the new point does not start all the same, the old one is started again.
"""

from collections.abc import Sequence
from dataclasses import replace

from ...domain import bring_up
from ...domain.lifecycle import State, Verb
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Step
from ...jobs.model.outcomes import Done, Outcome
from ...wire import rest
from ...wire.common.base import Shape
from ...wire.common.points import RollForward
from ...wire.control.checks import Obstacles, ObstacleShape
from ..steps import lookup, obstacles
from ..steps.operation import MachineOperation
from ..steps.points import choose_recovery_point
from ..steps.points.choose_recovery_point import ChoiceArguments, StartInstant
from ..steps.sides import dns_names, network_cards, other_hosts, pool_addresses, properties
from ..steps.sides.proving import prove
from ..steps.sides.target import Target
from ..steps.start_failed_over import start_from
from ..store import MachineRecord, Transaction


class ChangeArguments(ChoiceArguments):
    """The choice, and the point that the machine runs from until then."""

    old_point: str
    old_forward: RollForward | None = None


class ChangeRecoveryPoint(MachineOperation):
    verb = Verb.CHANGE_RECOVERY_POINT
    undo_on_failure = True

    def arguments(self, tx: Transaction, request: Shape, machine: MachineRecord) -> ChangeArguments:
        assert isinstance(request, rest.ChangeRecoveryPoint)
        return ChangeArguments(
            **dict(choose_recovery_point.choice_for(tx, machine, request)),
            old_point=str(machine.failed_over_point_id),
            old_forward=machine.failed_over_forward,
        )

    def steps(self) -> Sequence[Step]:
        return (
            Step("check", self._check, title="Prerequisites check"),
            Step("shut_down", self._shut_down, title="Shut down", undo=self._start_old),
            Step("start", self._start, title="Start", undo=self._stop_new, undo_after_failure=True),
            Step("prove", self._prove, title="Proof"),
            Step("names", self._names, title="DNS names"),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        target = self.target(ctx)
        verb = "The change of the recovery point"
        other_hosts.require_copy_here(verb, self.orders, ctx, target.machine)
        other_hosts.require_not_alone(verb, self.orders, ctx, target.machine)
        found = choose_recovery_point.choose(ctx, target, process=True)
        left = f"; it is not the latest. {found.left}" if found.left else ""
        warned = self._tried(target, found.instant.point_id)
        return Done(f"{target.machine.name} will start from {found.what}{left}{warned}", found.instant)

    def _tried(self, target: Target, point_id: str) -> str:
        """The warnings of the checks; raises PrerequisiteFailed for what would make the start from this point
        fail: the machine may have had other hardware and networks then."""
        machine = target.machine
        with self.deps.store.reading() as tx:
            pooled = pool_addresses.look(tx, machine, network_cards.checked(tx, machine), blocking=False)
            unconnected = network_cards.unconnected(tx, machine, pooled.cards)
            wanted, names = properties.set_for(tx, machine), dns_names.names(tx, machine)
            home, known = network_cards.at_home(tx, machine), tx.statuses.get(machine.id)
            at = network_cards.at_point(tx, machine, point_id)
        tried = target.check_failover(
            None if machine.reversed else machine.definition,  # at home it runs as it did before
            cards=pooled.cards,
            names=names,
            wanted=wanted,
            home_in_need=home,
            memory_needed=True,
            at=at,
        ).facts
        forgotten = _forgotten(machine) if lookup.is_forgotten(machine, known) else obstacles.NOTHING
        old = properties.too_old(wanted.sizing, tried, machine)
        verb = "The change of the recovery point"
        return obstacles.require_none(verb, machine.name, tried, unconnected, pooled.unpooled, old, forgotten)

    def _shut_down(self, ctx: StepContext) -> Outcome:
        """Stop the machine. A replica that was put back from before the failover would accept cycles, and so
        no start."""
        target = self.target(ctx)
        target.accept_cycles(False)
        return target.ask(target.to_stop_failed_over()).done()

    def _start(self, ctx: StepContext) -> Outcome:
        return start_from(self.deps, ctx, self.target(ctx), ctx.facts("check", StartInstant))

    def _prove(self, ctx: StepContext) -> Outcome:
        return prove(self.deps, ctx, self.target)

    def _names(self, ctx: StepContext) -> Outcome:
        return dns_names.after_failover(self.deps, ctx, self.target(ctx))

    def _stop_new(self, ctx: StepContext) -> Outcome:
        return self._shut_down(ctx)

    def _start_old(self, ctx: StepContext) -> Outcome:
        old = ctx.arguments(ChangeArguments)
        instant = StartInstant(point_id=old.old_point, forward=old.old_forward)
        done = start_from(self.deps, ctx, self.target(ctx), instant)
        return replace(done, sentence=f"{done.sentence}; what it had written since its failover is lost")


def _forgotten(machine: MachineRecord) -> Obstacles:
    """For a replica without a record of the failover: the machine can be started from what is left there, but
    another way may lose less."""
    name, site = machine.name, machine.target_site
    do = bring_up.from_points(
        name, site, cancels=machine.came_from is State.PLANNED_FAILED_OVER, changes=True
    )
    what = f"{bring_up.forgotten(name, site)}."
    return Obstacles(obstacles=(ObstacleShape(what=what, do=do, blocking=False),))
