"""Planned failover: no loss. Copy while the machine runs, shut it down, copy the rest, start it at the other side.

The recovery point is made after the job is triggered (documents 000 L62, 004 L93). If anything fails, a job that
cancels it starts by itself (document 004 L150). A failback is this verb on a machine that was reprotected.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...domain import errors, lifecycle
from ...domain.lifecycle import Event, Verb
from ...domain.units import HOUR
from ...jobs.context import StepContext
from ...jobs.definitions import Definition, Step
from ...jobs.outcomes import Done, Outcome, Wait
from ...jobs.views import JobView
from ...wire import orders
from ...wire.orders import Kind
from ...wire.replication import PointShape
from .. import ports
from ..steps import sources, starting, targets
from ..steps.operation import MachineOperation

REACH_SECONDS = 60


class PlannedFailover(MachineOperation):
    verb = Verb.PLANNED_FAILOVER

    def definition(self) -> Definition:
        return replace(super().definition(), on_failure=self._cancel_itself)

    def steps(self) -> Sequence[Step]:
        return (
            Step("Prerequisites check", self._check),
            Step("Synchronize", self._pre_copy),
            Step("Shut down", self._shut_down),
            Step("Synchronize the last changes", self._final_cycle),
            Step("Failover", self._failover),
            Step("Start", self._start),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        source = self.orders.give(
            ctx,
            machine.source_appliance_id,
            Kind.POWER,
            orders.FabricMachine(fabric_id=machine.source_fabric_id),
            machine_id=machine.id,
            why=f"asking {machine.source_site} whether {machine.name} runs",
        )
        if isinstance(source, Wait):
            return source
        target = targets.list_points(self.orders, ctx, machine)
        if isinstance(target, Wait):
            return target
        return self._checked(machine, orders.Points.model_validate(target.facts).points)

    def _checked(self, machine: ports.MachineRecord, points: Sequence[PointShape]) -> Outcome:
        if not points:
            raise errors.PrerequisiteFailed(
                f"{machine.name} has no recovery point at {machine.target_site}.",
                do="Wait until initial replication or reprotect has ended.",
            )
        return Done(f"both sites answer; {machine.target_site} holds {len(points)} points of {machine.name}")

    def _pre_copy(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        answer = self.orders.give(
            ctx,
            machine.source_appliance_id,
            Kind.PRE_COPY,
            orders.PreCopy(),
            machine_id=machine.id,
            deadline_seconds=12 * HOUR,
            reach_seconds=REACH_SECONDS,
            why=f"copying changes while {machine.name} runs",
        )
        return answer if isinstance(answer, Wait) else Done(answer.sentence, answer.facts)

    def _shut_down(self, ctx: StepContext) -> Outcome:
        answer = sources.shut_down(
            self.orders, ctx, self.machine(ctx.subject), force=False, reach_seconds=REACH_SECONDS
        )
        return answer if isinstance(answer, Wait) else Done(answer.sentence, answer.facts)

    def _final_cycle(self, ctx: StepContext) -> Outcome:
        answer = sources.final_cycle(self.orders, ctx, self.machine(ctx.subject), REACH_SECONDS)
        return answer if isinstance(answer, Wait) else Done(answer.sentence, answer.facts)

    def _failover(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx.subject)
        closed = targets.accept_cycles(self.orders, ctx, machine, accepting=False)
        if isinstance(closed, Wait):
            return closed
        last = orders.CycleFact.model_validate(ctx.facts("Synchronize the last changes"))
        answer = self.orders.give(
            ctx,
            machine.target_appliance_id,
            Kind.DRAIN,
            orders.Drain(seal=True, at_least_epoch=last.epoch, at_least_seq=last.seq),
            machine_id=machine.id,
            deadline_seconds=HOUR,
            why="processing the last changes",
        )
        return answer if isinstance(answer, Wait) else self._last_point(answer.facts, last, answer.sentence)

    def _last_point(self, facts: Any, last: orders.CycleFact, sentence: str) -> Outcome:
        """Only the point of the last delta will do: any other would lose writes."""
        found = [
            p
            for p in orders.Points.model_validate(facts).points
            if (p.epoch, p.seq) == (last.epoch, last.seq)
        ]
        if not found:
            raise errors.ReplicaError(
                f"The target holds no recovery point of the last cycle {last.epoch}.{last.seq}."
            )
        return Done(
            f"point {found[0].id} holds every write ({sentence})",
            {"point_id": found[0].id, "taken_at": found[0].taken_at.isoformat(), "loses_seconds": 0},
        )

    def _start(self, ctx: StepContext) -> Outcome:
        return starting.start_from(self, ctx, str(ctx.facts("Failover")["point_id"]))

    def _cancel_itself(self, session: Any, job: JobView) -> None:
        tx = self.deps.store.within(session)
        machine = tx.machines.get(str(job.subject))
        if machine.job_id != job.id:
            return
        cancel_id = self.deps.submit(
            session,
            Verb.CANCEL_FAILOVER.value,
            subject=machine.id,
            subject_name=machine.name,
            arguments={"because": job.id},
            by="secondsite",
        )
        state = lifecycle.after(machine.state, Event.FAILED).next
        tx.machines.put(replace(machine, state=state, job_id=cancel_id))
