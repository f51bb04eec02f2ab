"""One of the two appliances of a machine, as a step gives it orders."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from ....jobs.model.context import StepContext
from ....wire.common.base import Shape
from ....wire.control.orders import OrderKind
from ...store import MachineRecord
from .orders import USUAL, Answer, Limits, Orders

P = TypeVar("P", bound=Shape)
F = TypeVar("F", bound=Shape)


@dataclass(frozen=True, slots=True)
class Ask(Generic[P, F]):
    """An order to a side that may be given later, and how long a step waits for it."""

    order: OrderKind[P, F]
    payload: P
    why: str
    limits: Limits = USUAL


class Side:
    """Every order gives its answer, or raises Wait until there is one, or raises what `Orders.give` raises."""

    def __init__(
        self, give: Orders, ctx: StepContext, machine: MachineRecord, appliance_id: str, site: str
    ) -> None:
        self._orders = give
        self._ctx = ctx
        self.appliance_id = appliance_id
        self.site = site
        self.machine = machine

    @property
    def job_id(self) -> str:
        """The job that gives the orders."""
        return self._ctx.job_id

    @property
    def generation(self) -> int | None:
        """The number that orders carry; None for those of a drill, which stands beside the lifecycle."""
        return self.machine.generation if self.machine.claimed_by == self._ctx.job_id else None

    @property
    def drill_generation(self) -> int | None:
        """The number that orders of a drill carry."""
        machine = self.machine
        return machine.drill_generation if machine.drill_claimed_by == self._ctx.job_id else None

    def ask(self, asked: Ask[P, F]) -> Answer[F]:
        return self.give(asked.order, asked.payload, asked.why, asked.limits)

    def give(
        self, order: OrderKind[P, F], payload: P, why: str, limits: Limits = USUAL, *, again: bool = False
    ) -> Answer[F]:
        return self._orders.give(
            self._ctx,
            self.appliance_id,
            order,
            payload,
            why=why,
            machine_id=self.machine.id,
            generation=self.generation,
            drill_generation=self.drill_generation,
            limits=limits,
            again=again,
        )
