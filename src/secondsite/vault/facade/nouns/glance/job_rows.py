"""Jobs as rows."""

from collections.abc import Sequence
from datetime import datetime

from .....ground.job_states import MOVING, JobState, TaskState
from .....jobs.model.views import JobView, TaskView, current_steps
from .....jobs.storage import search
from .....wire.rest.glance.job_rows import MOST_OF_A_SENTENCE, JobRow
from ....steps.batch import BATCH
from ....store import Transaction
from ...parts import Parts
from ...shared import job_scopes, job_shapes

GOOD = frozenset({JobState.SUCCEEDED, JobState.PARTIALLY_SUCCEEDED})
OVER = frozenset({TaskState.SUCCEEDED, TaskState.SKIPPED})


def several(parts: Parts, tx: Transaction, job_ids: Sequence[str]) -> list[JobRow]:
    """Those of these jobs that exist, and that the caller sees."""
    return rows(parts, tx, search.by_ids(tx.session, job_ids))


def at_work(parts: Parts, tx: Transaction, most: int) -> list[JobRow]:
    """The jobs in progress, the newest first."""
    wanted = search.JobQuery(states=MOVING, scope=job_scopes.scope_of(parts, tx))
    return rows(parts, tx, search.find(tx.session, wanted, most))


def rows(parts: Parts, tx: Transaction, jobs: Sequence[JobView]) -> list[JobRow]:
    """Those of these jobs that the caller sees, as rows."""
    seen = [job for job in jobs if job_scopes.sees(parts, tx, job)]
    tasks = search.tasks_by_job(tx.session, [job.id for job in seen if job.state in MOVING])
    return [_row(job, tasks.get(job.id, ())) for job in seen]


def _row(job: JobView, tasks: Sequence[TaskView]) -> JobRow:
    return JobRow(
        id=job.id,
        verb=job_shapes.verb(job).value,
        machine_id=job.subject or None,
        name=job_shapes.several(job.subject_name) if job.name == BATCH else job.subject_name,
        state=job.state,
        percent=_percent(job, tasks),
        sentence=job_shapes.sentence(job, tasks)[:MOST_OF_A_SENTENCE],
        parent_id=job.parent_job_id,
        waits_for_person=job_shapes.asks_now(job, tasks) is not None,
        created_at=_seconds(job.created_at) or 0,
        ended_at=_seconds(job.ended_at),
    )


def _percent(job: JobView, tasks: Sequence[TaskView]) -> int | None:
    if job.state.ended:
        return 100 if job.state in GOOD else None
    steps = current_steps(tasks)
    done = sum(1.0 if each.state in OVER else min(1.0, each.progress or 0.0) for each in steps)
    return int(100 * done / len(steps)) if steps else 0


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())
