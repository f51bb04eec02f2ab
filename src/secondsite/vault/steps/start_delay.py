"""A start delay: a machine of a plan starts later than others of its group, when what it depends on inside
the group is up.

The time counts from when the machine is ready to start. It is part of the job's arguments, so a later change
of the plan changes no run.
"""

from collections.abc import Sequence

from ...domain.amounts import span
from ...ground.units import DAY
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Step
from ...jobs.model.facts import Json
from ...jobs.model.outcomes import Done, Outcome, Wait
from ...wire.common.base import Shape

KEY, TITLE = "start_delay", "Start delay"
START = "start"
LEAST_LOOK_SECONDS = 0.2


class StartsLater(Shape):
    """The delay among the arguments of a machine's job. None: no delay."""

    start_delay_seconds: int | None = None


def is_in(arguments: Json) -> bool:
    """Whether a job with these arguments waits before its machine starts."""
    return bool(StartsLater.model_validate(arguments).start_delay_seconds)


def before_start(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps with the wait before the step that starts the machine."""
    at = next(number for number, each in enumerate(steps) if each.key == START)
    return (*steps[:at], Step(KEY, wait, title=TITLE), *steps[at:])


def wait(ctx: StepContext) -> Outcome:
    """Done once the delay is over; raises Wait until then."""
    delay = ctx.arguments(StartsLater).start_delay_seconds or 0
    left = delay - ctx.waited_seconds
    if left > 0:
        why = f"starts {span(delay)} after it could"
        raise Wait(f"start-delay/{ctx.job_id}", delay + DAY, why, None, max(LEAST_LOOK_SECONDS, left))
    return Done(f"waited {span(delay)}, as is set for it")
