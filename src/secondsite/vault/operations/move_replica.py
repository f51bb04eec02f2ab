"""Move replica: another host of the site takes a machine's replica over, whose files stay where they are.

The present appliance gives it, if it runs; of one that does not run it is taken. A machine that was failed
over onto it starts again at the other host, once a person has said that the present one is gone."""

from collections.abc import Sequence

from ...domain import errors
from ...domain.lifecycle import RUNS_AT_TARGET_AT_REST, Verb
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Step
from ...jobs.model.outcomes import Done, Outcome, Skipped
from ...wire.common.base import Shape
from ...wire.rest import verbs
from ..steps.operation import MachineOperation
from ..steps.points.choose_recovery_point import StartInstant
from ..steps.sides import replica_hosts
from ..steps.start_failed_over import start_from
from ..store import MachineRecord, Transaction


class MoveArguments(verbs.MoveReplicaOptions):
    """What was asked for."""


class ChosenHost(Shape):
    """`former_id` had the replica before."""

    host_id: str
    former_id: str


class MoveReplica(MachineOperation):
    verb = Verb.MOVE_REPLICA

    def arguments(self, tx: Transaction, request: Shape, machine: MachineRecord) -> MoveArguments:
        assert isinstance(request, verbs.MoveReplica)
        return MoveArguments.model_validate(request.model_dump(exclude={"machines"}))

    def steps(self) -> Sequence[Step]:
        return (
            Step("check", self._check, title="Prerequisites check"),
            Step("move", self._move, title="Take the replica over"),
            Step("start", self._start, title="Start"),
            Step("source", self._source, title="Tell the source"),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        asked, machine = ctx.arguments(MoveArguments), self.machine(ctx)
        before = ctx.remembered(ChosenHost)
        if before is not None and before.host_id == machine.target_appliance_id:
            return Done("its replica was taken over in an earlier attempt", before)
        if machine.state in RUNS_AT_TARGET_AT_REST:
            self._require_gone(asked, machine)
        with self.deps.store.reading() as tx:
            host = replica_hosts.choose(self.deps.gateway, tx, machine, asked.target_appliance)
        chosen = ChosenHost(host_id=host.id, former_id=machine.target_appliance_id)
        return Done(f"'{host.name}' reaches the store of the replica", chosen)

    def _require_gone(self, asked: MoveArguments, machine: MachineRecord) -> None:
        if self.deps.gateway.is_connected(machine.target_appliance_id):
            raise errors.PrerequisiteFailed(
                f"{machine.name} was failed over, and the appliance of the host where it runs is connected.",
                do="Commit the failover, or cancel it; a machine that runs is not moved.",
            )
        if not asked.host_is_gone:
            raise errors.PrerequisiteFailed(
                f"{machine.name} was failed over to a host whose appliance does not answer, and may run "
                "there still.",
                do="Make sure that the host is off, and say so with '--host-is-gone'.",
            )

    def _move(self, ctx: StepContext) -> Outcome:
        machine, chosen = self.machine(ctx), ctx.facts("check", ChosenHost)
        if machine.target_appliance_id == chosen.host_id:
            return Done("its replica is there already")
        host = replica_hosts.asked(self.orders, ctx, machine, chosen.host_id)
        is_over = machine.state in RUNS_AT_TARGET_AT_REST
        taken = replica_hosts.take(self.orders, ctx, machine, host, accepting=not is_over, begun=is_over)
        return Done(f"{taken.sentence} by '{host.name}'")

    def _start(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        if machine.state not in RUNS_AT_TARGET_AT_REST or machine.failed_over_point_id is None:
            return Skipped("it does not run at this site")
        instant = StartInstant(point_id=machine.failed_over_point_id, forward=machine.failed_over_forward)
        return start_from(self.deps, ctx, self.target(ctx, machine), instant)

    def _source(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        if machine.state in RUNS_AT_TARGET_AT_REST:
            return Skipped("it is not replicated now")
        return Done(replica_hosts.tell_source(self.source(ctx, machine)))
