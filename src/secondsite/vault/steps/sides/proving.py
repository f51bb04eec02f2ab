"""What is seen of a machine after its start, as the last step of the verb that started it.

The machine is failed over when it runs: whatever is seen, or not seen, no verb fails by it. Of a machine that shows nothing, no
order is given."""

from collections.abc import Callable

from ....domain import errors
from ....jobs.model.context import StepContext
from ....jobs.model.outcomes import Outcome, Skipped
from ....wire.control.orders import StartFact
from ..deps import Deps
from .target import Target


def prove(deps: Deps, ctx: StepContext, find_target: Callable[[StepContext], Target]) -> Outcome:
    """The verdict of the machine that the step 'start' has started."""
    started = ctx.facts("start", StartFact)
    if not started.shows:
        return Skipped(f"nothing can be seen of {started.name} from outside: {_why(started)}")
    try:
        return find_target(ctx).prove(started, deps.proof_seconds).done()
    except errors.SecondsiteError as error:
        return Skipped(f"nothing was seen of {started.name}, which was started: {error.message}")


def _why(started: StartFact) -> str:
    if started.shows is None:
        return "its appliance did not say what it shows"
    return "it has no channel for a guest agent, no console that is kept, and no screen"
