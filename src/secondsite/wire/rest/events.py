"""What happens in a vault, as it happens."""

from enum import StrEnum

from ..common.base import Shape
from .jobs import Job
from .machines import Machine


class EventKind(StrEnum):
    """What an event tells of. reset: what was missed is not known, so read again what is shown."""

    JOB = "job"
    MACHINE = "machine"
    RESET = "reset"


class Event(Shape):
    """Something has changed. Changes that follow each other closely come as one."""

    kind: EventKind
    """What it tells of; the event's name in the stream."""
    id: str | None = None
    """Of the job or machine."""
    job: Job | None = None
    """The job as it is now, without its tasks; null when it is forgotten."""
    machine: Machine | None = None
    """The machine as it is now; null when it is not under protection any more."""
