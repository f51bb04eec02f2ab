"""What the runs of a job's machines took, and what was predicted of them: kept with the job's evidence, for the next prediction."""

from collections.abc import Iterator, Sequence

from ...domain.lifecycle import Verb
from ...domain.prediction.predicting import LIKE
from ...domain.prediction.timing import StepTime, downtime, parts
from ...ground.job_states import JobState, TaskState
from ...jobs.model.task_kind import TaskKind
from ...jobs.model.views import JobTree, TaskView
from ..steps import histories
from ..store import MachineRecord, RunTimeRecord, Transaction
from .steps import verb_of

PREDICTED = frozenset(map(str, LIKE))


RAN = frozenset({JobState.SUCCEEDED, JobState.PARTIALLY_SUCCEEDED})
"""The machine came up, also where a check or a hook failed then."""


def run_times(
    tx: Transaction, trees: Sequence[JobTree], records: Sequence[MachineRecord]
) -> Sequence[RunTimeRecord]:
    """Of those that succeeded. A machine that is gone has nothing to predict."""
    known = {each.id: each for each in records}
    runs = [each for each in trees if _counts(each) and each.job.subject in known]
    of = {str(each.job.subject): known[str(each.job.subject)] for each in runs}
    like = {verb for each in runs for verb in LIKE[Verb(verb_of(each.job))]}
    before = histories.Histories.read(tx, list(of.values()), like)
    return [_record(each, of[str(each.job.subject)], before) for each in runs]


def _counts(tree: JobTree) -> bool:
    return tree.job.state in RAN and verb_of(tree.job) in PREDICTED and any(_done(tree.tasks))


def _record(tree: JobTree, machine: MachineRecord, before: histories.Histories) -> RunTimeRecord:
    verb, steps = Verb(verb_of(tree.job)), list(_done(tree.tasks))
    assert tree.job.ended_at is not None
    return RunTimeRecord(
        job_id=tree.job.id, machine_id=machine.id, verb=verb, source_site=machine.source_site,
        target_site=machine.target_site, ended_at=tree.job.ended_at, parts=parts(steps), downtime=downtime(steps),
        predicted=before.predict(verb, machine).seconds,
    )  # fmt: skip


def _done(tasks: Sequence[TaskView]) -> Iterator[StepTime]:
    for each in tasks:
        if (
            each.kind is TaskKind.STEP
            and each.state is TaskState.SUCCEEDED
            and each.started_at
            and each.ended_at
        ):
            yield StepTime(each.key, each.started_at, each.ended_at)
