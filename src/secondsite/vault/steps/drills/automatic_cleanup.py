"""Automatic cleanup of a test failover: the last steps of its job, after the proof.

Once they have begun they cannot be cancelled: a cancel before them undoes the job, which removes the same.
What a kill interrupts is done again.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ....domain import errors, lifecycle, shell
from ....domain.drills.verdicts import Verdict
from ....domain.lifecycle import DrillState, Event, Verb
from ....jobs.model.context import StepContext
from ....jobs.model.definitions import Step
from ....jobs.model.failures import Refused
from ....jobs.model.outcomes import Done, Outcome, Skipped
from ....jobs.model.views import JobView, current_steps
from ....jobs.storage import read
from ....jobs.storage.database import Session
from ....wire.common.base import Shape
from ....wire.common.evidence import Evidence
from ....wire.common.machines import PowerState
from ...store import MachineRecord, Transaction
from ..claim import MachineClaim, untouched
from ..deps import Deps
from ..sides.target import Target
from . import drill_cleanup

KEPT = "its proof failed, and it was to be kept in that case"


class CleanupOptions(Shape):
    """The options among the job's arguments."""

    clean_up: bool = False
    keep_if_failed: bool = False
    by_run: bool = False


class CleansUp:
    """The steps, and the hook for the end of a job that has them."""

    def __init__(self, deps: Deps, target: Callable[[StepContext], Target], claim: MachineClaim) -> None:
        self._deps = deps
        self._target = target
        self._claim = claim

    def steps(self) -> Sequence[Step]:
        """The steps; the first one marks the drill as being cleaned up."""
        return (
            Step(
                "remove_machine",
                self._remove_machine,
                title="Remove the test machine",
                cancelable=False,
                begins=self._begin,
            ),
            Step("remove_network", self._remove_network, title="Remove the test network", cancelable=False),
            Step("complete", self._complete, title="Complete testing", cancelable=False),
        )

    def retry(self, session: Session, job: JobView) -> None:
        """Raises Refused as the claim does, and for a drill that nobody would clean up any more."""
        self._claim.retry(session, job)
        run = read.find(session, job.parent_job_id) if job.parent_job_id and _asked(job).by_run else None
        if run is not None and run.state.ended:
            raise Refused(
                "superseded",
                f"The run that would clean up the test machine of {job.subject_name} has ended.",
                "Run the plan again.",
            )

    def failure(self, session: Session, job: JobView) -> None:
        """Mark a drill whose cleanup began and did not end as failed: perhaps nobody has seen it."""
        tx = self._deps.store.within(session)
        machine = tx.machines.by_id(str(job.subject))
        ours = machine is not None and machine.drill_claimed_by == job.id
        if machine is not None and ours and _is_alone(job) and not untouched(session, job):
            tx.machines.put(replace(machine, drill_failed_at=self._deps.now()))
        self._claim.failure(session, job)

    def _begin(self, session: Session, job: JobView) -> None:
        tx = self._deps.store.within(session)
        machine = tx.machines.get(str(job.subject))
        if machine.drill_state is DrillState.STARTING and not is_kept(machine, _asked(job)):
            running = lifecycle.drill_after(machine.drill_state, Event.SUCCEEDED)
            state = lifecycle.drill_after(running, Verb.CLEANUP_TEST_FAILOVER)
            tx.machines.put(replace(machine, drill_state=state))

    def _remove_machine(self, ctx: StepContext) -> Outcome:
        return self._remove(ctx, drill_cleanup.remove_machine)

    def _remove_network(self, ctx: StepContext) -> Outcome:
        return self._remove(ctx, drill_cleanup.remove_network)

    def _remove(self, ctx: StepContext, remove: Callable[[Deps, StepContext, Target], Outcome]) -> Outcome:
        target = self._target(ctx)
        if is_kept(target.machine, ctx.arguments(CleanupOptions)):
            return Skipped(KEPT)
        try:
            return remove(self._deps, ctx, target)
        except errors.ApplianceUnreachable as error:
            raise _by_a_person(error, target) from error

    def _complete(self, ctx: StepContext) -> Outcome:
        machine = self._target(ctx).machine
        if is_kept(machine, ctx.arguments(CleanupOptions)):
            return self._waits(machine)
        with ctx.session() as session:
            steps = current_steps(read.tasks_of(session, ctx.job_id))
        seen = next((task.sentence for task in steps if task.key == "prove"), "")
        ended = drill_cleanup.complete(
            self._deps, ctx, machine, drill_cleanup.DrillJudgement(f"by itself: {seen}")
        )
        failed = machine.drill is not None and machine.drill.proven is Verdict.FAILED
        return replace(ended, partial=failed) if isinstance(ended, Done) else ended

    def _waits(self, machine: MachineRecord) -> Outcome:
        """Leave the drill to a person; its failure is recorded now, not when it is completed."""

        def failed(tx: Transaction) -> None:
            tx.machines.put(replace(tx.machines.get(machine.id), drill_failed_at=self._deps.now()))

        said = (
            f"{KEPT}: look at it, then 'secondsite machine cleanup-test-failover "
            f"{shell.arguments(machine.name, options='--notes WHAT')}'"
        )
        return Done(
            said, drill_cleanup.DrillEnded(verdict=Verdict.FAILED), self._deps.commit(failed), partial=True
        )


def _by_a_person(error: errors.ApplianceUnreachable, target: Target) -> errors.ApplianceUnreachable:
    """The error, with the verb that cleans up: the test failover itself cannot be retried any more."""
    command = f"secondsite machine cleanup-test-failover {shell.arguments(target.machine.name)}"
    return errors.ApplianceUnreachable(
        error.message,
        do=f"Start the appliance of site {target.site}, then '{command}'. If the site is gone for good, "
        f"'{command} --without-site {shell.arguments(target.site)}'.",
    )


def _asked(job: JobView) -> CleanupOptions:
    return CleanupOptions.model_validate(job.arguments)


def _is_alone(job: JobView) -> bool:
    """Whether nobody looks at the drill."""
    asked = _asked(job)
    return asked.clean_up or asked.by_run


def is_kept(machine: MachineRecord, asked: CleanupOptions) -> bool:
    """Whether the drill is kept because its proof failed."""
    return asked.keep_if_failed and machine.drill is not None and machine.drill.proven is Verdict.FAILED


# The verdict that the proof of a machine gives.


def verdict_of(evidence: Evidence) -> Verdict | None:
    """The verdict of the proof. A guest that does not answer may be slow, so it has none; one that is off, or
    a check that failed, gives one."""
    if evidence.proven:
        return Verdict.PASSED
    if evidence.checks or evidence.power == PowerState.OFF:
        return Verdict.FAILED
    return None
