"""Planned failover: no loss. Copy while the machine runs, shut it down, copy the rest, start it at the other side.

The recovery point is made after the job is started (S-083). If anything fails, a job that
cancels it starts by itself (S-215). A failback is this verb on a machine that was reprotected.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from ...domain import errors
from ...domain.lifecycle import Verb
from ...ground.plural import counted
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Definition, Step
from ...jobs.model.facts import Json
from ...jobs.model.outcomes import Done, Outcome
from ...wire.control.orders import CycleFact, Points
from ..steps import obstacles
from ..steps.cancel_itself import cancel_itself
from ..steps.claim import CHECK
from ..steps.gates import (
    Gate,
    InTurn,
    Turn,
    await_turn,
    require_going_on,
    require_still_off,
    turn_to,
)
from ..steps.operation import MachineOperation
from ..steps.points.recovery_point import ChosenInstant
from ..steps.retry_store import retrying
from ..steps.sides import cards, naming, properties
from ..steps.sides.giving_orders import Answer
from ..steps.sides.proving import prove
from ..steps.sides.source import PATIENT_REACH_SECONDS
from ..steps.start_failed_over import start_from

TARGET_AWAY_SECONDS = 60.0


class LastInstant(ChosenInstant):
    """The point of the last delta: nothing is lost with it."""

    loses_seconds: float = 0


class PlannedFailover(MachineOperation):
    verb = Verb.PLANNED_FAILOVER

    def definition(self) -> Definition:
        alone, back = super().definition(), cancel_itself(self.deps, self.claim)
        return replace(alone, steps=(), steps_of=self._steps_of, on_failure=back, on_cancelled=back)

    def _steps_of(self, arguments: Json) -> Sequence[Step]:
        turn = InTurn.model_validate(arguments).turn
        steps = self.steps() if turn is None else map(_comes_back_by_itself, self._with_gates(turn))
        return tuple(map(retrying, steps))

    def _with_gates(self, turn: Turn) -> Iterator[Step]:
        """In a plan all machines are shut down before the first one starts."""
        gates = {
            "shut_down": Gate(turn.shut_down, "be shut down", holds_open=False),
            "start": Gate(turn.start, "start", holds_open=True),
        }
        for step in self.steps():
            gate = gates.get(step.key)
            if gate is not None:
                run = partial(self._await_turn, gate, turn.looks_seconds)
                yield Step(turn_to(step.key), run, title=f"Wait for the turn to {gate.doing}")
            yield replace(step, run=self._check_in_run) if step.key == CHECK else step

    def _check_in_run(self, ctx: StepContext) -> Outcome:
        require_going_on(ctx)
        return self._check(ctx)

    def _await_turn(self, gate: Gate, looks_seconds: float, ctx: StepContext) -> Outcome:
        outcome = await_turn(ctx, gate, looks_seconds)
        if gate.doing == "start":
            require_still_off(self.source(ctx))
        return outcome

    def steps(self) -> Sequence[Step]:
        return (
            Step(CHECK, self._check, title="Prerequisites check"),
            Step("pre_copy", self._pre_copy, title="Synchronize"),
            Step("shut_down", self._shut_down, title="Shut down"),
            Step("final_cycle", self._final_cycle, title="Synchronize the last changes"),
            Step("failover", self._failover, title="Failover"),
            Step("start", self._start, title="Start"),
            Step("prove", self._prove, title="Proof"),
            Step("names", self._names, title="DNS names"),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        power = self.source(ctx, machine).power().facts.power
        obstacles.require_whole("A planned failover", machine.name, power)
        points = self.target(ctx, machine).list_points().facts.points
        if not points:
            raise errors.PrerequisiteFailed(
                f"{machine.name} has no recovery point at {machine.target_site}.",
                do="Wait until initial replication or reprotect has ended.",
            )
        definition = None if machine.reversed else machine.definition  # at home it runs as it did before
        with self.deps.store.reading() as tx:
            connected, names = cards.checked(tx, machine), naming.names(tx, machine)
            unconnected = cards.unconnected(tx, machine, connected)
            wanted = properties.set_for(tx, machine)
        tried = self.target(ctx, machine).check_failover(
            definition,
            cards=connected,
            networks=cards.names(connected),
            names=names,
            no_copy=True,
            wanted=wanted,
        )
        old = properties.too_old(wanted.sizing, tried.facts, machine)
        warned, keep = obstacles.passed(
            self.deps, "A planned failover", machine, tried.facts, old, told=unconnected
        )
        return Done(
            f"both sites answer; {machine.target_site} has {counted(len(points), 'point')} of {machine.name}{warned}",
            commit=keep,
        )

    def _pre_copy(self, ctx: StepContext) -> Outcome:
        return self.source(ctx).pre_copy().done()

    def _shut_down(self, ctx: StepContext) -> Outcome:
        return self.source(ctx).shut_down(force=False, reach_seconds=PATIENT_REACH_SECONDS).done()

    def _final_cycle(self, ctx: StepContext) -> Outcome:
        """The machine is off: it does not wait for a target that does not come back."""
        source = self.source(ctx)
        self.orders.require_reachable(ctx, source.machine.target_appliance_id, TARGET_AWAY_SECONDS)
        return source.final_cycle().done()

    def _failover(self, ctx: StepContext) -> Outcome:
        target = self.target(ctx)
        target.accept_cycles(False)
        last = ctx.facts("final_cycle", CycleFact)
        return _last_point(target.drain_until(last), last)

    def _start(self, ctx: StepContext) -> Outcome:
        """A network that went since the check fails it: the machine is brought back and runs at the source, connected."""
        instant = ctx.facts("failover", LastInstant)
        return start_from(self.deps, ctx, self.target(ctx), instant, with_all_networks=True)

    def _prove(self, ctx: StepContext) -> Outcome:
        return prove(self.deps, ctx, self.target)

    def _names(self, ctx: StepContext) -> Outcome:
        return naming.after_failover(self.deps, ctx, self.target(ctx))


def _comes_back_by_itself(step: Step) -> Step:
    """A cancel is found at the next gate, which fails then; the engine would leave the machine where it is."""
    return replace(step, cancelable=False)


def _last_point(drained: Answer[Points], last: CycleFact) -> Done:
    """Only the point of the last delta will do: any other would lose writes."""
    found = [p for p in drained.facts.points if (p.epoch, p.seq) == (last.epoch, last.seq)]
    if not found:
        raise errors.ReplicaError(
            f"The target has no recovery point of the last cycle {last.epoch}.{last.seq}."
        )
    if found[0].damaged:
        raise errors.PointDamaged(
            f"The point of the last cycle {last.epoch}.{last.seq} stands on damaged data.",
            do="Wait until the machine was compared ('secondsite machine show MACHINE'), then start it again.",
        )
    return Done(
        f"point {found[0].id} holds every write ({drained.sentence})",
        LastInstant(point_id=found[0].id, taken_at=found[0].taken_at),
    )
