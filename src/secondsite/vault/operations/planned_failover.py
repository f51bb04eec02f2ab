"""Planned failover: no loss. Copy while the machine runs, shut it down, copy the rest, start it at the other
site.

The recovery point is made after the job is started (S-083). If anything fails, a job that cancels it starts
by itself (S-215). A failback is this verb on a machine that was reprotected; it alone may start from an
app-consistent point instead (S-076): the last delta is sent all the same, so the newest point can still be
chosen until commit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from pydantic import AwareDatetime

from ...domain import errors, points, verb_choices
from ...domain.amounts import span
from ...domain.lifecycle import Verb
from ...domain.points import RecoveryPointChoice
from ...domain.prediction import budget
from ...ground.plural import counted
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Definition, Step
from ...jobs.model.facts import Json
from ...jobs.model.outcomes import Done, Outcome
from ...jobs.storage import read
from ...wire import rest
from ...wire.common.base import Shape
from ...wire.common.machines import PowerState
from ...wire.common.points import PointShape
from ...wire.control.cards import LocalCard
from ...wire.control.checks import Obstacles, TargetCheckFact
from ...wire.control.orders import CycleFact, Points, PowerFact, StartFact
from ..steps import automatic_cancel, lookup, obstacles, start_delay
from ..steps.automatic_cancel import SHUT_DOWN, OffCheck, cancel_itself
from ..steps.claim import CHECK
from ..steps.gates import Gate, InTurn, StartTurn, await_turn, require_going_on, require_still_off, turn_to
from ..steps.histories import Histories
from ..steps.operation import MachineOperation
from ..steps.points import choose_recovery_point
from ..steps.points.choose_recovery_point import ChosenInstant
from ..steps.retry_store import retrying
from ..steps.sides import (
    address_fit,
    dns_names,
    network_cards,
    other_hosts,
    pool_addresses,
    properties,
    replica_hosts,
)
from ..steps.sides.orders import Answer
from ..steps.sides.proving import prove
from ..steps.sides.replica_hosts import HostArguments, MovingTarget, told
from ..steps.sides.source import PATIENT_REACH_SECONDS, Source
from ..steps.sides.target import Target
from ..steps.start_failed_over import start_from
from ..store import MachineRecord, Transaction

TARGET_AWAY_SECONDS = 60.0
TAKES_CYCLES = frozenset({CHECK, "pre_copy", "final_cycle"})
MAY_MOVE = TAKES_CYCLES | {"failover", "start", "prove"}
"""The steps in which another host of the site may take the replica over."""
RUN_AGAIN = "Fix what is named, then run the plan again: it takes those that have not arrived."


class PlannedFailoverArguments(HostArguments):
    """The choice, and the host; `set_id` is the common point that it meant when the job was submitted,
    `last_set` the set that the last point becomes part of."""

    choice: RecoveryPointChoice = RecoveryPointChoice.LATEST
    set_id: str | None = None
    last_set: str | None = None
    at_most_down_seconds: float | None = None
    down_since: AwareDatetime | None = None
    """When another job shut the machine down before this one began (UTC)."""


class DowntimeBudget(OffCheck):
    """The result of the check: how many seconds the cycle before the last one may take; None: there is no
    budget for the downtime."""

    changes_seconds: float | None = None


class CameUp(StartFact):
    """The result of the start. `down_seconds`: from the beginning of the shutdown until the start; None: not
    known."""

    down_seconds: float | None = None


class LastInstant(ChosenInstant):
    """The point of the last delta, with which nothing is lost; or, in a failback, an earlier one that was
    chosen."""

    loses_seconds: float = 0
    earlier: bool = False
    """Whether a point other than that of the last delta was chosen."""


class PlannedFailover(MachineOperation):
    verb = Verb.PLANNED_FAILOVER

    def arguments(self, tx: Transaction, request: Shape, machine: MachineRecord) -> PlannedFailoverArguments:
        assert isinstance(request, rest.PlannedFailover)
        if request.data_sync is not None:
            raise errors.InvalidArgument(
                (
                    "A data synchronization is for one machine that was committed, not for a plan or for "
                    "several."
                ),
                do="Leave it out: reprotect the machines, then fail them back.",
            )
        if request.location is not None or request.store is not None:
            raise errors.InvalidArgument(
                "A location and a store are for a data synchronization: what is protected has its place "
                "already.",
                do="Leave --location and --store out; or give '--data-sync before', for a machine that was "
                "committed and not reprotected.",
            )
        verb_choices.refuse_planned(request.choice, machine.name, comes_home=machine.reversed)
        return PlannedFailoverArguments(
            choice=request.choice,
            set_id=choose_recovery_point.chosen_set(tx, machine, request.choice),
            at_most_down_seconds=request.at_most_down_seconds,
            host_id=replica_hosts.named(self.deps.gateway, tx, machine, request.target_appliance),
        )

    def definition(self) -> Definition:
        alone, back = super().definition(), cancel_itself(self.deps, self.claim)
        return replace(alone, steps=(), steps_of=self._steps_of, on_failure=back, on_cancelled=back)

    def _steps_of(self, arguments: Json) -> Sequence[Step]:
        turn = InTurn.model_validate(arguments).turn
        if turn is None:
            return tuple(map(retrying, self.steps()))
        steps = self._with_gates(turn, starts_later=start_delay.is_in(arguments))
        return tuple(map(retrying, map(_comes_back_by_itself, steps)))

    def _with_gates(self, turn: StartTurn, starts_later: bool) -> Iterator[Step]:
        """The steps with their gates: in a plan all machines are shut down before the first one starts."""
        gates = {
            SHUT_DOWN: Gate(turn.shut_down, "be shut down", holds_open=False),
            "start": Gate(turn.start, "start", holds_open=True),
        }
        for step in self.steps():
            gate = gates.get(step.key)
            if gate is not None:
                run = partial(self._await_turn, gate, turn.looks_seconds)
                yield Step(turn_to(step.key), run, title=f"Wait for the turn to {gate.doing}")
            if step.key == start_delay.START and starts_later:
                later = partial(self._start_later, gates[step.key], turn.looks_seconds)
                yield Step(turn_to(start_delay.KEY), later, title=start_delay.TITLE)
            yield replace(step, run=self._check_in_run) if step.key == CHECK else step

    def _check_in_run(self, ctx: StepContext) -> Outcome:
        require_going_on(ctx)
        try:
            return self._check(ctx)
        except errors.PrerequisiteFailed as error:  # a run that has stopped takes no retry of one machine
            raise errors.PrerequisiteFailed(error.message, do=RUN_AGAIN) from error

    def _await_turn(self, gate: Gate, looks_seconds: float, ctx: StepContext) -> Outcome:
        outcome = await_turn(ctx, gate, looks_seconds)
        if gate.doing == "start":
            require_still_off(self.source(ctx))
        return outcome

    def _start_later(self, gate: Gate, looks_seconds: float, ctx: StepContext) -> Outcome:
        """Wait before the start; meanwhile the machine can still come back, as at the gate that it has
        passed."""
        await_turn(ctx, gate, looks_seconds)
        outcome = start_delay.wait(ctx)
        require_still_off(self.source(ctx))
        return outcome

    def steps(self) -> Sequence[Step]:
        return (
            Step(CHECK, told(self._check), title="Prerequisites check"),
            Step("pre_copy", told(self._pre_copy), title="Synchronize"),
            Step(SHUT_DOWN, self._shut_down, title="Shut down"),
            Step("final_cycle", told(self._final_cycle), title="Synchronize the last changes"),
            Step("failover", told(self._failover), title="Failover"),
            Step("start", told(self._start), title="Start"),
            Step("prove", told(self._prove), title="Proof"),
            Step("names", self._names, title="DNS names"),
        )

    def target(self, ctx: StepContext, machine: MachineRecord | None = None) -> Target:
        """Until the machine was seen, another host takes the place of one that does not answer."""
        if ctx.key not in MAY_MOVE:
            return super().target(ctx, machine)
        return self._moving(ctx, machine or self.machine(ctx))

    def _moving(self, ctx: StepContext, machine: MachineRecord) -> MovingTarget:
        return MovingTarget(self.orders, ctx, machine, accepting=ctx.key in TAKES_CYCLES)

    def _sending(self, ctx: StepContext) -> Source:
        """The source, which is about to send, or sends, to a target that is there; one whose replica moved
        meanwhile knows where it is."""
        source = self.source(ctx)
        self._moving(ctx, source.machine).require_reachable(TARGET_AWAY_SECONDS)
        if replica_hosts.has_moved(ctx):
            replica_hosts.tell_source(source)
        return source

    def _check(self, ctx: StepContext) -> Outcome:
        replica_hosts.go_to_named(self.orders, ctx, self.machine(ctx))
        if replica_hosts.has_moved(ctx):
            replica_hosts.tell_source(self.source(ctx))
        machine = self.machine(ctx)
        obstacles.require_its_epoch(self.deps, "A planned failover", machine)
        now = self.source(ctx, machine).power(tell_addresses=True, leaves=True).facts
        obstacles.require_whole("A planned failover", machine.name, now.power)
        machine = self._as_it_is(ctx, machine)
        known = self.target(ctx, machine).list_points().facts.points
        if not known:
            raise errors.PrerequisiteFailed(
                f"{machine.name} has no recovery point at {machine.target_site}.",
                do="Wait until initial replication or reprotect has ended.",
            )
        chosen, allowed = (
            _earlier(ctx.arguments(PlannedFailoverArguments), known),
            self._allowed(ctx, machine),
        )
        definition = None if machine.reversed else machine.definition  # at home it runs as it did before
        with self.deps.store.reading() as tx:
            names = dns_names.names(tx, machine)
            pooled = pool_addresses.look(tx, machine, network_cards.checked(tx, machine), blocking=True)
            unconnected = network_cards.unconnected(tx, machine, pooled.cards)
            wanted = properties.set_for(tx, machine)
            home, reported = network_cards.at_home(tx, machine), obstacles.reported(tx, machine)
        tried = self.target(ctx, machine).check_failover(
            definition,
            cards=pooled.cards,
            networks=network_cards.names(pooled.cards),
            names=names,
            no_copy=True,
            wanted=wanted,
            home=home,
            tell_subnets=True,
            memory_needed=True,
        )
        fit = self._fit(machine, pooled.cards, now, tried.facts)
        old = properties.too_old(wanted.sizing, tried.facts, machine)
        warned, keep = obstacles.passed(
            self.deps,
            "A planned failover",
            machine,
            tried.facts,
            old,
            pooled.unpooled,
            fit.unfit,
            Obstacles(obstacles=now.obstacles),
            told=_both(unconnected, reported),
        )
        got = pool_addresses.take(self.deps, ctx, machine, needed=True) if pooled.asks else ""
        return Done(
            f"both sites answer; {machine.target_site} has {counted(len(known), 'point')} of {machine.name}"
            f"{_said_of(chosen)}{got}{fit.said}{warned}",
            DowntimeBudget(changes_seconds=allowed, off=now.power == PowerState.OFF),
            commit=keep,
        )

    def _as_it_is(self, ctx: StepContext, machine: MachineRecord) -> MachineRecord:
        """The machine as its home describes it now, which is recorded: its owner may have changed it."""
        if machine.reversed:
            return machine
        try:
            found = self.source(ctx, machine).discover()
        except errors.NotFound:
            return machine

        def record(tx: Transaction) -> None:
            tx.machines.put(lookup.as_described(tx.machines.get(machine.id), found))

        now = lookup.as_described(machine, found)
        if now is not machine:
            ctx.write(self.deps.commit(record))
        return now

    def _allowed(self, ctx: StepContext, machine: MachineRecord) -> float | None:
        """The budget of the downtime; raises PrerequisiteFailed for one that cannot be promised."""
        at_most = ctx.arguments(PlannedFailoverArguments).at_most_down_seconds
        if at_most is None:
            return None
        with self.deps.store.reading() as tx:
            before = Histories.read(tx, [machine], (self.verb,)).predict(self.verb, machine)
        return budget.seconds_for_changes(machine.name, at_most, before)

    def _fit(
        self,
        machine: MachineRecord,
        connected: Sequence[LocalCard],
        now: PowerFact,
        target: TargetCheckFact,
    ) -> address_fit.Fit:
        with self.deps.store.reading() as tx:
            if machine.reversed:
                return address_fit.Fit(address_fit.at_home(tx, machine))
            runs = now.power == PowerState.RUNNING
            return address_fit.look(
                tx, machine, connected, now.addresses, target.stand_ins, runs=runs, blocking=True
            )

    def _pre_copy(self, ctx: StepContext) -> Outcome:
        """Copy ahead; with a budget for the downtime until it can be met. If that does not succeed, or the
        target cannot process what it received, the machine was not shut down, and runs on."""
        allowed = ctx.facts(CHECK, DowntimeBudget).changes_seconds
        answer = self._sending(ctx).pre_copy(allowed, again=replica_hosts.has_moved(ctx))
        if allowed is not None and answer.facts.seconds > allowed:
            at_most = ctx.arguments(PlannedFailoverArguments).at_most_down_seconds or 0.0
            raise budget.not_met(ctx.subject_name, at_most, answer.facts.seconds, allowed)
        self.target(ctx).apply_until(answer.facts)
        return answer.done()

    def _shut_down(self, ctx: StepContext) -> Outcome:
        return self.source(ctx).shut_down(force=False, reach_seconds=PATIENT_REACH_SECONDS).done()

    def _final_cycle(self, ctx: StepContext) -> Outcome:
        """Send the last changes. The machine is off: it does not wait for a target that does not come
        back."""
        source = self._sending(ctx)
        wanted = ctx.arguments(PlannedFailoverArguments).last_set
        try:
            return source.final_cycle(
                set_id=choose_recovery_point.still_shared(self.deps, ctx, wanted),
                again=replica_hosts.has_moved(ctx),
            ).done()
        except errors.NotPossibleNow as problem:  # its owner started it
            raise errors.NotPossibleNow(
                f"{problem.message} This move is undone by a job of its own, cancel-failover.",
                do=problem.do,
            ) from problem

    def _failover(self, ctx: StepContext) -> Outcome:
        target = self.target(ctx)
        target.accept_cycles(False)
        other_hosts.keep_from_starting(self.orders, ctx, target.machine)
        last = ctx.facts("final_cycle", CycleFact)
        drained = target.drain_until(last)
        chosen = _earlier(ctx.arguments(PlannedFailoverArguments), drained.facts.points)
        return _last_point(drained, last) if chosen is None else _chosen_point(chosen, last)

    def _start(self, ctx: StepContext) -> Outcome:
        """Start the machine. If a network is gone since the check, the step fails: the machine is brought
        back and runs at the source, connected."""
        instant = ctx.facts("failover", LastInstant)
        goes_on = not instant.earlier
        done = start_from(self.deps, ctx, self.target(ctx), instant, with_all_networks=True, goes_on=goes_on)
        return _with_downtime(ctx, done)

    def _prove(self, ctx: StepContext) -> Outcome:
        """If its host died after the start, it is started at the one that has taken its place."""
        if replica_hosts.has_moved(ctx):
            instant = ctx.facts("failover", LastInstant)
            start_from(self.deps, ctx, self.target(ctx), instant, goes_on=not instant.earlier)
        return prove(self.deps, ctx, self.target)

    def _names(self, ctx: StepContext) -> Outcome:
        return dns_names.after_failover(self.deps, ctx, self.target(ctx))


def _with_downtime(ctx: StepContext, done: Done) -> Done:
    """The outcome with how long the machine was down, and whether that was within its budget."""
    with ctx.session() as session:
        began = [task.started_at for task in read.tasks_of(session, ctx.job_id) if task.key == SHUT_DOWN]
        was_off = automatic_cancel.was_off(session, ctx.job_id)
    wanted = ctx.arguments(PlannedFailoverArguments)
    since = wanted.down_since or (began[-1] if began else None)
    if since is None:
        return done
    if wanted.down_since is None and was_off:
        return replace(done, sentence=f"{done.sentence}; it was off before the move began")
    down, at_most = max(0.0, (ctx.now() - since).total_seconds()), wanted.at_most_down_seconds
    over = (
        f", more than the {span(at_most)} that were wanted" if at_most is not None and down > at_most else ""
    )
    assert isinstance(done.facts, StartFact)
    facts = CameUp(**done.facts.model_dump(), down_seconds=round(down, 3))
    return replace(done, sentence=f"{done.sentence}; it was down for {span(down)}{over}", facts=facts)


def _comes_back_by_itself(step: Step) -> Step:
    """A step whose cancel is noticed at the next gate, which then fails; the engine would leave the machine
    where it is."""
    return replace(step, cancelable=False)


def _both(one: Obstacles, other: Obstacles) -> Obstacles:
    return Obstacles(obstacles=(*one.obstacles, *other.obstacles))


def _earlier(wanted: PlannedFailoverArguments, known: Sequence[PointShape]) -> PointShape | None:
    """The point that was chosen instead of the last one, None if none was; raises NotFound."""
    if wanted.choice is RecoveryPointChoice.LATEST:
        return None
    return points.pick(known, wanted.choice, set_id=wanted.set_id)


def _said_of(chosen: PointShape | None) -> str:
    return (
        "" if chosen is None else f"; it is to start from {chosen.id}, and what it wrote since stays behind"
    )


def _chosen_point(chosen: PointShape, last: CycleFact) -> Done:
    loses = max(0.0, (last.taken_at - chosen.taken_at).total_seconds())
    return Done(
        (
            f"point {chosen.id} was chosen, {loses:.1f} s before the last write was sent: that is kept until "
            "commit"
        ),
        LastInstant(point_id=chosen.id, taken_at=chosen.taken_at, loses_seconds=loses, earlier=True),
    )


def _last_point(drained: Answer[Points], last: CycleFact) -> Done:
    """The point of the last delta: any other would lose writes."""
    found = [p for p in drained.facts.points if (p.epoch, p.seq) == (last.epoch, last.seq)]
    if not found:
        raise errors.ReplicaError(
            f"The target has no recovery point of the last cycle {last.epoch}.{last.seq}."
        )
    if found[0].damaged:
        raise errors.PointDamaged(
            f"The point of the last cycle {last.epoch}.{last.seq} stands on damaged data.",
            do=(
                "Wait until the machine was compared ('secondsite machine show MACHINE'), then start it "
                "again."
            ),
        )
    return Done(
        f"point {found[0].id} holds every write ({drained.sentence})",
        LastInstant(point_id=found[0].id, taken_at=found[0].taken_at),
    )
