"""Cleans up the drills of a plan's run together: after all of them if the run was asked to, or when it is
cancelled.

Machines of a plan need each other: none is removed before the proof of the last one is there. The last group
is cleaned up first.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from ...domain import shell
from ...domain.drills.verdicts import Verdict
from ...domain.lifecycle import Verb
from ...domain.plans import run_selection
from ...jobs.model.context import Child, StepContext
from ...jobs.model.definitions import Children, Step
from ...jobs.model.failures import Refused
from ...jobs.model.outcomes import Done, Outcome
from ...jobs.model.views import JobView, current_steps
from ...jobs.storage import read
from ...jobs.storage.database import Session
from ...wire import rest
from ...wire.common.base import Shape
from ..operations.interface import Operation
from ..steps import batch
from ..steps.batch import BatchChild, Unread
from ..steps.deps import Deps
from ..steps.operation import MachineOperation
from ..store import DrillRecord, MachineRecord, Transaction
from .arguments import MACHINES, PlanRunArguments, RunGroup

CLEAN_UP = "/clean_up"
"""The end of the keys of the steps that clean up after a group."""


class Proven(Shape):
    """Names of machines by the verdict of their proof, before they were removed."""

    passed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()


class Cleaning:
    def __init__(self, deps: Deps, operations: Mapping[Verb, Operation]) -> None:
        self._deps = deps
        self._operations = operations

    def steps(self, run: PlanRunArguments) -> Iterator[Step]:
        for group in reversed(run.groups):
            if group.children:
                yield Step(
                    f"g{group.number}{CLEAN_UP}",
                    partial(self._complete, run, group),
                    title=f"Group {group.number}: Clean up ({len(group.children)})",
                    cancelable=False,
                    children=Children.SOME,
                )

    def undo(self, run: PlanRunArguments, group: RunGroup, ctx: StepContext) -> Outcome:
        return self._clean_up(ctx, group, f"The test failover of plan {run.plan} was cancelled.")

    def _complete(self, run: PlanRunArguments, group: RunGroup, ctx: StepContext) -> Outcome:
        known = ctx.remembered(Proven)
        if known is None:
            known = self._proven(ctx, group)
            failed = [name for each in run.groups for name in self._proven(ctx, each).failed]
            if run.keep_if_failed and failed:
                said = (
                    f"all test machines stay; the proof of these failed: {run_selection.listed(failed, ', ')}"
                )
                return Done(
                    (
                        f"{said}; clean up with 'secondsite plan cleanup-test-failover "
                        f"{shell.arguments(run.plan)}'"
                    ),
                    partial=True,
                )
            ctx.remember(known)
        outcome = self._clean_up(ctx, group, f"by the run of plan {run.plan} itself")
        if not isinstance(outcome, Done):
            return outcome
        said = f"{outcome.sentence}; {_spoken(known)}"
        return replace(outcome, sentence=said, partial=outcome.partial or bool(known.failed))

    def _clean_up(self, ctx: StepContext, group: RunGroup, notes: str) -> Outcome:
        """Clean up the drills that this run began; another's drill of the same machine is left alone."""
        return ctx.run_children(
            lambda: self._jobs(ctx, group, notes), deadline_seconds=batch.DEADLINE_SECONDS
        )

    def _jobs(self, ctx: StepContext, group: RunGroup, notes: str) -> list[Child]:
        operation = self._operations[Verb.CLEANUP_TEST_FAILOVER]
        assert isinstance(operation, MachineOperation)
        with self._deps.store.reading() as tx:
            ours = _ours(tx, group, ctx.job_id)
            request = rest.CleanupTestFailover.model_construct(
                machines=tuple(each.id for each in ours), notes=notes, verdict=None, without_site=None
            )
            return [batch.as_job(each) for each in operation.children(tx, ours, request)]

    def _proven(self, ctx: StepContext, group: RunGroup) -> Proven:
        with self._deps.store.reading() as tx:
            drills = [(each.name, each.drill) for each in _ours(tx, group, ctx.job_id)]
        by: dict[Verdict | None, tuple[str, ...]] = {
            said: tuple(name for name, drill in drills if drill is not None and drill.proven is said)
            for said in (Verdict.PASSED, Verdict.FAILED, None)
        }
        return Proven(passed=by[Verdict.PASSED], failed=by[Verdict.FAILED], unproven=by[None])


def refuse_retry(session: Session, job: JobView) -> None:
    """Raises Refused if the run has cleaned up: that would not be repeated for the machines that the retry
    starts."""
    steps = current_steps(read.tasks_of(session, job.id))
    has_begun = any(each.key.endswith(CLEAN_UP) and each.started_at is not None for each in steps)
    starts = any(each.key.endswith(MACHINES) and (each.partial or not each.done) for each in steps)
    if has_begun and starts:
        raise Refused(
            "superseded",
            f"The test machines of {job.subject_name} were cleaned up; those that a retry starts would stay.",
            "Run the plan again.",
        )


def completed_by_run(group: RunGroup) -> RunGroup:
    """The group for a run that cleans up: its machines do not clean up by themselves, and prove themselves as
    if nobody else looked at them."""
    return group.model_copy(update={"children": tuple(map(_by_run, group.children))})


def _by_run(child: BatchChild) -> BatchChild:
    own = {"clean_up": False, "keep_if_failed": False, "by_run": True}
    return child.model_copy(update={"arguments": Unread({**child.arguments.root, **own})})


def _ours(tx: Transaction, group: RunGroup, run_id: str) -> Sequence[MachineRecord]:
    machines = tx.machines.several([child.machine_id for child in group.children])
    return [each for each in machines if each.drill is not None and _is_of(tx, each.drill, run_id)]


def _is_of(tx: Transaction, drill: DrillRecord, run_id: str) -> bool:
    job = read.find(tx.session, drill.job_id)
    return job is not None and job.parent_job_id == run_id


def _spoken(proven: Proven) -> str:
    parts = (("passed", proven.passed), ("failed", proven.failed), ("nothing proven", proven.unproven))
    return "; ".join(f"{word}: {run_selection.listed(names, ', ')}" for word, names in parts if names)
