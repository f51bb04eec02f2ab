"""The live stream: what has changed, one batch a second at most."""

from enum import StrEnum

from pydantic import AwareDatetime, ConfigDict, Field

from ...common.base import Shape
from .job_rows import JOB_COLUMNS, KnownJobRow
from .machine_rows import MACHINE_COLUMNS, KnownMachineRow


class LiveKind(StrEnum):
    """The names of the stream's events. whole: everything, in place of all that was told before; changes:
    what has changed since the event before; alive: nothing has, and the vault is there."""

    WHOLE = "whole"
    CHANGES = "changes"
    ALIVE = "alive"


class ChangedThing(Shape):
    """Something else that has changed."""

    kind: str
    """What it is: the first part of its path below /api. machines: their settings, not their rows."""
    id: str | None = None
    """Its id or name; null: several, or one that the caller may not see."""


class LiveBatch(Shape):
    """An event of the live stream. Each thing comes once, as it is now."""

    at: AwareDatetime
    """The vault's time (UTC)."""
    mark: str
    """The event's id: a stream that is asked for with it goes on after this event."""
    machine_columns: tuple[str, ...] = MACHINE_COLUMNS
    """The names of what stands in a machine's row; only in `whole`."""
    machines: tuple[KnownMachineRow, ...] = ()
    """In `whole` all machines, else those whose rows have changed."""
    gone: tuple[str, ...] = ()
    """Ids of machines that are no longer protected."""
    job_columns: tuple[str, ...] = JOB_COLUMNS
    """The names of what stands in a job's row; only in `whole`."""
    jobs: tuple[KnownJobRow, ...] = ()
    """In `whole` the jobs in progress, the newest 500, else those that have changed."""
    things: tuple[ChangedThing, ...] = ()
    """What else has changed."""


class LiveQuery(Shape):
    """How the stream is wanted."""

    # As in `Paging`.
    model_config = ConfigDict(use_attribute_docstrings=True, extra="forbid")

    interval: float = Field(1.0, ge=1.0, le=60.0)
    """The shortest time between two batches, in seconds: longer for a thin link."""
    mark: str | None = Field(None, max_length=100)
    """The mark after which the stream begins; `Last-Event-ID` counts more. Without one, or with one that is
    no longer known, it begins with `whole`."""
