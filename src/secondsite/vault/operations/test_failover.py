"""Test failover: a drill. A copy of the machine runs in an isolated network; replication goes on (S-085).

The network is made for the drill, or is an existing one, or there is none (S-087, C-28).
The job ends with the machine running, and says that it waits; 'Complete testing' is the operator's own verb, cleanup_test_failover.
One that was asked to clean up ends it by itself, with the verdict of its proof (ADR 93).
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ...domain import errors
from ...domain.drills import verdicts
from ...domain.lifecycle import Verb
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Definition, Step
from ...jobs.model.facts import Json
from ...jobs.model.outcomes import Done, Outcome, Skipped
from ...wire import rest
from ...wire.common.base import Shape
from ...wire.common.evidence import Evidence
from ...wire.common.properties import Sizing
from ...wire.control import checks, orders
from ...wire.control.cards import CardHere
from .. import ports
from ..steps import obstacles
from ..steps.drills import judging
from ..steps.drills.by_itself import CleansUp
from ..steps.lost import giving_up
from ..steps.lost.giving_up import Need
from ..steps.operation import MachineOperation
from ..steps.points import recovery_point
from ..steps.points.recovery_point import ChoiceArguments, ChosenInstant
from ..steps.retry_store import retrying
from ..steps.sides import addressing, cards, drilling, properties
from ..steps.sides.addressing import DrillNetwork
from ..steps.sides.proving import prove
from ..steps.sides.target import DRILL_RUN, drill_fabric_id, drill_name

CREATE, NO_NETWORK = "create", "none"
PROOF_SECONDS = 180.0
"""So long a guest that nobody will look at may take to show that it runs."""


class DrillArguments(ChoiceArguments):
    """The choice, and the network: an existing one, 'create' or 'none'. `by_run`: the run of a plan completes it."""

    network: str
    subnet: str | None = None
    clean_up: bool = False
    keep_if_failed: bool = False
    by_run: bool = False


class TestFailover(MachineOperation):
    __test__ = False
    verb = Verb.TEST_FAILOVER
    undo_on_failure = True

    def arguments(
        self, tx: ports.Transaction, request: Shape, machine: ports.MachineRecord
    ) -> DrillArguments:
        assert isinstance(request, rest.TestFailover)
        choice = recovery_point.choice_for(tx, machine, request)
        subnet = drilling.subnet(request.subnet, made=request.network == CREATE)
        if request.keep_if_failed and not request.clean_up:
            raise errors.InvalidArgument(
                "Without --clean-up the test machine stays in any case, so --keep-if-failed says nothing.",
                do="Give --clean-up too, or leave --keep-if-failed out.",
            )
        cleaning_up = {"clean_up": request.clean_up, "keep_if_failed": request.keep_if_failed}
        return DrillArguments(**dict(choice), network=request.network, subnet=subnet, **cleaning_up)

    def definition(self) -> Definition:
        """Both kinds are made once: a thousand drills ask for their steps at every move."""
        alone = super().definition()
        waits = Step("complete", self._waits, title="Complete testing")
        by_itself = CleansUp(self.deps, self.target, self.claim)
        kinds = {
            kind: (*alone.steps, *map(retrying, last))
            for kind, last in ((False, (waits,)), (True, by_itself.steps()))
        }

        def steps_of(arguments: Json) -> Sequence[Step]:
            return kinds[arguments.get("clean_up") is True]

        return replace(alone, steps=(), steps_of=steps_of, on_failure=by_itself.failure)

    def steps(self) -> Sequence[Step]:
        return (
            Step("check", self._check, title="Prerequisites check"),
            Step(
                "create_network",
                self._create_network,
                title="Create test network",
                undo=self._remove_network,
                undo_after_failure=True,
            ),
            Step("choose", self._choose, title="Test failover"),
            Step("start", self._start, title="Start", undo=self._stop, undo_after_failure=True),
            Step("prove", self._prove, title="Proof"),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        target = self.target(ctx)
        machine = target.machine
        found = recovery_point.choose(ctx, target, process=False)
        wanted = _network(ctx)
        networks = cards.names(self._cards(machine, None if wanted == NO_NETWORK else wanted))
        sizing = self._sizing(machine)
        wanted_here = checks.CheckTarget(
            networks=tuple(name for name in networks if name != CREATE),
            must_hold_replica=True,
            test_networks=tuple(name for name in networks if name != CREATE),
            serve=ctx.arguments(DrillArguments).subnet is not None,
            name=drill_name(machine),
            fabric_id=drill_fabric_id(machine),
            sizing=sizing,
        )
        answer = target.check(wanted_here)
        old = drilling.too_old(answer.facts, machine) if wanted_here.serve else checks.Obstacles()
        with self.deps.store.reading() as tx:
            mapped = drilling.mapped(tx, machine, wanted_here.test_networks)
        unsized = properties.too_old(sizing, answer.facts, machine)
        warned = obstacles.require_none("The test failover", machine.name, answer.facts, old, mapped, unsized)
        can = checks.CheckedTarget(shares_networks=answer.facts.shares_networks)
        said = f"{machine.target_site} can start {machine.name}; the choice now is {found.what}{warned}"
        return Done(said, can)

    def _create_network(self, ctx: StepContext) -> Outcome:
        wanted = _network(ctx)
        if wanted == NO_NETWORK:
            return Skipped("the test machine is not connected, as asked")
        if wanted != CREATE:
            return Done(f"the existing network {wanted} is used", DrillNetwork(network=wanted))
        target = self.target(ctx)
        network = self._wanted(ctx, target.machine)
        answer = target.create_network(network)
        leased = answer.facts.leased
        made = DrillNetwork(network=network.name, made=True, shared=network.drill, leased=leased)
        return Done(answer.sentence, made)

    def _remove_network(self, ctx: StepContext) -> Outcome:
        if _network(ctx) != CREATE:
            return Skipped("no network was made")
        target = self.target(ctx)
        need = Need(
            target.to_remove_network(self._wanted(ctx, target.machine)),
            lost="the test network is not removed there yet",
            later="it is removed there",
        )
        return giving_up.undone_or_left(self.deps, target, need)

    def _wanted(self, ctx: StepContext, machine: ports.MachineRecord) -> orders.CreateNetwork:
        """One for all machines of a run, if the appliance can; the same whenever it is asked for."""
        shares = ctx.facts("check", checks.CheckedTarget).shares_networks
        network = drilling.network(machine, drilling.run_of(ctx) if shares else None)
        subnet = ctx.arguments(DrillArguments).subnet
        if subnet is None:
            return network
        with self.deps.store.reading() as tx:
            return drilling.served(tx, machine, network, subnet)

    def _choose(self, ctx: StepContext) -> Outcome:
        found = recovery_point.choose(ctx, self.target(ctx), process=True)
        return Done(f"{found.what} was chosen", found.instant)

    def _start(self, ctx: StepContext) -> Outcome:
        target = self.target(ctx)
        machine = target.machine
        network = ctx.facts("create_network", DrillNetwork)
        chosen = ctx.facts("choose", ChosenInstant)
        connected = self._cards(machine, network.network)
        with self.deps.store.reading() as tx:
            new_macs = cards.new_macs(tx, machine, DRILL_RUN)
        payload = orders.StartReplica(
            run=DRILL_RUN,
            point_id=chosen.point_id,
            fabric_id=drill_fabric_id(machine),
            name=drill_name(machine),
            networks={card.key: card.network for card in connected},
            networks_by_mac={card.mac.lower(): card.network for card in connected if card.mac},
            new_macs=new_macs,
            sizing=self._sizing(machine),
            forward=chosen.forward,
        )
        answer = target.start_run(payload)
        drill = _drill(ctx, payload, network)

        def record(tx: ports.Transaction) -> None:
            tx.machines.put(replace(tx.machines.get(machine.id), drill=drill))

        said = (
            f"{answer.sentence}{properties.not_done(payload.sizing, answer.facts)}"
            f"; network {network.network or 'none'}{_otherwise(connected, network.network)}"
        )
        return Done(said, answer.facts, self.deps.commit(record))

    def _cards(self, machine: ports.MachineRecord, network: str | None) -> Sequence[CardHere]:
        with self.deps.store.reading() as tx:
            return cards.in_drill(tx, machine, network)

    def _sizing(self, machine: ports.MachineRecord) -> Sizing:
        with self.deps.store.reading() as tx:
            return properties.set_for(tx, machine).sizing

    def _prove(self, ctx: StepContext) -> Outcome:
        network, subnet = ctx.facts("create_network", DrillNetwork), ctx.arguments(DrillArguments).subnet
        return prove(
            self.deps,
            ctx,
            self.target,
            lambda tx, machine: addressing.in_drill(tx, machine, network, subnet),
            note=partial(_note, str(ctx.subject)),
            wait_seconds=_proof_seconds(ctx.arguments(DrillArguments)),
        )

    def _waits(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        if machine.drill is None:
            return Skipped("there is no test machine any more")
        if ctx.arguments(DrillArguments).by_run:
            return Done(f"proof: {verdicts.spoken(machine.drill.proven)}; the run of the plan cleans up")
        return Done(
            f"{machine.drill.machine_name} waits at {machine.target_site}; proof: {verdicts.spoken(machine.drill.proven)}. Look at it, then "
            f"'secondsite machine cleanup-test-failover {machine.name} --verdict passed --notes WHAT' (or failed)"
        )

    def _stop(self, ctx: StepContext) -> Outcome:
        target = self.target(ctx)
        need = Need(
            target.to_stop_drill(drill_fabric_id(target.machine)),
            lost="the test machine is not removed there yet",
            later="it is removed there",
        )
        return giving_up.undone_or_left(self.deps, target, need)


def _note(machine_id: str, tx: ports.Transaction, evidence: Evidence) -> None:
    """The proof's verdict stays with the drill until it is completed."""
    machine = tx.machines.get(machine_id)
    if machine.drill is not None:
        proven = judging.verdict_of(evidence)
        tx.machines.put(replace(machine, drill=replace(machine.drill, proven=proven)))


def _otherwise(connected: Sequence[CardHere], network: str | None) -> str:
    """A part of a sentence: the cards that are not on the drill's network, as is set for them."""
    others = [f"{card.key} on {card.network or 'none'}" for card in connected if card.network != network]
    return f", but {', '.join(others)}" if others else ""


def _proof_seconds(asked: DrillArguments) -> float:
    return PROOF_SECONDS if asked.clean_up or asked.by_run else 0.0


def _network(ctx: StepContext) -> str:
    return ctx.arguments(DrillArguments).network


def _drill(ctx: StepContext, payload: orders.StartReplica, network: DrillNetwork) -> ports.DrillRecord:
    return ports.DrillRecord(
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
