"""Gates: a machine's job waits until the run of its plan lets it go on.

The run opens a gate by beginning a step: that is in the journal, so no signal has to be repeated, and a vault
that was killed finds the gate as it was. A run that has ended, turns back or has stopped opens no more gates;
jobs that wait then fail, and bring their machines back by themselves. So does a job that was cancelled while
it was held.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ...domain import errors
from ...ground.units import DAY
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import TURN_TO
from ...jobs.model.failures import CHILDREN_FAILED, StepFailed
from ...jobs.model.outcomes import Done, Outcome, Wait
from ...jobs.model.views import JobView
from ...jobs.storage import read, search
from ...jobs.storage.database import Session
from ...jobs.storage.search import StepView
from ...wire.common.base import Shape
from ...wire.common.machines import PowerState
from .sides.source import ASKED_IN_PASSING, Source

RUN_STOPPED = "plan-stopped"
WAITS_SECONDS = 366 * DAY
"""How long a job waits: each question before its turn may wait 30 days; a run that ends, or stops, ends the
wait."""


class StartTurn(Shape):
    """The steps of the run that let a machine be shut down and start; how often its job looks if it gets no
    signal, in seconds."""

    shut_down: str
    start: str
    looks_seconds: float


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate that a step of the run opens, to jobs that wait to do something. `holds_open`: if the run stops
    after the gate was opened, the jobs of its group still pass, so that a group whose machines are starting
    is not torn apart."""

    step: str
    doing: str
    holds_open: bool


class InTurn(Shape):
    """The turn among the arguments of a machine's job. None: it waits for nothing."""

    turn: StartTurn | None = None


class StoppedRun(Shape):
    """What a step of the run records before it ends the run: its attempt, and the failure."""

    stopped_in: int | None = None
    why: str = ""
    code: str = CHILDREN_FAILED
    do: str = ""


def gate_signal(run_id: str, step: str) -> str:
    """The signal of jobs that wait for this step of the run."""
    return f"gate/{run_id}/{step}"


def turn_to(step: str) -> str:
    """The key of the step that waits until the one with this key may begin."""
    return TURN_TO + step


def await_turn(ctx: StepContext, gate: Gate, looks_seconds: float) -> Outcome:
    """Done when the run above this job has begun the gate's step. Raises Wait until then, StepFailed if it
    never will."""
    run = _seen(ctx)
    step = next((each for each in run.steps if each.key == gate.step), None)
    if step is None or not (run.is_going_on or (gate.holds_open and run.holds_open and step.has_begun)):
        raise _stopped(ctx.subject_name, f"to {gate.doing}")
    if not step.has_begun:
        raise Wait(
            gate_signal(run.id, gate.step),
            WAITS_SECONDS,
            f"waits for '{step.title}', to {gate.doing} then",
            poll_seconds=looks_seconds,
        )
    return Done(f"its turn to {gate.doing}")


def require_going_on(ctx: StepContext) -> None:
    """Raises StepFailed if the run above this job has stopped: then there is no use in beginning."""
    if not _seen(ctx).is_going_on:
        raise _stopped(ctx.subject_name, "at all")


def begins_if_going_on(session: Session, job: JobView) -> None:
    """For a step that must not begin once the run above its job has stopped. Raises StepFailed."""
    if not _of(session, job.id).is_going_on:
        raise _stopped(job.subject_name, "to be shut down")


@dataclass(frozen=True, slots=True)
class _Run:
    """The run above a job; without steps if it does not exist. `is_given_up`: the job itself was
    cancelled."""

    id: str
    steps: Sequence[StepView]
    is_given_up: bool

    @property
    def is_going_on(self) -> bool:
        if self.is_given_up or not self.steps or not self.steps[0].is_going_on:
            return False
        stopped = (StoppedRun.model_validate(each.facts).stopped_in for each in self.steps)
        return self.steps[0].attempt not in stopped

    @property
    def holds_open(self) -> bool:
        """Whether an open gate may still be passed: until the run has ended."""
        return bool(self.steps) and not (self.is_given_up or self.steps[0].has_ended)


def _seen(ctx: StepContext) -> _Run:
    with ctx.session() as session:
        return _of(session, ctx.job_id)


def _of(session: Session, job_id: str) -> _Run:
    job = read.get(session, job_id)
    steps = [] if job.parent_job_id is None else search.steps_seen(session, job.parent_job_id)
    return _Run(job.parent_job_id or "", steps, job.cancel_requested)


def _stopped(name: str, doing: str) -> StepFailed:
    return StepFailed(
        RUN_STOPPED,
        f"The run of the plan stopped before it was the turn of {name} {doing}.",
        "Look into the run for its cause; then run the plan again: it takes what has not arrived.",
    )


# A machine that has waited for its turn to start, perhaps for days, should still be off at its source. The
# fence keeps it off if the platform has a veto; elsewhere a reboot of the host, or its owner, may start it.

SOURCE_RUNS = "source-runs"
OFF = frozenset({PowerState.OFF, PowerState.MISSING})


def require_still_off(source: Source) -> None:
    """Raises StepFailed if the machine is on. A source that cannot be asked was off when everything that it
    had written had arrived: waiting for its site would keep the machine off at both."""
    machine = source.machine
    try:
        power = source.power(ASKED_IN_PASSING).facts.power
    except (errors.ApplianceUnreachable, errors.DeadlineExceeded):
        return
    if power not in OFF:
        raise StepFailed(
            SOURCE_RUNS,
            (
                f"{machine.name} is {power} at {machine.source_site}: somebody started it while it waited "
                "for its turn."
            ),
            "It stays there. Find out who needs it; then run the plan again: it takes what has not arrived.",
        )
