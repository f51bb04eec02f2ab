"""The id of what an appliance is ordered to make: another one for each attempt, since one that was given up
stays so. It is noted before the order: an undo that is repeated is another attempt, and has to end what was
ordered."""

import uuid

from ....jobs.model.context import StepContext
from ....wire.common.base import Shape


class Ordered(Shape):
    """The id that was ordered last; None: nothing was, or by an older vault."""

    ordered: str | None = None


def new(ctx: StepContext, base: str) -> str:
    """The id of this attempt, which is noted. `base`: the job's own, a UUID."""
    ctx.remember(Ordered(ordered=(found := _of_attempt(ctx, base))))
    return found


def last(ctx: StepContext, step: str, base: str) -> str:
    """The id that the step has ordered last."""
    return ctx.facts(step, Ordered).ordered or _of_attempt(ctx, base)


def _of_attempt(ctx: StepContext, base: str) -> str:
    return str(uuid.uuid5(uuid.UUID(base), str(ctx.attempt)))
