"""A plan's test failover whose job stays open until the test of each machine is completed (S-112, S-114).

The jobs of the machines end as ever, so one group does not wait for the testers of another. While a run only
waits here it stands in nobody's way: the plan can be cleaned up, and failed over in need.
"""

from collections.abc import Iterator, Sequence

from ...domain.drills import verdicts
from ...domain.lifecycle import Verb
from ...domain.plans import run_selection
from ...ground.units import DAY
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Step
from ...jobs.model.outcomes import Done, Outcome, Wait
from ...jobs.model.views import JobView, current_steps
from ...jobs.running.children import GOOD
from ...jobs.storage import read
from ..steps.deps import Deps
from ..steps.drills.staying_open import LOOKS_SECONDS, OPEN_SECONDS
from ..store import DrillNote, Transaction
from .arguments import PlanRunArguments, RunGroup

KEY = "await_completion"
SHOWN_NOTES = 80
"""How many characters of a machine's notes the result of the run shows: the machine has them whole."""


class StaysOpen:
    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    def steps(self, run: PlanRunArguments) -> Iterator[Step]:
        if run.stay_open:
            yield Step(KEY, self._wait, title="Complete testing", cancelable=False)

    def _wait(self, ctx: StepContext) -> Outcome:
        """Wait while a drill of the run is open, OPEN_SECONDS at most; never fail: that would remove what
        people may be looking at."""
        with self._deps.store.reading() as tx:
            begun = _begun(tx, ctx.job_id)
            waiting = _open(tx, begun)
            ended = [_ended(tx, each) for each in begun if each.subject_name not in waiting]
        if not waiting:
            return Done(run_selection.listed(ended, "; ") if ended else "no test machine runs")
        said = f"these wait to be tested and cleaned up: {run_selection.listed(waiting, ', ')}"
        if ctx.waited_seconds >= OPEN_SECONDS:
            return Done(f"nobody completed the test in {OPEN_SECONDS / DAY:.0f} days; {said}", partial=True)
        raise Wait(f"drills/{ctx.job_id}", OPEN_SECONDS + DAY, said, None, LOOKS_SECONDS)


def only_waits(tx: Transaction, job: JobView) -> bool:
    """Whether all that the run still does is to wait for the completion of the tests."""
    steps = current_steps(read.tasks_of(tx.session, job.id))
    return any(each.key == KEY and each.started_at is not None and not each.done for each in steps)


def awaited_by_run(group: RunGroup) -> RunGroup:
    """The group for a run that stays open: the jobs of its machines do not."""
    children = (each.given(stay_open=False) for each in group.children)
    return group.model_copy(update={"children": tuple(children)})


def _begun(tx: Transaction, run_id: str) -> Sequence[JobView]:
    """The jobs that have started test machines for the run."""
    children = read.children_of(tx.session, run_id)
    return [each for each in children if each.name == Verb.TEST_FAILOVER and each.state in GOOD]


def _open(tx: Transaction, begun: Sequence[JobView]) -> Sequence[str]:
    """Names of the machines whose drill of this run is open."""
    jobs = {each.id for each in begun}
    machines = tx.machines.several(sorted({str(each.subject) for each in begun}))
    return [each.name for each in machines if each.drill is not None and each.drill.job_id in jobs]


def _ended(tx: Transaction, job: JobView) -> str:
    notes = [each for each in tx.drill_notes.list(str(job.subject)) if each.started_at >= job.created_at]
    if not notes:
        return f"{job.subject_name}: gone, and nobody noted anything"
    return f"{job.subject_name}: {_spoken(min(notes, key=lambda note: note.completed_at))}"


def _spoken(note: DrillNote) -> str:
    said = f"{verdicts.spoken(note.verdict)}, by {note.requested_by}"
    return f"{said} ('{note.notes[:SHOWN_NOTES]}')" if note.notes else said
