"""Test failover: a drill. A copy of the machine runs in an isolated network; replication goes on (document 000 L58).

The network is made for the drill, or is an existing one, or there is none (documents 003 L79-85, decision C-28).
The job ends with the machine running; 'Complete testing' is the operator's own verb, cleanup_test_failover.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...domain.lifecycle import Verb
from ...jobs.context import StepContext
from ...jobs.definitions import Step
from ...jobs.outcomes import Done, Outcome, Skipped, Wait
from ...wire import checks, orders, rest
from ...wire.base import Shape
from ...wire.orders import Kind
from .. import ports
from ..steps import choosing, targets
from ..steps.operation import MachineOperation
from ..steps.ordering import Answer

CREATE, NO_NETWORK = "create", "none"


class TestFailover(MachineOperation):
    __test__ = False
    verb = Verb.TEST_FAILOVER
    cancelable = True
    undo_on_failure = True

    def arguments(
        self, tx: ports.Transaction, request: Shape, machine: ports.MachineRecord
    ) -> dict[str, Any]:
        assert isinstance(request, rest.TestFailover)
        return {**choosing.choice_for(tx, machine, request), "network": request.network}

    def steps(self) -> Sequence[Step]:
        return (
            Step("Prerequisites check", self._check),
            Step(
                "Create test network",
                self._create_network,
                undo=self._remove_network,
                undo_after_failure=True,
            ),
            Step("Test failover", self._choose),
            Step("Start", self._start, undo=self._stop, undo_after_failure=True),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        found = choosing.choose(self.orders, ctx, machine, process=False)
        if isinstance(found, Wait):
            return found
        wanted = ctx.arguments["network"]
        answer = self.orders.give(
            ctx,
            machine.target_appliance_id,
            Kind.CHECK_TARGET,
            checks.CheckTarget(
                networks=() if wanted in (CREATE, NO_NETWORK) else (wanted,), must_hold_replica=True
            ),
            machine_id=machine.id,
            why=f"checking {machine.target_site}",
        )
        if isinstance(answer, Wait):
            return answer
        targets.require_none(targets.obstacles_of(answer), "The test failover", machine.name)
        return Done(f"{machine.target_site} can start {machine.name}; the choice now is {found.what}")

    def _create_network(self, ctx: StepContext) -> Outcome:
        wanted = ctx.arguments["network"]
        if wanted == NO_NETWORK:
            return Skipped("the test machine is not connected, as asked")
        if wanted != CREATE:
            return Done(f"the existing network {wanted} is used", {"network": wanted, "made": False})
        machine = self.machine(ctx.subject)
        name = targets.drill_network(machine)
        answer = self.orders.give(
            ctx,
            machine.target_appliance_id,
            Kind.CREATE_NETWORK,
            orders.CreateNetwork(name=name),
            machine_id=machine.id,
            why=f"making the isolated network {name}",
        )
        return answer if isinstance(answer, Wait) else Done(answer.sentence, {"network": name, "made": True})

    def _remove_network(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        if ctx.arguments["network"] != CREATE:
            return Skipped("no network was made")
        answer = self.orders.give(
            ctx,
            machine.target_appliance_id,
            Kind.REMOVE_NETWORK,
            orders.CreateNetwork(name=targets.drill_network(machine)),
            machine_id=machine.id,
            why="removing the test network",
        )
        return answer if isinstance(answer, Wait) else Done(answer.sentence)

    def _choose(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        found = choosing.choose(self.orders, ctx, machine, process=True)
        return found if isinstance(found, Wait) else Done(f"{found.what} was chosen", found.facts())

    def _start(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        network = ctx.facts("Create test network").get("network")
        chosen = ctx.facts("Test failover")
        forward = choosing.forward_of(chosen)
        payload = orders.StartReplica(
            run=targets.DRILL_RUN,
            point_id=choosing.point_of(chosen),
            fabric_id=targets.drill_fabric_id(machine),
            name=f"{machine.name}-test",
            networks={nic.key: network for nic in machine.definition.nics},
            forward=forward,
        )
        answer = self.orders.give(
            ctx,
            machine.target_appliance_id,
            Kind.START_REPLICA,
            payload,
            machine_id=machine.id,
            deadline_seconds=targets.ROLL_SECONDS if forward else targets.START_SECONDS,
            why=f"starting {payload.name} at {machine.target_site}",
        )
        return answer if isinstance(answer, Wait) else self._running(ctx, machine, payload, answer)

    def _running(
        self, ctx: StepContext, machine: ports.MachineRecord, payload: orders.StartReplica, answer: Answer
    ) -> Outcome:
        network = ctx.facts("Create test network")
        drill = ports.DrillRecord(
            point_id=payload.point_id,
            fabric_id=payload.fabric_id,
            machine_name=payload.name,
            network=network.get("network"),
            network_made=bool(network.get("made")),
            started_at=ctx.now(),
            job_id=ctx.job_id,
            forward=payload.forward,
        )

        def commit(session: Any) -> None:
            tx = self.deps.store.within(session)
            tx.machines.put(replace(tx.machines.get(machine.id), drill=drill))

        return Done(f"{answer.sentence}; network {drill.network or 'none'}", answer.facts, commit)

    def _stop(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        drill_id = targets.drill_fabric_id(machine)
        answer = targets.stop_run(self.orders, ctx, machine, targets.DRILL_RUN, drill_id)
        return answer if isinstance(answer, Wait) else Done(answer.sentence)
