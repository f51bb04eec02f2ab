"""Recovery points, and the instants after them."""

from typing import Annotated

from pydantic import Field

from ...domain import journal
from ...domain.points import Consistency, Grade, RecoveryPoint
from ...ground.uptime import Uptime
from .base import Shape
from .numbers import BoundedTuple, Bytes, Instant, Name, Number, Text

MOST_DISKS = 1000
PointId = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,254}$")]
"""The id of a recovery point. Files are named by it, and people type it in commands."""


class PointShape(Shape):
    """A recovery point: an instant that the machine can be started from."""

    id: PointId
    """Its id in all calls; begins with its instant."""
    taken_at: Instant
    """The instant (UTC), by the source's clock."""
    consistency: Consistency = Consistency.CRASH
    """app: the guest's file systems were frozen while it was taken; crash: they were not."""
    epoch: Number = 0
    """Rises with every new replica and every reprotect."""
    seq: Number = 0
    """The number of its cycle within the epoch."""
    set_id: Name | None = None
    """The common point of a replication group that it is part of; null: it is a point of this machine
    alone."""
    reason: Text | None = None
    """Why it is not what was asked for, such as not app-consistent."""
    compared: bool = False
    """Whether the changes of a disk were found by comparing all of it, because no bitmap told them: after
    QEMU was killed, a start on a raw disk, or a resynchronization."""
    committed: bool = False
    """Whether a failover was committed to it."""
    added_bytes: Bytes = 0
    """The space that it added to the store."""
    disks: Annotated[tuple[Name, ...], BoundedTuple(MOST_DISKS)] = ()
    """The disks that it has: a disk that was included later, or removed from the machine, is not in all
    points."""
    held: Text | None = None
    """Why it is held, so that retention does not delete it; null: it is not held."""
    damaged: bool = False
    """Whether its data was read and is not what was sealed, or it stands on such a point and was not read
    since. No choice picks it until a verification finds it whole."""
    verified_at: Instant | None = None
    """When it was last read and compared with its digests (UTC); null: never, or not since a point below
    it was found damaged."""
    proof: Grade | None = None
    """What a machine that was started from it proved when it was last looked at. booted: its guest agent
    answered; application: every check that is set for it passed; null: nothing, or none was started. The
    newest that is not damaged and proved something stays, whatever the policy says."""
    proven_at: Instant | None = None
    """When it was looked at (UTC); null: no machine was started from it, or it proved nothing."""
    sealed_at: Instant | None = None
    """When the target sealed it (UTC), by the target's clock."""
    uptime: Uptime | None = Field(default=None, exclude=True)
    """The uptime of the target's host when it was sealed. It never leaves the target: only there do points
    age."""

    @property
    def kind(self) -> str:
        """Its consistency, and whether it was made by a comparison, as people read it."""
        return f"{self.consistency}, compared" if self.compared else str(self.consistency)

    @property
    def grade(self) -> Grade:
        """The highest grade that is known of it."""
        return self.proof or (Grade.READ if self.verified_at and not self.damaged else Grade.SENT)

    def to_domain(self) -> RecoveryPoint:
        return RecoveryPoint(
            self.id,
            self.taken_at,
            self.consistency,
            self.epoch,
            self.seq,
            self.set_id,
            self.reason,
            self.committed,
            self.damaged,
            self.sealed_at,
            self.uptime,
            self.proof,
        )


class RollForward(Shape):
    """A recovery point rolled forward: cycles of the journal were applied to it."""

    seq: Number
    """The last of these cycles."""
    taken_at: Instant
    """Its instant (UTC), by the source's clock."""
    epoch: Number | None = None
    """The epoch that the cycle belongs to."""
    after_seconds: float | None = None
    """How long after the point it was taken, by the source's clock."""

    def named(self, point_id: str) -> str:
        """The instant, its cycle, and how far it is from the point, as people read it."""
        cycle = str(self.seq) if self.epoch is None else f"{self.epoch}-{self.seq}"
        return journal.named(point_id, self.taken_at, cycle, self.after_seconds)


def started_from(point_id: str, forward: RollForward | None) -> str:
    """What a machine was started from: a recovery point, or an instant after it."""
    return f"point {point_id}" if forward is None else forward.named(point_id)


class JournalStretch(Shape):
    """Instants without a gap: every processed cycle between them can be recovered."""

    begins_at: Instant
    """The first instant (UTC)."""
    ends_at: Instant
    """The last one (UTC)."""
    cycles: Number
    """How many of these cycles are in the journal; the others are recovery points."""
