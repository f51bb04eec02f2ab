"""Events: what happens in a vault, as it happens."""

from enum import StrEnum

from ..common.base import Shape
from .jobs import Job
from .machines import Machine


class EventKind(StrEnum):
    """What an event is about. reset: it is not known what was missed, so read everything again."""

    JOB = "job"
    MACHINE = "machine"
    RESET = "reset"


class Event(Shape):
    """Something has changed. Changes in quick succession come as one event."""

    kind: EventKind
    """What it is about; the event's name in the stream."""
    id: str | None = None
    """The id of the job or machine."""
    job: Job | None = None
    """The job as it is now, without its tasks; null when it has been deleted."""
    machine: Machine | None = None
    """The machine as it is now; null when it is no longer protected."""
