"""A machine's job waits until the run of its plan lets it go on.

The run opens a gate by beginning a step: that is in the journal, so nothing has to be told twice, and a vault that was killed finds
the gate as it was. A run that has ended, turns back or has stopped opens none any more; whoever waits then fails, and brings
its machine back by itself.
"""

from collections.abc import Sequence

from ....ground.units import DAY
from ....jobs.model.context import StepContext
from ....jobs.model.failures import StepFailed
from ....jobs.model.outcomes import Done, Outcome, Wait
from ....jobs.storage import read, search
from ....jobs.storage.search import StepSeen
from ....wire.common.base import Shape

RUN_STOPPED = "plan-stopped"
WAITS_SECONDS = 30 * DAY


class Turn(Shape):
    """The steps of the run that let a machine be shut down and start; how often its job looks if nobody tells it."""

    shut_down: str
    start: str
    looks_seconds: float


class InTurn(Shape):
    """Among the arguments of a machine's job. None: it waits for nobody."""

    turn: Turn | None = None


class Stopped(Shape):
    """What a step of the run remembers before it ends the run: in which attempt at it, and why."""

    stopped_in: int | None = None
    why: str = ""


def gate_signal(run_id: str, step: str) -> str:
    """What jobs wait for that wait for this step of the run."""
    return f"gate/{run_id}/{step}"


def turn_to(step: str) -> str:
    """The key of the step that waits until the one with this key may begin."""
    return f"turn_to_{step}"


def await_turn(ctx: StepContext, step: str, doing: str, looks_seconds: float) -> Outcome:
    """Done when the run above this job has begun that step. Raises Wait until then, StepFailed if it will not come to it."""
    with ctx.session() as session:
        run_id = read.get(session, ctx.job_id).parent_job_id
        steps = [] if run_id is None else search.steps_seen(session, run_id)
    if run_id is None or _is_closed(steps):
        raise StepFailed(
            RUN_STOPPED,
            f"The run of the plan stopped before it was the turn of {ctx.subject_name} to {doing}.",
            "Look into the run for its cause; then run the plan again: it takes what has not arrived.",
        )
    gate = next(each for each in steps if each.key == step)
    if not gate.has_begun:
        raise Wait(
            gate_signal(run_id, step),
            WAITS_SECONDS,
            f"waits for '{gate.title}', to {doing} then",
            poll_seconds=looks_seconds,
        )
    return Done(f"its turn to {doing}")


def _is_closed(steps: Sequence[StepSeen]) -> bool:
    stopped = (Stopped.model_validate(each.facts).stopped_in for each in steps)
    return not steps or not steps[0].is_going_on or steps[0].attempt in stopped
