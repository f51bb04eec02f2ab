"""How whole disks are sent."""

from enum import StrEnum


class SyncMode(StrEnum):
    """How a pass over whole disks is made: COPY sends all that is not zero, COMPARE only blocks that
    differ."""

    COPY = "copy"
    COMPARE = "compare"
