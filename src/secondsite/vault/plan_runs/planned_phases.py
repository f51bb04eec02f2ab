"""A planned failover of a plan, in phases: all machines copy ahead, are shut down with the last group first,
and start with the first.

So nothing in the plan writes any more when its first machine starts: what the machines know about each other
stays true. An error, a cancel or a negative answer in between ends the run, and each machine that has not
started by then is brought back by its own job and runs on at its source (S-151, S-215). What people do before
the first group comes before all that: nothing has to be brought back for it.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from ...domain.lifecycle import Verb
from ...domain.plans import run_selection
from ...ground.plural import counted
from ...jobs.model.context import Child, StepContext, StepFunction
from ...jobs.model.definitions import Step
from ...jobs.model.failures import CHILDREN_FAILED, Refused, StepFailed
from ...jobs.model.outcomes import Done, Outcome, Wait
from ...jobs.model.views import JobView, current_steps
from ...jobs.running.children import GOOD
from ...jobs.storage import read, search
from ...jobs.storage.database import Session
from ...jobs.storage.search import HowFar
from ..steps import batch
from ..steps.deps import Deps
from ..steps.gates import StartTurn, StoppedRun, gate_signal, turn_to
from .arguments import PlanRunArguments, RunGroup, machines_key
from .scripts import When

COPY = "copy"
FEW = 20
LOOKS_SECONDS, LOOKS_AT_MANY_SECONDS = 0.25, 1.0
"""How often the run counts the progress of its machines, in seconds: usually, and with many machines."""
AGAIN = "Look into the jobs of these machines; then run the plan again: it takes those that have not arrived"
Between = Callable[[RunGroup, When], Iterator[Step]]
"""Steps of people and scripts before or after a group."""
Moving = Callable[[RunGroup], Step]
"""The step of a group whose child jobs move its machines."""
Jobs = Callable[[RunGroup, StepContext], list[Child]]
"""These jobs, once the run has come to them."""


def turn_of(number: int, machines: int) -> StartTurn:
    """The turn of a machine of this group, in a run of so many machines. It is signalled when the turn has
    come; the machine's job also looks by itself in case the signal was lost."""
    looks = min(max(2.0, machines / 20), 60.0)
    return StartTurn(shut_down=_shut_down_key(number), start=machines_key(number), looks_seconds=looks)


class Phases:
    """The steps of one run."""

    def __init__(self, deps: Deps, run: PlanRunArguments, jobs: Jobs) -> None:
        self._deps = deps
        self._run = run
        self._jobs = jobs
        self._moving = tuple(each for each in run.groups if each.children)
        many = sum(len(group.children) for group in run.groups) > FEW
        self._looks_seconds = LOOKS_AT_MANY_SECONDS if many else LOOKS_SECONDS

    def steps(self, between: Between, moving: Moving) -> Iterator[Step]:
        first, *_ = groups = self._moving
        for group in self._run.groups:
            if group.arrived:
                yield from between(group, "after")
        yield from between(first, "before")
        yield self._or_back((), Step(COPY, self._copy, title="All groups: Copy ahead"))
        for group in reversed(groups):
            title = f"Group {group.number}: Shut down ({len(group.children)})"
            run = partial(self._shut_down, group)
            yield self._or_back((), Step(_shut_down_key(group.number), run, title=title))
        for number, group in enumerate(groups):
            later = groups[number + 1 :]
            if group is not first:
                yield from map(partial(self._or_back, groups[number:]), between(group, "before"))
            yield self._or_back(later, self._opening(moving(group)))
            yield from map(partial(self._or_back, later), between(group, "after"))

    def _copy(self, ctx: StepContext) -> Outcome:
        for group in self._moving:
            ctx.start_children(machines_key(group.number), partial(self._jobs, group, ctx))
        return self._all_are_there(ctx, self._moving, "shut_down", "copied ahead")

    def _shut_down(self, group: RunGroup, ctx: StepContext) -> Outcome:
        self._deps.signal(gate_signal(ctx.job_id, ctx.key))
        return self._all_are_there(
            ctx, (group,), "start", "off, and their last changes are at the other site"
        )

    def _opening(self, step: Step) -> Step:
        """The step, which opens its gate: jobs that wait for it to begin go on."""

        def run(ctx: StepContext) -> Outcome:
            self._deps.signal(gate_signal(ctx.job_id, ctx.key))
            return step.run(ctx)

        return replace(step, run=run)

    def _all_are_there(self, ctx: StepContext, groups: tuple[RunGroup, ...], step: str, done: str) -> Outcome:
        """Done once all machines of the groups wait for their turn at that step. Raises StepFailed if a
        machine of the plan has failed."""
        failed = self._failed(ctx, self._moving)
        if failed:
            raise StepFailed(CHILDREN_FAILED, f"Not all are {done}; not: {failed}", AGAIN)
        far = self._far(ctx, groups, turn_to(step))
        there, of = sum(each.there for each in far), sum(each.all for each in far)
        if there < of:
            raise self._wait(ctx, f"{there} of {of} are {done}", there / of)
        return Done(f"{counted(of, 'machine')} {'is' if of == 1 else 'are'} {done}")

    def _or_back(self, later: tuple[RunGroup, ...], step: Step) -> Step:
        """The step, which ends the run if it fails; `later` are the groups whose machines wait meanwhile."""
        return replace(step, run=partial(self._do_or_back, step.run, later))

    def _do_or_back(self, function: StepFunction, later: tuple[RunGroup, ...], ctx: StepContext) -> Outcome:
        """Run the step's function. A failure ends the run once every machine knows of it: by then they are on
        their way back. The step is not repeated meanwhile: a script would run for machines that are no longer
        there."""
        stopped = ctx.remembered(StoppedRun)
        if stopped is None or stopped.stopped_in != ctx.attempt:
            try:
                self._require_all_wait(ctx, later)
                return function(ctx)
            except StepFailed as failed:
                stopped = StoppedRun(
                    stopped_in=ctx.attempt, why=failed.message, code=failed.code, do=failed.do
                )
                ctx.remember(stopped)
        far = self._far(ctx, self._moving, turn_to("start"))
        if any(each.open for each in far):
            self._wake_all(ctx)
            raise self._wait(ctx, f"{stopped.why}; the others stop, and go back", None)
        went_back = any(each.others for each in far)
        raise StepFailed(stopped.code, stopped.why, AGAIN if went_back else stopped.do)

    def _require_all_wait(self, ctx: StepContext, later: tuple[RunGroup, ...]) -> None:
        """Raises StepFailed once one of the machines has gone back: while people are asked, nothing else
        would notice it."""
        failed = self._failed(ctx, later)
        if failed:
            raise StepFailed(CHILDREN_FAILED, f"These went back before it was their turn: {failed}", AGAIN)

    def _failed(self, ctx: StepContext, groups: tuple[RunGroup, ...]) -> str:
        """The machines of the groups whose jobs did not end well, for people; machines that go back because
        the run is cancelled are not among them."""
        if not any(each.others for each in self._far(ctx, groups, turn_to("start"))):
            return ""
        with ctx.session() as session:
            if read.get(session, ctx.job_id).cancel_requested:
                return ""
            places = self._places(session, ctx)
            wanted = {places[machines_key(each.number)] for each in groups}
            failed = [
                each.subject_name
                for each in read.children_of(session, ctx.job_id)
                if each.parent_position in wanted and each.state.ended and each.state not in GOOD
            ]
        return run_selection.listed(failed, ", ")

    def _wake_all(self, ctx: StepContext) -> None:
        for group in self._moving:
            for key in (_shut_down_key(group.number), machines_key(group.number)):
                self._deps.signal(gate_signal(ctx.job_id, key))

    def _wait(self, ctx: StepContext, why: str, progress: float | None) -> Wait:
        return Wait(f"phase/{ctx.job_id}", batch.DEADLINE_SECONDS, why, progress, self._looks_seconds)

    def _far(self, ctx: StepContext, groups: tuple[RunGroup, ...], key: str) -> list[HowFar]:
        with ctx.session() as session:
            at = self._places(session, ctx)
            return [
                search.how_far(session, ctx.job_id, at[machines_key(group.number)], key) for group in groups
            ]

    def _places(self, session: Session, ctx: StepContext) -> dict[str, int]:
        return {each.key: each.position for each in current_steps(read.tasks_of(session, ctx.job_id))}


def refuse_retry(session: Session, job: JobView) -> None:
    """Raises Refused once machines were brought back: what this run found before is no longer true. Jobs
    that synchronized them first have moved none."""
    moves = [each for each in read.children_of(session, job.id) if each.name == Verb.PLANNED_FAILOVER]
    if any(each.state not in GOOD for each in moves):
        raise Refused(
            "superseded", f"The machines that {job.subject_name} had not started were brought back.", AGAIN
        )


def _shut_down_key(number: int) -> str:
    return f"g{number}/shut_down"
