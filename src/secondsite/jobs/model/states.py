"""The states of jobs and tasks, in the words that every face shows."""

import enum


class JobState(enum.StrEnum):
    """Where a job is. `queued`, `running`, `waiting` and `cancelling` move; the others are ends."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    PARTIALLY_SUCCEEDED = "partially_succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self not in MOVING


MOVING = frozenset({JobState.QUEUED, JobState.RUNNING, JobState.WAITING, JobState.CANCELLING})
ENDED = frozenset(JobState) - MOVING


class TaskState(enum.StrEnum):
    """Where one task is. A task that an end of the job overtook before it began is `cancelled`."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNDONE = "undone"


class TaskKind(enum.StrEnum):
    """A step as the definition names it, or the undoing of one."""

    STEP = "step"
    UNDO = "undo"
