"""The end of a job: its last row and the domain's hook, in one transaction."""

from dataclasses import dataclass

import structlog
from sqlalchemy.orm import Session

from ...ground import seams
from ...ground.job_states import JobState, TaskState
from ...ground.plural import counted
from ..model.clock import Clock
from ..model.definitions import Definition, Hook
from ..model.failures import Failure, describe
from ..model.views import JobView, TaskView
from ..storage import journal, read
from ..storage.journal import Claim
from ..storage.transactions import Transactions

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a job ends."""

    state: JobState
    error: Failure | None


def end_job(
    transactions: Transactions,
    claim: Claim,
    definition: Definition | None,
    verdict: Verdict,
    clock: Clock,
) -> JobView:
    """End the job and run its hook. A hook that raises makes the job fail; if on_failure raises it is only
    logged, because a job has to end."""
    hook = _hook(definition, verdict.state)
    try:
        return transactions.write(lambda session: _end(session, claim, verdict, hook, clock))
    except Exception as problem:
        if transactions.given_up.is_set():
            raise
        log.exception("job.ending-refused", job=claim.job_id)
        failed = Verdict(JobState.FAILED, describe(problem))
    if verdict.state is JobState.FAILED:
        return transactions.write(lambda session: _end(session, claim, failed, None, clock))
    return end_job(transactions, claim, definition, failed, clock)


def _hook(definition: Definition | None, state: JobState) -> Hook | None:
    if definition is None:
        return None
    hooks = {JobState.FAILED: definition.on_failure, JobState.CANCELLED: definition.on_cancelled}
    return hooks.get(state, definition.on_success)


def _end(session: Session, claim: Claim, verdict: Verdict, hook: Hook | None, clock: Clock) -> JobView:
    job, now = journal.fence(session, claim), clock()
    if job.state.ended:
        return job  # an earlier try was committed, only the reply was lost
    children = read.states_of_children(session, job.id) if verdict.state is JobState.CANCELLED else {}
    result = _result(read.tasks_of(session, job.id), verdict, children)
    journal.close_all(session, job.id, "not reached: the job has ended", now)
    journal.change_job(
        session,
        job.id,
        state=verdict.state,
        error=None if verdict.error is None else verdict.error.as_dict(),
        result=result,
        ended_at=now,
    )
    ended = read.get(session, job.id)
    if hook is not None:
        hook(session, ended)
    seams.reach("job.end.before-commit")
    return ended


def _result(tasks: tuple[TaskView, ...], verdict: Verdict, children: dict[str, int]) -> str:
    """One sentence about the whole job, from its tasks and children."""
    if verdict.state is JobState.FAILED and verdict.error is not None:
        return verdict.error.message
    if verdict.state is JobState.CANCELLED:
        return _cancelled([task.title for task in tasks if task.state is TaskState.UNDONE], children)
    said = [task.sentence for task in tasks if task.state is TaskState.SUCCEEDED and task.sentence]
    return said[-1] if said else "there was nothing to do"


def _cancelled(undone: list[str], children: dict[str, int]) -> str:
    parts = ["cancelled"]
    if children:
        states = ", ".join(f"{number} {state}" for state, number in sorted(children.items()))
        parts.append(f"of its {counted(sum(children.values()), 'job')} {states}")
        parts += ["what succeeded stays"] if children.get(JobState.SUCCEEDED) else []
        parts += ["what was cancelled says what it undid"] if children.get(JobState.CANCELLED) else []
    if undone:
        parts.append("undone: " + ", ".join(undone))
    return "; ".join(parts if len(parts) > 1 else [*parts, "nothing had to be undone"])
