"""The job of a plan's run: group after group, and what people and scripts do in between.

Inside a group machines are handled at the same time, each by its own job. An unplanned failover goes on to
the end whatever fails, and then reports what did (S-136); a planned one goes in phases and stops at an error
(S-151), and a new run takes what has not arrived (S-152). A cancel stops the run between groups. A cancelled
test failover removes what the run has made, the last group first.
"""

from collections.abc import Iterator, Mapping
from functools import partial

from ...domain.lifecycle import Verb
from ...domain.plans import run_selection
from ...domain.prediction.data_sync import DataSync
from ...ground.plural import counted
from ...ground.units import DAY
from ...jobs.model.context import Child, StepContext
from ...jobs.model.definitions import Children, Definition, Step
from ...jobs.model.facts import Json
from ...jobs.model.failures import StepFailed
from ...jobs.model.outcomes import Done, Outcome, Wait
from ...jobs.model.views import JobView
from ...jobs.running.children import GOOD
from ...jobs.storage import read
from ...jobs.storage.database import Session
from ..operations.interface import Operation
from ..steps import batch
from ..steps.deps import Deps
from ..steps.hooks import scripting
from ..steps.retry_store import retrying
from ..steps.sides.orders import USUAL
from . import (
    cleanup,
    manual_actions,
    networks,
    one_run_at_a_time,
    planned_phases,
    scripts,
    staying_open,
    synchronized_first,
    unsynchronized_failback,
)
from .arguments import IN_PHASES, PLAN_RUN, PlanRunArguments, RunGroup, Synchronization, machines_key

NOTHING_ARRIVED, NOT_CONNECTED = "plan-failed", "site-not-connected"
STOPS_AT_AN_ERROR = frozenset({Verb.PLANNED_FAILOVER})
LOOKS_SECONDS = 0.5
"""How often the check looks whether a missing appliance has connected, in seconds."""
AT_BOTH_SITES = frozenset({Verb.PLANNED_FAILOVER, Verb.REPROTECT})
"""Verbs that cannot begin without the appliance that has the machine now."""


def definition(deps: Deps, operations: Mapping[Verb, Operation]) -> Definition:
    """The definition of the job; `operations` are the verbs of machines."""

    def retry(session: Session, job: JobView) -> None:
        one_run_at_a_time.refuse_late_retry(deps.store.within(session), job)
        if PlanRunArguments.model_validate(job.arguments).layout == IN_PHASES:
            planned_phases.refuse_retry(session, job)
        cleanup.refuse_retry(session, job)

    return Definition(PLAN_RUN, on_retry=retry, steps_of=PlanRun(deps, operations).steps)


class PlanRun:
    """The steps of a run, and what they do."""

    def __init__(self, deps: Deps, operations: Mapping[Verb, Operation]) -> None:
        self._deps = deps
        self._operations = operations
        self._scripts = scripts.Scripts(deps)
        self._cleaning = cleanup.Cleaning(deps, operations)
        self._networks = networks.RunNetworks(deps)
        self._staying = staying_open.StaysOpen(deps)
        self._synchronizing = synchronized_first.Synchronizing(deps, operations)

    def steps(self, arguments: Json) -> list[Step]:
        """The steps. Their keys have the group's number in the plan, so they are the same in a run of some
        groups."""
        run = PlanRunArguments.model_validate(arguments)
        check = Step("check", self._check, title="Prerequisites check")
        groups = self._in_phases(run) if run.layout == IN_PHASES else self._in_order(run)
        outcome = Step("outcome", self._outcome, title="Outcome", cancelable=run.verb is Verb.TEST_FAILOVER)
        return [retrying(each) for each in (check, *groups, outcome)]

    def _in_phases(self, run: PlanRunArguments) -> Iterator[Step]:
        jobs: planned_phases.Jobs = _jobs
        if run.synchronizes_first:
            yield from self._synchronizing.steps(run)
            jobs = synchronized_first.jobs
        phases = planned_phases.Phases(self._deps, run, jobs)
        yield from phases.steps(partial(self._actions, run), partial(self._machines, run, jobs))

    def _in_order(self, run: PlanRunArguments) -> Iterator[Step]:
        yield from self._networks.make(run)
        for group in run.groups:
            yield from self._actions(run, group, "before")
            if group.children:
                yield self._machines(run, _jobs, group)
            yield from self._actions(run, group, "after")
        if run.clean_up:
            yield from self._cleaning.steps(run)
        yield from self._networks.leave(run)
        yield from self._staying.steps(run)

    def _machines(self, run: PlanRunArguments, jobs: planned_phases.Jobs, group: RunGroup) -> Step:
        drill = run.verb is Verb.TEST_FAILOVER
        return Step(
            machines_key(group.number),
            partial(_machines, jobs, group),
            title=f"Group {group.number}: {_word(run.verb)} ({len(group.children)})",
            undo=partial(self._cleaning.undo, run, group) if drill else None,
            undo_after_failure=drill,
            cancelable=False,
            boundary=True,
            children=Children.ALL if run.verb in STOPS_AT_AN_ERROR else Children.SOME,
        )

    def _check(self, ctx: StepContext) -> Outcome:
        """Check that the sites which the verb needs are connected, before the first machine is touched."""
        run = ctx.arguments(PlanRunArguments)
        away = self._away(run)
        stops = run.verb in STOPS_AT_AN_ERROR
        if away and stops:
            raise _waits_or_fails(ctx, run, away)
        count = counted(sum(len(group.children) for group in run.groups), "machine")
        groups = sum(bool(group.children) for group in run.groups)
        said = f"{count} in {counted(groups, 'group')}, {run.direction}"
        if run.synchronization is not None:
            said += f"; {_synchronizes(run.synchronization)}"
        if run.left_out:
            said += f"; left out: {run_selection.listed(run.left_out)}"
        said += "".join(f"; {each}" for each in run.warnings)
        if away:
            said += f"; not connected now: {', '.join(away)}"
        missing = self._scripts.missing(ctx, run, USUAL if stops else scripting.LOOKS)
        if missing and stops:
            raise StepFailed(
                scripts.SCRIPT_MISSING,
                f"Plan '{run.plan}' cannot be run for {run.verb}: {run_selection.listed(missing)}.",
                "Correct it at the appliance, or take the script out of the plan; then start the plan again.",
            )
        if missing:
            said += f"; these scripts will not run: {run_selection.listed(missing)}"
        return Done(said, partial=bool(missing))

    def _actions(self, run: PlanRunArguments, group: RunGroup, when: scripts.When) -> Iterator[Step]:
        stops = run.verb in STOPS_AT_AN_ERROR
        actions = group.before if when == "before" else group.after
        for number, action in enumerate(actions, start=1):
            work = partial(manual_actions.ask, stops, action)
            if action.script is not None:
                work = partial(self._scripts.run, scripts.ScriptTurn(run, group, when, action), stops)
            yield Step(
                f"g{group.number}/{when}/{number}",
                work,
                title=f"{when.capitalize()} group {group.number}: {action.name}",
            )

    def _away(self, run: PlanRunArguments) -> list[str]:
        """Names of appliances that the run needs and that are not connected."""
        ids = [child.machine_id for group in run.groups for child in group.children]
        with self._deps.store.reading() as tx:
            machines = tx.machines.several(ids)
            needed = {each.target_appliance_id for each in machines}
            if run.verb in AT_BOTH_SITES:
                needed |= {each.source_appliance_id for each in machines}
            found = [(each, tx.appliances.find(each)) for each in sorted(filter(None, needed))]
        return [
            f"appliance '{one.name}' of site {one.site}"
            if one
            else f"appliance '{each}', which is not enrolled"
            for each, one in found
            if one is None or not one.connected
        ]

    def _outcome(self, ctx: StepContext) -> Outcome:
        run = ctx.arguments(PlanRunArguments)
        ours = {child.machine_id: child.name for group in run.groups for child in group.children}
        with ctx.session() as session:
            moves = (run.verb, unsynchronized_failback.FAILBACK)
            children = [each for each in read.children_of(session, ctx.job_id) if each.name in moves]
        arrived = {each.subject for each in children if each.state in GOOD}
        missing = [name for machine_id, name in ours.items() if machine_id not in arrived]
        said = f"{len(ours) - len(missing)} of {counted(len(ours), 'machine')}"
        said += "".join(f"; {each}" for each in run.apart)
        if not missing:
            return Done(said, partial=bool(run.apart))
        said += f"; not: {run_selection.listed(missing, ', ')}"
        if len(missing) == len(ours):
            raise StepFailed(
                NOTHING_ARRIVED,
                f"{_word(run.verb)} of plan '{run.plan}': {said}.",
                "Look into the jobs of the machines; then run the plan again.",
            )
        return Done(f"{said}; a new run of the plan takes them", partial=True)


def _waits_or_fails(ctx: StepContext, run: PlanRunArguments, away: list[str]) -> Wait | StepFailed:
    """A vault that was just started has not heard of any appliance yet: missing ones are waited for as long
    as for a machine's own order."""
    if ctx.waited_seconds < USUAL.reach_seconds:
        return Wait(f"away/{ctx.job_id}", DAY, f"{', '.join(away)}: not connected", None, LOOKS_SECONDS)
    return StepFailed(
        NOT_CONNECTED,
        f"Plan '{run.plan}' cannot be run for {run.verb} without {', '.join(away)}.",
        "Connect it and start the plan again; or use the plan's failover, which needs only the other site.",
    )


def _jobs(group: RunGroup, _: StepContext) -> list[Child]:
    return list(map(batch.as_job, group.children))


def _machines(jobs: planned_phases.Jobs, group: RunGroup, ctx: StepContext) -> Outcome:
    try:
        return ctx.run_children(partial(jobs, group, ctx), deadline_seconds=batch.DEADLINE_SECONDS)
    except StepFailed as failed:  # a machine's own cancel came after its failover: a retry would be refused
        raise StepFailed(failed.code, failed.message, planned_phases.AGAIN) from failed


def _synchronizes(sync: Synchronization) -> str:
    count = counted(len(sync.committed), "machine")
    if sync.data_sync is DataSync.BEFORE:
        return f"{count} synchronized first, while they run; then a person is asked"
    return f"{count} shut down group by group, and sent as a whole to new disks, without comparing"


def _word(verb: Verb) -> str:
    return verb.value.replace("_", " ").capitalize()
