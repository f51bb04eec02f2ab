"""Failover: the source is in trouble; the machine starts at the target from a recovery point.

A source that is gone delays it by seconds. If a source that answers is to be shut down, the job waits while
its last delta makes progress, at most ten minutes; it goes on if that is not possible (S-130). The inbox is
closed before the point is chosen, so that no newer one arrives meanwhile.
"""

from collections.abc import Sequence
from dataclasses import replace

from ...domain import errors, shell
from ...domain.lifecycle import Verb
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Definition, Step
from ...jobs.model.facts import Json
from ...jobs.model.outcomes import Done, Outcome, Skipped
from ...jobs.model.views import JobView
from ...jobs.storage import read
from ...wire import rest
from ...wire.common.base import Shape
from ...wire.common.machines import PowerState
from ...wire.control.checks import CopyInstant
from ..steps import obstacles, start_delay
from ..steps.absent_site import declaration
from ..steps.operation import MachineOperation
from ..steps.points import choose_recovery_point
from ..steps.points.choose_recovery_point import ChoiceArguments, Chosen, ChosenInstant
from ..steps.retry_store import retrying
from ..steps.sides import (
    address_fit,
    dns_names,
    network_cards,
    other_hosts,
    pool_addresses,
    properties,
    replica_hosts,
    source,
)
from ..steps.sides.proving import prove
from ..steps.sides.replica_hosts import HostArguments, MovingTarget, told
from ..steps.sides.target import Target
from ..steps.start_failed_over import ordered_when_it_begins, start_from
from ..store import MachineRecord, Transaction

MAY_MOVE = frozenset({"check", "stop_replication", "failover", "start", "prove"})
"""The steps in which another host of the site may take the replica over."""


class FailoverArguments(HostArguments, ChoiceArguments):
    """The choice, the host, and whether the source is shut down first if it can be."""

    shut_down_source: bool = False


class FailoverInstant(ChosenInstant):
    """What the machine is started from, and the seconds of work that this loses."""

    loses_seconds: float
    left: str = ""
    """What is newer, but could not be processed; empty if nothing is."""


class CheckedFailover(Shape):
    """`takes_over`: the instant that a copy stands on which was started at the target without this vault."""

    takes_over: ChosenInstant | None = None


class Failover(MachineOperation):
    verb = Verb.FAILOVER

    def arguments(self, tx: Transaction, request: Shape, machine: MachineRecord) -> FailoverArguments:
        assert isinstance(request, rest.Failover)
        choice = choose_recovery_point.choice_for(tx, machine, request)
        host = replica_hosts.named(self.deps.gateway, tx, machine, request.target_appliance)
        return FailoverArguments(**dict(choice), host_id=host, shut_down_source=request.shut_down_source)

    def refuse_again(self, tx: Transaction, machine: MachineRecord, job: JobView) -> None:
        """A child of a batch, or of a plan's run, says it in its check: refused, it would show its old
        error."""
        if job.parent_job_id is None and _not_asked_for(job.arguments) is not None:
            obstacles.require_no_second_copy(self.deps, tx, machine)

    def definition(self) -> Definition:
        """The definition. Both kinds of it are made once: a thousand machines ask for their steps at every
        move."""
        alone = super().definition()
        kinds = {False: alone.steps, True: tuple(map(retrying, start_delay.before_start(self.steps())))}
        return replace(alone, steps=(), steps_of=lambda arguments: kinds[start_delay.is_in(arguments)])

    def steps(self) -> Sequence[Step]:
        return (
            Step("check", told(self._check), title="Prerequisites check"),
            Step("shut_down", self._shut_down, title="Shut down", skipped=_not_asked_for),
            Step("stop_replication", told(self._stop_replication), title="Stop replication"),
            Step("failover", told(self._failover), title="Failover"),
            Step(
                "start",
                told(self._start),
                title="Start",
                begins=ordered_when_it_begins(self.deps, self.verb),
            ),
            Step("prove", told(self._prove), title="Proof"),
            Step("names", self._names, title="DNS names"),
        )

    def target(self, ctx: StepContext, machine: MachineRecord | None = None) -> Target:
        """Until the machine was seen, another host takes the place of one that does not answer."""
        if ctx.key not in MAY_MOVE:
            return super().target(ctx, machine)
        accepts = ctx.key == "check"
        return MovingTarget(self.orders, ctx, machine or self.machine(ctx), accepting=accepts)

    def _check(self, ctx: StepContext) -> Outcome:
        replica_hosts.go_to_named(self.orders, ctx, self.machine(ctx))
        if replica_hosts.has_moved(ctx):
            replica_hosts.tell_source(self.source(ctx))
        target = self.target(ctx)
        obstacles.require_its_epoch(self.deps, "A failover", target.machine)
        self._look_again(ctx, target.machine)
        other_hosts.require_none_has_it("The failover", self.orders, ctx, target.machine)
        if target.machine.start_ordered:
            other_hosts.require_copy_here("The failover", self.orders, ctx, target.machine)
        found = choose_recovery_point.choose(ctx, target, process=False, committed_too=True)
        machine, instant = target.machine, found.instant
        with self.deps.store.reading() as tx:
            names = dns_names.names(tx, machine)
            pooled = pool_addresses.look(tx, machine, network_cards.checked(tx, machine), blocking=False)
            unconnected = network_cards.unconnected(tx, machine, pooled.cards)
            wanted, reported = properties.set_for(tx, machine), obstacles.reported(tx, machine)
            home = network_cards.at_home(tx, machine)
            memory = obstacles.stays_behind(tx, machine)
        chosen = CopyInstant(point_id=instant.point_id, through_seq=instant.forward and instant.forward.seq)
        tried = target.check_failover(
            # a card without its network is only a warning: the machine starts all the same
            cards=pooled.cards,
            names=names,
            # a copy of this failover, or one that was given up, does not prevent it
            no_copy=not (machine.start_ordered or declaration.is_given_up(self.deps, target)),
            but_on=chosen,
            wanted=wanted,
            home_in_need=home,
            tell_subnets=True,
        )
        with self.deps.store.reading() as tx:
            fit = address_fit.look(tx, machine, pooled.cards, {}, tried.facts.stand_ins)
        old = properties.too_old(wanted.sizing, tried.facts, machine)
        found_wrong = tried.facts, memory, unconnected, pooled.unpooled, fit.unfit, old, reported
        warned = obstacles.require_none("A failover", machine.name, *found_wrong)
        got = pool_addresses.take(self.deps, ctx, machine, needed=False) if pooled.asks else ""
        return Done(
            f"{machine.target_site} holds {machine.name}; the choice now is {found.what}{got}{warned}",
            CheckedFailover(takes_over=instant if tried.facts.copy_on == chosen else None),
        )

    def _look_again(self, ctx: StepContext, machine: MachineRecord) -> None:
        """Raises PrerequisiteFailed if this is a retry, of this job or of what started it, that would leave
        two copies. A first attempt was asked for as it is."""
        with self.deps.store.reading() as tx:
            started_in = read.get(tx.session, ctx.job_id).parent_attempt or 1
            if max(ctx.attempt, started_in) > 1 and _not_asked_for(ctx.stored_arguments) is not None:
                obstacles.require_no_second_copy(self.deps, tx, machine)

    def _shut_down(self, ctx: StepContext) -> Outcome:
        """Shut the source down; skipped if it was not asked for, or is not possible."""
        why = _not_asked_for(ctx.stored_arguments)
        if why is not None:
            return Skipped(why)
        machine = self.machine(ctx)
        of = self.source(ctx, machine)
        try:
            off = of.shut_down(force=True, reach_seconds=source.URGENT_REACH_SECONDS)
        except errors.SecondsiteError as error:
            return Skipped(
                f"{machine.name} could not be shut down, the failover goes on: {error.message} "
                f"{self._cost(machine)}"
            )
        if off.facts.power == PowerState.MISSING:
            other_hosts.require_none_has_it("The failover", self.orders, ctx, machine)
            return Skipped(
                f"{machine.name} could not be shut down, the failover goes on: its appliance at "
                f"{machine.source_site} has no such machine. If it was migrated to another host, shut it "
                f"down there. {self._cost(machine)}"
            )
        try:
            last = of.final_cycle(source.URGENT_FINAL)
        except errors.SecondsiteError as error:
            return Done(
                f"{off.sentence}; its last changes could not be sent, the failover goes on: {error.message} "
                f"{self._cost(machine)}"
            )
        return Done(f"{off.sentence}; {last.sentence}", last.facts)

    def _cost(self, machine: MachineRecord) -> str:
        with self.deps.store.reading() as tx:
            return source.left_behind(tx, machine)

    def _stop_replication(self, ctx: StepContext) -> Outcome:
        target = self.target(ctx)
        closed, removed = target.accept_cycles(False), declaration.remove_given_up(self.deps, target)
        paused = self.source(ctx, target.machine).pause_if_reachable()
        other_hosts.keep_from_starting(self.orders, ctx, target.machine)
        return Done(f"{closed.sentence}; {removed}{paused}")

    def _failover(self, ctx: StepContext) -> Outcome:
        over = ctx.facts("check", CheckedFailover).takes_over
        if over is None:
            found = choose_recovery_point.choose(ctx, self.target(ctx), process=True, committed_too=True)
        else:  # nothing newer is sealed: the copy that runs is the newest
            found = Chosen(over, f"point {over.point_id}", "a copy was started from it without this vault")
        # the source's clock may be ahead
        loss = max(0.0, (ctx.now() - found.instant.taken_at).total_seconds())
        left = _left(ctx, found.left)
        return Done(
            f"{found.what} was chosen, {loss:.1f} s old ({found.said}){left}",
            FailoverInstant(**dict(found.instant), loses_seconds=loss, left=left),
        )

    def _start(self, ctx: StepContext) -> Outcome:
        instant = ctx.facts("failover", FailoverInstant)
        return _told(ctx, start_from(self.deps, ctx, self.target(ctx), instant))

    def _prove(self, ctx: StepContext) -> Outcome:
        """If its host died after the start, it is started at the one that has taken its place."""
        if replica_hosts.has_moved(ctx):
            start_from(self.deps, ctx, self.target(ctx), ctx.facts("failover", FailoverInstant))
        return _told(ctx, prove(self.deps, ctx, self.target))

    def _names(self, ctx: StepContext) -> Outcome:
        return _told(ctx, dns_names.after_failover(self.deps, ctx, self.target(ctx)))


def _left(ctx: StepContext, left: str) -> str:
    """The end of a sentence: what a full store kept from being processed, and how to get it later."""
    if not left:
        return ""
    return (
        f"; it is not the latest. {left.rstrip('.')}. That stays in the store until the commit: free space "
        "there, then 'secondsite machine change-recovery-point "
        f"{shell.arguments(ctx.subject_name, options='--choice latest')}' starts from it"
    )


def _told(ctx: StepContext, outcome: Outcome) -> Outcome:
    """The outcome with that sentence: the sentence of the last step that does something is the job's
    result."""
    left = ctx.facts("failover", FailoverInstant).left
    return replace(outcome, sentence=f"{outcome.sentence}{left}") if isinstance(outcome, Done) else outcome


def _not_asked_for(arguments: Json) -> str | None:
    is_asked = FailoverArguments.model_validate(arguments).shut_down_source
    return None if is_asked else "not asked for: the failover goes on without the source"
