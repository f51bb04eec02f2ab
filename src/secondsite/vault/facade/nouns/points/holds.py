"""Holds on recovery points. The target's appliance keeps them with the points; the vault only asks for
them."""

from typing import TypeVar

from .....domain import errors
from .....wire.common.base import Shape
from .....wire.common.points import PointShape
from .....wire.control import orders
from .....wire.control.orders import HoldPoint, OrderKind, Points, ReleasePoint
from ...parts import Parts
from ...shared.answered_order import ask_and_wait
from .. import machines

ANSWER_SECONDS = 30.0
LONGEST_REASON = 200

P = TypeVar("P", bound=Shape)


class Holds:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def hold(self, machine: str, point_id: str, reason: str) -> PointShape:
        """Hold the point: it stays, whatever retention says, until it is released. Raises NotFound,
        InvalidArgument, ApplianceUnreachable or DeadlineExceeded."""
        said = " ".join(reason.split())
        if not said or len(said) > LONGEST_REASON or not said.isprintable():
            raise errors.InvalidArgument(
                "A hold needs a reason that people can read.",
                do=f"Say why in 1 to {LONGEST_REASON} characters.",
            )
        return self._ask(machine, point_id, orders.HOLD_POINT, HoldPoint(point_id=point_id, reason=said))

    def release(self, machine: str, point_id: str, reason: str | None = None) -> PointShape:
        """End the hold: retention applies to the point again. A point that is not held stays as it is.
        `reason`: that of the hold that is meant. Raises as `hold` does, and ChangedMeanwhile for another
        hold."""
        self._require(machine, point_id, reason)
        return self._ask(
            machine, point_id, orders.RELEASE_POINT, ReleasePoint(point_id=point_id, reason=reason)
        )

    def _require(self, machine: str, point_id: str, reason: str | None) -> None:
        """Raises ChangedMeanwhile if the hold that was last heard of is another one: its asker learns that at
        once, also where a second person decides, and from an older appliance."""
        with self._parts.store.reading() as tx:
            known = self._parts.facts.latest(tx, machines.existing(self._parts, tx, machine).id)
        points = known.replica.points if known.replica else ()
        held = next((each.held for each in points if each.id == point_id), reason)
        if reason not in (None, held):
            raise errors.ChangedMeanwhile.hold(point_id, held)

    def _ask(self, machine: str, point_id: str, order: OrderKind[P, Points], payload: P) -> PointShape:
        with self._parts.store.reading() as tx:
            record = machines.existing(self._parts, tx, machine)
            target = tx.appliances.find(record.target_appliance_id)
        if target is None:
            raise errors.ApplianceUnreachable(
                f"The appliance that holds the points of {record.name} is gone."
            )
        self._parts.announce()
        [known] = ask_and_wait(self._parts, [target], order, payload, ANSWER_SECONDS, record.id)
        for point in known.points:
            if point.id == point_id:
                with self._parts.changing():
                    self._parts.note(after=point)
                return point
        raise errors.NotFound.named("recovery point", point_id, "point list MACHINE")
