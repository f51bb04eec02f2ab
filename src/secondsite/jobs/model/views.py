"""Views of a job and its tasks, read from rows and never changed."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from ...ground.job_states import JobState, TaskState
from .facts import Json
from .failures import Failure

Row = RowMapping | Mapping[str, Any]  # type: ignore[explicit-any]  # columns of all kinds


class TaskKind(enum.StrEnum):
    """A step as the definition names it, or the undoing of one."""

    STEP = "step"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class JobView:
    """One job as its row has it. `attempt` rises with each retry; `ending` is the end that was decided while
    steps are still undone."""

    id: str
    name: str
    subject: str | None
    subject_name: str
    arguments: Json
    state: JobState
    attempt: int
    requested_by: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    result: str | None
    error: Failure | None
    parent_job_id: str | None
    parent_position: int | None
    parent_attempt: int | None
    parent_index: int | None
    cancel_requested: bool
    ending: JobState | None
    ready_at: datetime
    claim_owner: str | None
    claim_epoch: int


@dataclass(frozen=True, slots=True)
class TaskView:
    """One task of the journal. `key` names its step, `title` is what people see; `progress` is 0..1;
    `deadline_at` is when a waiting task fails (UTC)."""

    id: int
    job_id: str
    kind: TaskKind
    position: int
    attempt: int
    key: str
    title: str
    state: TaskState
    sentence: str
    progress: float
    partial: bool
    facts: Json
    error: Failure | None
    started_at: datetime | None
    ended_at: datetime | None
    waiting_for: str | None
    waiting_since: datetime | None
    deadline_at: datetime | None
    signalled: bool

    @property
    def done(self) -> bool:
        """Whether the job may go on to the next step."""
        return self.state in (TaskState.SUCCEEDED, TaskState.SKIPPED)


@dataclass(frozen=True, slots=True)
class JobTree:
    """A job, its tasks in the order of events, and its child jobs as trees."""

    job: JobView
    tasks: tuple[TaskView, ...]
    children: tuple["JobTree", ...] = field(default=())


def job_view(row: Row) -> JobView:
    """The view of a row of `tables.jobs`."""
    ending = row["ending"]
    return JobView(
        **{
            **row,
            "state": JobState(row["state"]),
            "ending": None if ending is None else JobState(ending),
            "error": Failure.from_dict(row["error"]),
        }
    )


def task_view(row: Row) -> TaskView:
    """The view of a row of `tables.tasks`."""
    return TaskView(
        **{
            **row,
            "kind": TaskKind(row["kind"]),
            "state": TaskState(row["state"]),
            "error": Failure.from_dict(row["error"]),
        }
    )


def in_order(tasks: Sequence[TaskView]) -> tuple[TaskView, ...]:
    """In the order of events: attempt by attempt, steps forward, then their undos backward."""

    def place(task: TaskView) -> tuple[int, bool, int]:
        undo = task.kind is TaskKind.UNDO
        return task.attempt, undo, -task.position if undo else task.position

    return tuple(sorted(tasks, key=place))


def current_steps(tasks: Sequence[TaskView]) -> tuple[TaskView, ...]:
    """The latest attempt of each step, by position."""
    latest: dict[int, TaskView] = {}
    for task in in_order(tasks):
        if task.kind is TaskKind.STEP:
            latest[task.position] = task
    return tuple(latest[position] for position in sorted(latest))


def undo_failed(job: JobView, tasks: Sequence[TaskView]) -> bool:
    """Whether something of what the job did could not be undone in its last attempt."""
    return any(
        task.kind is TaskKind.UNDO and task.attempt == job.attempt and task.state is TaskState.FAILED
        for task in tasks
    )
