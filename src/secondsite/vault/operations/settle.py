"""Settle: the disks of a machine that was failed over and committed move from the appliance's store to the
site's own storage, while it runs, and the store keeps nothing of it.

It goes on to be the machine that it is: the lifecycle does not change. A later verb ends the move, and the
machine stays on its former disks."""

from collections.abc import Sequence

from ...domain.lifecycle import RUNS_AT_TARGET_AT_REST, Verb
from ...ground.units import DAY
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Step
from ...jobs.model.outcomes import Done, Outcome
from ...wire.common.base import Shape
from ...wire.common.disk_places import DiskPlace
from ...wire.control import orders
from ...wire.rest import verbs
from ..steps.operation import MachineOperation
from ..steps.sides.orders import Limits
from ..steps.sides.side import Side
from ..store import MachineRecord, Transaction

MOVE = Limits(deadline_seconds=30 * DAY)
END = Limits(deadline_seconds=300)


class SettleArguments(verbs.SettleOptions):
    """What was asked for."""


class Settle(MachineOperation):
    verb = Verb.SETTLE

    def arguments(self, tx: Transaction, request: Shape, machine: MachineRecord) -> SettleArguments:
        assert isinstance(request, verbs.Settle)
        return SettleArguments.model_validate(request.model_dump(exclude={"machines"}))

    def steps(self) -> Sequence[Step]:
        return (
            Step("check", self._check, title="Prerequisites check"),
            Step("settle", self._settle, title="Move disks", undo=self._end),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        side, payload = self._where(ctx)
        why = f"checking where the disks of {side.machine.name} at {side.site} can go"
        return Done(side.give(orders.CHECK_SETTLE, payload, why).sentence)

    def _settle(self, ctx: StepContext) -> Outcome:
        side, payload = self._where(ctx)
        why = f"moving the disks of {side.machine.name} at {side.site}"
        return side.give(orders.SETTLE, payload, why, MOVE).done()

    def _end(self, ctx: StepContext) -> Outcome:
        side, payload = self._where(ctx)
        machine = orders.FabricMachine(fabric_id=payload.fabric_id)
        why = f"giving up the move of the disks of {side.machine.name} at {side.site}"
        return side.give(orders.END_SETTLE, machine, why, END).done()

    def _where(self, ctx: StepContext) -> tuple[Side, orders.Settle]:
        """The side where the machine runs, and what it is told."""
        machine, asked = self.machine(ctx), ctx.arguments(SettleArguments)
        is_there = machine.state in RUNS_AT_TARGET_AT_REST
        side: Side = self.target(ctx, machine) if is_there else self.source(ctx, machine)
        payload = orders.Settle(
            fabric_id=machine.target_fabric_id if is_there else machine.source_fabric_id,
            place=None if asked.place is None else _told(asked.place),
            disks={key: _told(place) for key, place in asked.disks.items()},
            unencrypted=asked.unencrypted,
            bytes_per_second=asked.bytes_per_second,
        )
        return side, payload


def _told(asked: DiskPlace) -> orders.DiskPlace:
    return orders.DiskPlace(place=asked.place, format=asked.format, cache=asked.cache)
