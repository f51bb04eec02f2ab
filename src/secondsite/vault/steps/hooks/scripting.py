"""Scripts at an appliance, as plans and hooks of machines run them: whether they exist, and their output."""

from collections.abc import Sequence

from ....domain import errors
from ....jobs.model.context import StepContext
from ....wire.control import orders
from ....wire.control.scripts import CheckScripts
from ..sides.orders import USUAL, Limits, Orders

LOOKS = Limits(deadline_seconds=20, reach_seconds=15)
"""An unplanned failover is not delayed by a script folder that does not answer."""
BESIDE_SECONDS = 60.0
"""How long an appliance may take, besides the script itself, to begin it and report its end."""
SHOWN_LINES, LONGEST_LINE = 3, 200


def missing(
    give: Orders,
    ctx: StepContext,
    at: str,
    names: Sequence[str],
    in_guests: Sequence[str] = (),
    limits: Limits = USUAL,
) -> Sequence[str]:
    """Why the appliance `at` cannot run some of these, also if it does not answer. Raises Wait."""
    try:
        return told_missing(give, ctx, at, names, in_guests, limits)
    except errors.SecondsiteError as error:
        return [f"scripts {', '.join([*names, *in_guests])}: {error.message}"]


def told_missing(
    give: Orders,
    ctx: StepContext,
    at: str,
    names: Sequence[str],
    in_guests: Sequence[str] = (),
    limits: Limits = USUAL,
) -> Sequence[str]:
    """The problems that the appliance reports. Raises Wait, and what `Orders.give` raises."""
    payload = CheckScripts(names=tuple(names), in_guests=tuple(in_guests))
    answer = give.give(ctx, at, orders.CHECK_SCRIPTS, payload, why="looks for scripts", limits=limits)
    if in_guests and not answer.facts.knows_guests:
        old = f"scripts {', '.join(in_guests)}: their appliance is of a release that runs none in guests"
        return [*answer.facts.problems, old]
    return [each.rstrip(".") for each in answer.facts.problems]


def last_lines(output: str) -> str:
    """The last lines of the output, as the end of a sentence."""
    lines = [line.strip()[:LONGEST_LINE] for line in output.splitlines() if line.strip()][-SHOWN_LINES:]
    return f": {' | '.join(lines)}" if lines else ""
