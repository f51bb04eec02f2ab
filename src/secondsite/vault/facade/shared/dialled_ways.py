"""Ways of which an appliance dials its half, while the person's request waits."""

from collections.abc import Callable
from typing import TypeVar

from ....domain import errors
from ....wire.common.base import Shape
from ....wire.control.orders import OrderKind
from ...fleet.ways import AwaitedWay
from ...store import ApplianceRecord
from .. import holders
from ..callers import Caller
from ..parts import Parts
from .answered_order import ask_and_wait

ANSWER_SECONDS = 40.0
MEET_SECONDS = 10.0
INVALID = "the token, or the session, no longer counts"

P = TypeVar("P", bound=Shape)
F = TypeVar("F", bound=Shape)


def dialled(
    parts: Parts,
    appliance: ApplianceRecord | None,
    order: OrderKind[P, F],
    payload: Callable[[AwaitedWay], P],
    machine_id: str,
    seconds: float = ANSWER_SECONDS,
) -> AwaitedWay:
    """A way that the appliance of the machine's target has dialled; `leave` is to be called once it is of no
    use. Raises ApprovalNeeded, NotPossibleNow if too many are open, ApplianceUnreachable, DeadlineExceeded,
    and what the appliance raises."""
    parts.announce()
    known = _connected_here(parts, appliance)
    way = parts.ways.expect(parts.deps.new_id(), known.id, parts.caller.name)
    try:
        ask_and_wait(parts, [known], order, payload(way), seconds, machine_id)
        if not way.met.wait(MEET_SECONDS):
            raise errors.DeadlineExceeded("The appliance did not dial for the way in time.", do="Try again.")
    except BaseException:
        leave(parts, way)
        raise
    return way


def leave(parts: Parts, way: AwaitedWay) -> None:
    """Close the person's end."""
    parts.ways.leave(way.id)
    way.line.close()


def is_valid(parts: Parts, caller: Caller) -> bool:
    """Whether the caller's credential counts still. Asks the database."""
    return holders.stands(parts.store, caller, parts.uses.seen, parts.now())


def _connected_here(parts: Parts, appliance: ApplianceRecord | None) -> ApplianceRecord:
    """Raises ApplianceUnreachable unless the appliance is connected to this very process: the two halves of a
    way meet in one."""
    if appliance is None or not parts.gateway.is_connected(appliance.id):
        name = "of the machine's target" if appliance is None else f"'{appliance.name}' of {appliance.site}"
        raise errors.ApplianceUnreachable(f"The appliance {name} is not connected to the vault.")
    if not parts.gateway.holds(appliance.id):
        raise errors.ApplianceUnreachable(
            f"Appliance '{appliance.name}' is connected to another process of this vault.",
            do="Ask that one: give its address with --url.",
        )
    return appliance
