"""One of the two appliances of a machine, as a step gives it orders."""

from typing import TypeVar

from ....jobs.model.context import StepContext
from ....wire.common.base import Shape
from ....wire.control.orders import OrderKind
from ... import ports
from .giving_orders import USUAL, Answer, Limits, Orders

P = TypeVar("P", bound=Shape)
F = TypeVar("F", bound=Shape)


class Side:
    """Every order gives its answer, or raises Wait until there is one, or raises what `Orders.give` raises."""

    def __init__(
        self, give: Orders, ctx: StepContext, machine: ports.MachineRecord, appliance_id: str, site: str
    ) -> None:
        self._orders = give
        self._ctx = ctx
        self.appliance_id = appliance_id
        self.site = site
        self.machine = machine

    @property
    def is_connected(self) -> bool:
        """Whether its appliance has a connection now."""
        return self._orders.is_connected(self.appliance_id)

    @property
    def generation(self) -> int | None:
        """The number that orders carry; drills stand beside the lifecycle and have none."""
        return self.machine.generation if self.machine.claimed_by == self._ctx.job_id else None

    def give(self, order: OrderKind[P, F], payload: P, why: str, limits: Limits = USUAL) -> Answer[F]:
        return self._orders.give(
            self._ctx,
            self.appliance_id,
            order,
            payload,
            why=why,
            machine_id=self.machine.id,
            generation=self.generation,
            limits=limits,
        )
