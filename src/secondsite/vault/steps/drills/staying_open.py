"""A test failover whose job stays open until somebody completes the test, as the Azure documents have it
(S-112, S-114).

The machine's drill rests meanwhile, as after any other: the cleanup verb completes it, also after two weeks
by itself, and this job ends with what was noted then.
"""

from collections.abc import Callable
from dataclasses import replace

from ....domain.drills import verdicts
from ....domain.lifecycle import DrillState, Event, drill_after
from ....ground.units import DAY
from ....jobs.model.context import StepContext
from ....jobs.model.definitions import Step
from ....jobs.model.outcomes import Done, Outcome, Wait
from ....jobs.model.views import JobView
from ....jobs.storage import read
from ....jobs.storage.database import Session
from ...store import MachineRecord
from ..deps import Deps
from .drill_cleanup import DrillEnded

OPEN_SECONDS = 30 * DAY
"""Longer than a drill lasts that nobody completes: after that time even the automatic cleanup was not
possible."""
LOOKS_SECONDS = 5.0


class StaysOpen:
    """The last step of the job; `waits` says what it waits for."""

    def __init__(self, deps: Deps, waits: Callable[[MachineRecord], str]) -> None:
        self._deps = deps
        self._waits = waits

    def steps(self) -> tuple[Step, ...]:
        wait = Step(
            "await_completion", self._wait, title="Complete testing", cancelable=False, begins=self._rest
        )
        return (wait,)

    def _rest(self, session: Session, job: JobView) -> None:
        """From here on the drill stands by itself: it can be completed without this job."""
        tx = self._deps.store.within(session)
        machine = tx.machines.get(str(job.subject))
        if machine.drill_state is DrillState.STARTING and machine.drill_claimed_by == job.id:
            state = drill_after(machine.drill_state, Event.SUCCEEDED)
            tx.machines.put(replace(machine, drill_state=state))

    def _wait(self, ctx: StepContext) -> Outcome:
        with self._deps.store.reading() as tx:
            machine = tx.machines.by_id(str(ctx.subject))
            if machine is not None and machine.drill is not None and machine.drill.job_id == ctx.job_id:
                return self._goes_on(ctx, machine)
            began_at = read.get(tx.session, ctx.job_id).created_at
            notes = [each for each in tx.drill_notes.list(str(ctx.subject)) if each.started_at >= began_at]
        if not notes:
            return Done("the test machine is gone, and nobody noted anything")
        noted = min(notes, key=lambda note: note.completed_at)
        said = (
            f"completed by {noted.requested_by}; verdict: {verdicts.spoken(noted.verdict)}; notes kept: "
            f"{noted.notes or 'none'}"
        )
        return Done(said, DrillEnded(verdict=noted.verdict))

    def _goes_on(self, ctx: StepContext, machine: MachineRecord) -> Outcome:
        """Wait on, or end after OPEN_SECONDS; never fail: that would undo what a person may be looking at."""
        said = self._waits(machine)
        if ctx.waited_seconds >= OPEN_SECONDS:
            return Done(f"nobody completed it in {OPEN_SECONDS / DAY:.0f} days: {said}", partial=True)
        raise Wait(f"drill/{machine.id}", OPEN_SECONDS + DAY, said, None, LOOKS_SECONDS)
