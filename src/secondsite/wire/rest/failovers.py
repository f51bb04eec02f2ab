"""The failover of a machine, and its drills."""

from typing import Literal

from pydantic import AwareDatetime

from ...domain.drills.verdicts import Verdict
from ...domain.lifecycle import DrillState
from ..common.base import Shape


class StartOrigin(Shape):
    """What a machine was started from."""

    point_id: str
    """The recovery point."""
    rolled_forward_to: AwareDatetime | None = None
    """The instant (UTC) up to which cycles of the journal were applied to the point; null: it is the point
    itself."""
    what: str
    """The point, or the instant after it, as a person reads it."""


class CurrentFailover(StartOrigin):
    """The machine's present failover: from failover until the next reprotect."""

    at: AwareDatetime | None = None
    """When it was failed over (UTC)."""


class DrillNote(StartOrigin):
    """What was recorded when a test failover was cleaned up."""

    notes: str
    """As the operator wrote them."""
    started_at: AwareDatetime
    """When the test failover began (UTC)."""
    completed_at: AwareDatetime
    """When it was cleaned up (UTC)."""
    requested_by: str
    """The name of the token with which it was cleaned up."""
    verdict: Verdict | None = None
    """Whether the machine could be used there; null: nobody said so, and its proof said nothing."""


class OpenDrill(StartOrigin):
    """The test failover that is open."""

    machine_name: str
    """The test machine's name at the target."""
    network: str | None = None
    """The network that it is connected to; null: none."""
    started_at: AwareDatetime
    """When it began (UTC)."""
    job_id: str
    """The job that began it."""
    proven: Verdict | None = None
    """The verdict of its proof, which counts if nobody gives another one; null: it gives none."""


class StartAnyway(Shape):
    """Start the old copy of a machine that was failed over, once, although that is forbidden."""

    site: str
    """Where the old copy is."""
    accept_two_copies: Literal[True]
    """The machine may run at its other site too: both copies then write, and what one of them writes is
    lost."""


class BootedPoint(Shape):
    """The last copy of one of the machine's points that was booted only to be looked at."""

    point_id: str
    """The point."""
    verdict: Verdict | None = None
    """What the look proved; null: nothing."""
    said: str
    """What was seen, or why it could not be looked at."""
    looked_at: AwareDatetime | None = None
    """When a copy was last looked at (UTC); null: none was yet."""
    tried_at: AwareDatetime | None = None
    """When a later copy could not be looked at (UTC); null: there was none."""
    job_id: str
    """The job of the last look."""


class Drill(Shape):
    """The test failover of a machine: separate from its lifecycle."""

    state: DrillState = DrillState.NONE
    """The state of the test failover."""
    open: OpenDrill | None = None
    """The test machine that runs; null when there is none."""
    notes: tuple[DrillNote, ...] = ()
    """Notes of the last 20 drills that ended, oldest first; only when a single machine is shown."""
    failed_at: AwareDatetime | None = None
    """When the last drill with a verdict failed (UTC); null: it passed, or none had one."""
