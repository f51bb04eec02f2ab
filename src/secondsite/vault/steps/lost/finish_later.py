"""Once a site that was away returns, does there what a verb left undone.

A job of its own waits for the site. It acts only if no later job has touched the machine, and its order carries the number
of the verb that it belongs to.
"""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import JsonValue

from ....ground.units import DAY
from ....jobs.model.context import StepContext
from ....jobs.model.definitions import Definition, Step
from ....jobs.model.outcomes import Outcome, Skipped
from ....jobs.storage.database import Session
from ....wire.common.base import Shape
from ....wire.control.orders import ORDERS, Kind, OrderKind
from ... import ports
from ..deps import Deps
from ..sides.giving_orders import Limits, Orders
from ..sides.side import Side

FINISH_LATER = "finish_later"
LONGEST = Limits(deadline_seconds=30 * DAY, reach_seconds=30 * DAY)

P = TypeVar("P", bound=Shape)
F = TypeVar("F", bound=Shape)


class LaterArguments(Shape):
    """The order that was not given, and `why` as a clause after 'when it returns,'."""

    appliance_id: str
    site: str
    kind: Kind
    payload: Mapping[str, JsonValue]
    generation: int | None
    why: str


def submit(deps: Deps, session: Session, side: Side, order: OrderKind[P, F], payload: P, why: str) -> str:
    """Queue the job in the caller's transaction; its id."""
    arguments = LaterArguments(
        appliance_id=side.appliance_id,
        site=side.site,
        kind=order.kind,
        payload=payload.model_dump(mode="json"),
        generation=side.generation,
        why=why,
    )
    return deps.submit(
        session,
        FINISH_LATER,
        subject=side.machine.id,
        subject_name=side.machine.name,
        arguments=arguments,
        by="secondsite",
    )


def definition(deps: Deps) -> Definition:
    """One step that waits for the site as long as it takes, at most 30 days."""
    give = Orders(deps)

    def finish(ctx: StepContext) -> Outcome:
        left = ctx.arguments(LaterArguments)
        with deps.store.transaction() as tx:
            machine = tx.machines.find(str(ctx.subject))
        if machine is not None and _has_moved_on(machine, left):
            return Skipped(f"a later job has taken {machine.name}: nothing more is done at {left.site}")
        order = ORDERS[left.kind]
        answer = give.give(
            ctx,
            left.appliance_id,
            order,
            order.payload.model_validate(left.payload),
            machine_id=ctx.subject,
            generation=left.generation,
            limits=LONGEST,
            why=f"waiting for site {left.site}; when it returns, {left.why}",
        )
        return answer.done()

    return Definition(FINISH_LATER, (Step("finish", finish, title="Finish at the site that was away"),))


def _has_moved_on(machine: ports.MachineRecord, left: LaterArguments) -> bool:
    return left.generation is not None and machine.generation != left.generation
