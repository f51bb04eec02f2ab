"""The order to restore a copy of a machine beside it, and its report."""

from typing import Annotated

from pydantic import Field

from ..common.base import Shape
from ..common.numbers import LONGEST_NAME, LONGEST_TEXT
from ..common.points import MOST_DISKS, PointId
from ..common.properties import Sizing, StandIns, TargetName


class RestoreCopy(Shape):
    """Copy the point's disks to new files in `folder`, and make a machine of its own of them, with this
    fabric id and name. All of its cards are on `network`, with new MAC addresses; null: it has none.
    `unencrypted`: also from an encrypted replica, though the files will not be. `stand_in`: what stands in
    for disks that were left out, by disk key. An older appliance does not know this order."""

    point_id: PointId
    fabric_id: Annotated[str, Field(max_length=LONGEST_NAME)]
    name: TargetName
    folder: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
    network: Annotated[str, Field(max_length=LONGEST_NAME)] | None = None
    start: bool = False
    unencrypted: bool = False
    sizing: Sizing = Sizing()
    stand_in: StandIns = Field(default_factory=dict)


class RestoredCopy(Shape):
    """The machine that was made, and its disks' files, by disk key."""

    fabric_id: Annotated[str, Field(max_length=LONGEST_NAME)]
    name: Annotated[str, Field(max_length=LONGEST_NAME)]
    files: Annotated[dict[str, str], Field(max_length=MOST_DISKS)] = Field(default_factory=dict)
