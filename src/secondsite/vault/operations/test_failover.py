"""Test failover: a drill. A copy of the machine runs in an isolated network; replication goes on (S-085).

The network is made for the drill, or is an existing one, or there is none (S-087, C-28). The job ends with
the machine running, at 'Ready for testing': completing the test is a verb of its own, cleanup_test_failover.
A job that was asked to clean up does so by itself, with the verdict of its proof (ADR 93); one that was asked
to stay open ends when the operator has completed the test.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ...domain import errors, shell
from ...domain.drills import networks, verdicts
from ...domain.lifecycle import Verb
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Definition, Step
from ...jobs.model.facts import Json, to_json
from ...jobs.model.outcomes import Done, Outcome, Skipped
from ...wire import rest
from ...wire.common.base import Shape
from ...wire.common.evidence import Evidence
from ...wire.common.properties import TargetProperties
from ...wire.control import checks, orders
from ...wire.control.cards import LocalCard
from ..steps import obstacles, start_delay
from ..steps.absent_site import declaration
from ..steps.absent_site.declaration import Need
from ..steps.batch import BatchChild
from ..steps.drills import automatic_cleanup, networking, spanning
from ..steps.drills.automatic_cleanup import CleansUp
from ..steps.drills.networking import DrillNetworks, NetworkOptions
from ..steps.drills.staying_open import StaysOpen
from ..steps.operation import MachineOperation
from ..steps.points import choose_recovery_point
from ..steps.points.choose_recovery_point import ChoiceArguments, ChosenInstant
from ..steps.retry_store import retrying
from ..steps.sides import addressing, network_cards, properties, replica_hosts, shared_drill_network
from ..steps.sides.addressing import DrillNetwork
from ..steps.sides.proving import prove
from ..steps.sides.replica_hosts import HostArguments, MovingTarget, told
from ..steps.sides.target import DRILL_RUN, Target, drill_fabric_id, drill_name
from ..store import DrillRecord, MachineRecord, Transaction

PROOF_SECONDS = 180.0
"""How long a guest that nobody will look at may take to show that it runs."""


ENDS = ("clean_up", "stay_open")
"""Options for how the job ends; by default it ends with the machine running."""


class DrillArguments(HostArguments, NetworkOptions, ChoiceArguments):
    """The choice, the host, and the network: an existing one, 'create', 'create-each' or 'none'. `by_run`:
    the run of a plan completes the drill."""

    clean_up: bool = False
    keep_if_failed: bool = False
    stay_open: bool = False
    by_run: bool = False


class TestFailover(MachineOperation):
    __test__ = False
    verb = Verb.TEST_FAILOVER
    undo_on_failure = True

    def warnings_of_several(
        self, tx: Transaction, machines: Sequence[MachineRecord], request: Shape
    ) -> tuple[str, ...]:
        assert isinstance(request, rest.TestFailover)
        there = replica_hosts.as_if_there(tx, machines, request.target_appliance)
        return networking.warnings(tx, there, request.network)

    def children(
        self, tx: Transaction, machines: Sequence[MachineRecord], request: Shape
    ) -> tuple[BatchChild, ...]:
        """As of every verb, with the hosts that share the drill's networks."""
        assert isinstance(request, rest.TestFailover)
        children = super().children(tx, machines, request)
        there = replica_hosts.as_if_there(tx, machines, request.target_appliance)
        spans = spanning.of(tx, there, request.network)
        shared = {each: to_json(span) for each, span in spans.items()}
        return tuple(
            each.given(span=shared[each.machine_id]) if each.machine_id in shared else each
            for each in children
        )

    def arguments(self, tx: Transaction, request: Shape, machine: MachineRecord) -> DrillArguments:
        assert isinstance(request, rest.TestFailover)
        choice = choose_recovery_point.choice_for(tx, machine, request)
        subnet = networks.checked(request.network, request.subnet, request.dns_servers)
        if request.keep_if_failed and not request.clean_up:
            raise errors.InvalidArgument(
                "Without --clean-up the test machine stays in any case, so --keep-if-failed has no effect.",
                do="Give --clean-up too, or leave --keep-if-failed out.",
            )
        if request.stay_open and request.clean_up:
            raise errors.InvalidArgument(
                "With --clean-up nobody is asked, so there is nothing to stay open for.",
                do="Give --stay-open or --clean-up, not both.",
            )
        ends = {name: getattr(request, name) for name in ("clean_up", "keep_if_failed", "stay_open")}
        network = {"network": request.network, "subnet": subnet, "dns_servers": request.dns_servers}
        host = replica_hosts.named(self.deps.gateway, tx, machine, request.target_appliance)
        return DrillArguments(**dict(choice), **network, **ends, host_id=host)

    def keeps(self, machine: MachineRecord, ctx: StepContext) -> str | None:
        return (
            automatic_cleanup.KEPT
            if automatic_cleanup.is_kept(machine, ctx.arguments(automatic_cleanup.CleanupOptions))
            else None
        )

    def definition(self) -> Definition:
        """The definition. All kinds of it are made once: a thousand drills ask for their steps at every
        move."""
        alone = super().definition()
        waits = Step("complete", self._waits, title="Ready for testing")
        cleans_up = CleansUp(self.deps, self.target, self.claim)
        later = tuple(map(retrying, start_delay.before_start(self.steps())))
        kinds = {
            (kind, waiting): (*first, *map(retrying, last))
            for kind, last in (
                (None, (waits,)),
                ("clean_up", cleans_up.steps()),
                ("stay_open", StaysOpen(self.deps, _waits_for).steps()),
            )
            for waiting, first in ((False, alone.steps), (True, later))
        }

        def steps_of(arguments: Json) -> Sequence[Step]:
            kind = next((each for each in ENDS if arguments.get(each) is True), None)
            return kinds[kind, start_delay.is_in(arguments)]

        return replace(
            alone, steps=(), steps_of=steps_of, on_retry=cleans_up.retry, on_failure=cleans_up.failure
        )

    def steps(self) -> Sequence[Step]:
        made = self._networks()
        return (
            Step("check", told(self._check), title="Prerequisites check"),
            Step(
                "create_network",
                made.create,
                title="Create test network",
                undo=made.remove,
                undo_after_failure=True,
            ),
            Step("choose", self._choose, title="Test failover"),
            Step("start", self._start, title="Start", undo=self._stop, undo_after_failure=True),
            Step("prove", self._prove, title="Proof"),
        )

    def _networks(self) -> DrillNetworks:
        return DrillNetworks(self.deps, self.target, self.source)

    def target(self, ctx: StepContext, machine: MachineRecord | None = None) -> Target:
        """In the check another host takes the place of one that does not answer."""
        if ctx.key != "check":
            return super().target(ctx, machine)
        return MovingTarget(self.orders, ctx, machine or self.machine(ctx), accepting=True)

    def _check(self, ctx: StepContext) -> Outcome:
        replica_hosts.go_to_named(self.orders, ctx, self.machine(ctx))
        if replica_hosts.has_moved(ctx):
            replica_hosts.tell_source(self.source(ctx))
        target = self.target(ctx)
        machine, made = target.machine, self._networks()
        found = choose_recovery_point.choose(ctx, target, process=False)
        sizing = self._wanted(machine).sizing
        wanted_here = made.wanted(ctx, machine).model_copy(
            update={
                "must_hold_replica": True,
                "name": drill_name(machine),
                "fabric_id": drill_fabric_id(machine),
                "sizing": sizing,
            }
        )
        facts = target.check(wanted_here).facts
        unfit, stand_ins = made.obstacles(ctx, machine, facts)
        with self.deps.store.reading() as tx:
            mapped = shared_drill_network.mapped(tx, machine, wanted_here.test_networks)
        unsized = properties.too_old(sizing, facts, machine)
        warned = obstacles.require_none("The test failover", machine.name, facts, unfit, mapped, unsized)
        can = checks.TargetCheckFact(shares_networks=facts.shares_networks, stand_ins=stand_ins)
        drifted = f"; since its last good drill: {', '.join(machine.drift.changes)}" if machine.drift else ""
        said = (
            f"{machine.target_site} can start {machine.name}; the choice now is {found.what}{warned}{drifted}"
        )
        return Done(said, can)

    def _choose(self, ctx: StepContext) -> Outcome:
        found = choose_recovery_point.choose(ctx, self.target(ctx), process=True)
        left = f"; it is not the latest. {found.left}" if found.left else ""
        return Done(f"{found.what} was chosen{left}", found.instant)

    def _start(self, ctx: StepContext) -> Outcome:
        target = self.target(ctx)
        machine = target.machine
        network = ctx.facts("create_network", DrillNetwork)
        chosen = ctx.facts("choose", ChosenInstant)
        with self.deps.store.reading() as tx:
            connected = network.cards(tx, machine)
            new_macs = network_cards.new_macs(tx, machine, DRILL_RUN)
            former = networking.former_cards(tx, machine, network)
            wanted = properties.set_for(tx, machine)
        by_mac = {**former.networks, **network_cards.by_mac(connected)}
        payload = orders.StartReplica(
            run=DRILL_RUN,
            point_id=chosen.point_id,
            fabric_id=drill_fabric_id(machine),
            name=drill_name(machine),
            networks={card.key: card.network for card in connected},
            networks_by_mac=by_mac,
            mappings=former.mappings,
            set_cards=tuple(by_mac),
            other_cards=orders.OtherCards(network=former.network),
            new_macs=new_macs,
            sizing=wanted.sizing,
            stand_in=wanted.stand_in,
            forward=chosen.forward,
        )
        answer = target.start_run(payload)
        drill = replace(_drill(ctx, payload, network), definition=answer.facts.definition)

        def record(tx: Transaction) -> None:
            tx.machines.put(replace(tx.machines.get(machine.id), drill=drill))

        said = (
            f"{answer.sentence}{properties.not_done(payload.sizing, answer.facts)}"
            f"; {_said(connected, network)}"
        )
        kept = answer.facts.model_copy(update={"definition": None})
        return Done(said, kept, self.deps.commit(record))

    def _wanted(self, machine: MachineRecord) -> TargetProperties:
        with self.deps.store.reading() as tx:
            return properties.set_for(tx, machine)

    def _prove(self, ctx: StepContext) -> Outcome:
        network, asked = ctx.facts("create_network", DrillNetwork), ctx.arguments(DrillArguments)
        return prove(
            self.deps,
            ctx,
            self.target,
            lambda tx, machine: addressing.in_drill(tx, machine, network, asked.subnet, asked.dns_servers),
            offered=network.leased,
            note=partial(_note, str(ctx.subject)),
            wait_seconds=_proof_seconds(asked),
        )

    def _waits(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        if machine.drill is None:
            return Skipped("there is no test machine any more")
        if ctx.arguments(DrillArguments).by_run:
            return Done(f"proof: {verdicts.spoken(machine.drill.proven)}; the run of the plan cleans up")
        return Done(_waits_for(machine))

    def _stop(self, ctx: StepContext) -> Outcome:
        target = self.target(ctx)
        need = Need(
            target.to_stop_drill(drill_fabric_id(target.machine)),
            lost="the test machine is not removed there yet",
            later="it is removed there",
        )
        return declaration.undone_or_left(self.deps, target, need)


def _waits_for(machine: MachineRecord) -> str:
    assert machine.drill is not None
    return (
        f"{machine.drill.machine_name} waits at {machine.target_site}; proof: "
        f"{verdicts.spoken(machine.drill.proven)}. Look at it, then 'secondsite machine "
        f"cleanup-test-failover {shell.arguments(machine.name, options='--verdict passed --notes WHAT')}' "
        "(or failed)"
    )


def _note(machine_id: str, tx: Transaction, evidence: Evidence) -> None:
    """Keep the proof's verdict with the drill until it is completed."""
    machine = tx.machines.get(machine_id)
    if machine.drill is not None:
        proven = automatic_cleanup.verdict_of(evidence)
        tx.machines.put(replace(machine, drill=replace(machine.drill, proven=proven)))


def _said(connected: Sequence[LocalCard], drill: DrillNetwork) -> str:
    """A part of a sentence: the drill's network, and cards with another network of their own; or each card's
    network."""
    each = ", ".join(f"{card.key} on {card.network or 'none'}" for card in connected if drill.is_other(card))
    if drill.each is not None:
        return f"networks: {each or 'none'}"
    return f"network {drill.network or 'none'}{f', but {each}' if each else ''}"


def _proof_seconds(asked: DrillArguments) -> float:
    return PROOF_SECONDS if asked.clean_up or asked.by_run else 0.0


def _drill(ctx: StepContext, payload: orders.StartReplica, network: DrillNetwork) -> DrillRecord:
    return DrillRecord(
        point_id=payload.point_id,
        fabric_id=payload.fabric_id,
        machine_name=payload.name,
        network=network.network,
        network_made=network.made,
        started_at=ctx.now(),
        job_id=ctx.job_id,
        forward=payload.forward,
        shared=network.shared,
    )
