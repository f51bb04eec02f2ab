"""The states of jobs and tasks: one set of words, for the engine that keeps them and for everything that
shows them.

The engine cannot know the shapes that cross a process, nor a client the engine; what both use is here.
"""

import enum


class JobState(enum.StrEnum):
    """The state of a job. In queued, running, waiting, cancelling and held it is in progress; in the
    others it has ended. A held job does nothing until a person resumes or cancels it: it comes from a
    database that was restored."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    CANCELLING = "cancelling"
    HELD = "held"
    SUCCEEDED = "succeeded"
    PARTIALLY_SUCCEEDED = "partially_succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self not in MOVING


RUNNABLE = frozenset({JobState.QUEUED, JobState.RUNNING, JobState.WAITING, JobState.CANCELLING})
MOVING = RUNNABLE | {JobState.HELD}
ENDED = frozenset(JobState) - MOVING


class TaskState(enum.StrEnum):
    """The state of a task. A task that had not begun when the job ended is cancelled."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNDONE = "undone"
