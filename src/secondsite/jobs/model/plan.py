"""Which move a job makes next. Pure: only the journal and the definition decide.

Going forward, the job runs its first step that is not done. Once an end is decided (`ending`) and steps have
to be undone, it goes backward over the steps that took effect; then it ends. Deciding again after an
interrupted move gives the same move: that is all there is to crash recovery.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ...ground.job_states import JobState, TaskState
from .definitions import Definition, Step
from .failures import GIVEN_UP
from .views import JobView, TaskKind, TaskView, current_steps


@dataclass(frozen=True, slots=True)
class Start:
    """Leave the queue: on_start, then running."""


@dataclass(frozen=True, slots=True)
class RunStep:
    """Run this step, for the first time or again."""

    task: TaskView


@dataclass(frozen=True, slots=True)
class UndoStep:
    """Undo what this step did."""

    task: TaskView


@dataclass(frozen=True, slots=True)
class TurnBack:
    """Honour the cancel at this task: from here on steps are only undone."""

    task: TaskView


@dataclass(frozen=True, slots=True)
class AwaitChildren:
    """A cancel has to wait until the children have ended."""

    task: TaskView


@dataclass(frozen=True, slots=True)
class End:
    """Nothing is left to do."""

    state: JobState


Move = Start | RunStep | UndoStep | TurnBack | AwaitChildren | End


def fits(definition: Definition, tasks: Sequence[TaskView]) -> bool:
    """Whether the journal's steps are the definition's first steps: an upgrade may only append."""
    written = [task.key for task in current_steps(tasks)]
    return written == [step.key for step in definition.steps[: len(written)]]


def next_move(job: JobView, tasks: Sequence[TaskView], definition: Definition, open_children: int) -> Move:
    """The next move of a job that has not ended; `tasks` fit the definition and cover all its steps."""
    if job.ending is not None:
        return _backward(job, tasks, definition, job.ending)
    steps = current_steps(tasks)
    task = next((task for task in steps if not task.done), None)
    if task is None:
        partial = any(step.partial for step in steps)
        return End(JobState.PARTIALLY_SUCCEEDED if partial else JobState.SUCCEEDED)
    if job.cancel_requested and _honours_cancel(task, definition):
        return AwaitChildren(task) if open_children else TurnBack(task)
    return Start() if job.started_at is None else RunStep(task)


def _backward(job: JobView, tasks: Sequence[TaskView], definition: Definition, ending: JobState) -> Move:
    undoings = {task.position: task for task in tasks if _undoing_now(task, job)}
    if any(task.state is TaskState.FAILED for task in undoings.values()):
        return End(JobState.FAILED)
    # What a held job did may have happened long ago, before the backup was restored.
    is_given_up = job.error is not None and job.error.code == GIVEN_UP
    if ending is JobState.FAILED and (is_given_up or not definition.undo_on_failure):
        return End(ending)
    for task in reversed(current_steps(tasks)):
        if took_effect(task, definition.steps[task.position]):
            return UndoStep(task)
    return End(ending)


def _undoing_now(task: TaskView, job: JobView) -> bool:
    return task.kind is TaskKind.UNDO and task.attempt == job.attempt


def took_effect(task: TaskView, step: Step) -> bool:
    """Whether this step has something to undo: it succeeded, or was interrupted."""
    if step.undo is None or task.started_at is None:
        return False
    if task.state is TaskState.FAILED:
        return step.undo_after_failure
    return task.state in (TaskState.SUCCEEDED, TaskState.CANCELLED)


def can_honour_cancel(tasks: Sequence[TaskView], definition: Definition) -> bool:
    """Whether a boundary is left at which a cancel would be honoured; none if the steps are others in this
    version."""
    return fits(definition, tasks) and any(
        not task.done and _honours_cancel(task, definition) for task in current_steps(tasks)
    )


def _honours_cancel(task: TaskView, definition: Definition) -> bool:
    return definition.steps[task.position].honours_cancel(has_begun=task.started_at is not None)
