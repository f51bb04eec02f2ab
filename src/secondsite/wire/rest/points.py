"""Recovery points of a machine, and what a choice would give."""

from typing import Annotated

from pydantic import Field

from ...domain.points import MOST_OLDER, Consistency, RecoveryPointChoice
from ..common.base import Problem, Shape
from ..common.guest_files import MOST_LISTED, ShownPath
from ..common.numbers import LONGEST_NAME, LONGEST_TEXT, Instant
from ..common.points import PointShape, RollForward
from ..common.properties import TargetName, TargetProperties
from .errors import Page, Paging
from .verification import CopyNetwork


class PointHold(Shape):
    """A point is to be held, whatever retention says."""

    reason: str = Field(min_length=1, max_length=200)
    """Why it is to be held."""


class PointRelease(Shape):
    """A hold is to end."""

    reason: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="The reason of the hold that is meant: another one is not ended, 412; without it: any.",
    )


class PointBoot(Shape):
    """A copy is to be booted from a point, looked at, and removed."""

    network: CopyNetwork | None = None
    """Which network the copy has; null: what the site's verification says."""
    or_older: int = Field(default=0, ge=0, le=MOST_OLDER)
    """If it is not usable: how many older points may be booted as well, each twice as many points back as the
    one before, until one is usable."""


class PointRestore(Shape):
    """A copy of the machine is to be made from a point, beside the machine, as one of its own."""

    name: TargetName
    """The name of the new machine at the target's site."""
    folder: str = Field(min_length=1, max_length=LONGEST_TEXT)
    """The absolute path of a folder of the target's host, in which the files of its disks will lie."""
    network: str | None = Field(default=None, max_length=LONGEST_NAME)
    """The network of that site for all of its cards, which get new MAC addresses; null: it has no cards."""
    start: bool = False
    """Whether it is started."""
    unencrypted: bool = False
    """Whether its disks may lie there unencrypted, if the replica is encrypted."""


class PointFilesList(Shape):
    """The files of a folder in a point are to be listed."""

    path: ShownPath = ""
    """The path of the folder, or of a file: the name of a volume, and the path in it. Empty: the volumes."""
    after: ShownPath | None = None
    """Only files with names after this one, as the last list ended with it."""
    limit: Annotated[int, Field(ge=1, le=MOST_LISTED)] = MOST_LISTED
    """The most files to be listed."""


class PointFilesFetch(Shape):
    """Files of a point are to be written into a folder of the target's host."""

    path: Annotated[ShownPath, Field(min_length=1)]
    """The path of a file, or of a folder with all below it: the name of a volume, and the path in it."""
    folder: str = Field(min_length=1, max_length=LONGEST_TEXT)
    """The absolute path of a folder of the target's host, in which nothing has the last name of the path."""
    unencrypted: bool = False
    """Whether the files may lie there unencrypted, if the replica is encrypted."""


class PointFilesSend(Shape):
    """Files of a point are to be sent to the caller."""

    path: Annotated[ShownPath, Field(min_length=1)]
    """The path of a file, or of a folder with all below it: the name of a volume, and the path in it."""
    unencrypted: bool = False
    """Whether they may be sent, if the replica is encrypted: they will not be."""


class RecoveryPreview(Shape):
    """What a choice would pick now, to look at before a failover is started."""

    machine: str
    """The machine's name."""
    choice: RecoveryPointChoice
    """What was asked for."""
    point: PointShape | None = None
    """The point that would be used; null when the choice is not possible."""
    forward: RollForward | None = None
    """How far the journal rolls the point forward, when a time was asked for; null: it is the point
    itself."""
    loses_seconds: float | None = None
    """How much of the source's work would be lost; of a failed-over machine that is what the source wrote
    until the failover. What it has written at its target since is lost by any change of the point."""
    second_site: TargetProperties = TargetProperties()
    """What the machine is to be like there; what is null is as at home, and so is all of one that comes
    home."""
    problem: Problem | None = None
    """Why the choice is not possible."""


class PointQuery(Paging):
    """Which points: those that match everything given."""

    consistency: Consistency | None = None
    """Of this consistency."""
    since: Instant | None = None
    """Taken then or later."""
    before: Instant | None = None
    """Taken before then."""
    set_id: str | None = None
    """Part of this common point."""
    held: bool | None = None
    """Held, or not."""
    damaged: bool | None = None
    """Damaged, or not."""
    proven: bool | None = None
    """Verified by a machine that was started from it and proved that it runs, or not."""


class PointPage(Page[PointShape]):
    """Recovery points, newest first."""
