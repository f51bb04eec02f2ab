"""How the data of a committed machine best gets home: compared while it runs, or sent as a whole while it is
off. Pure.

By what was measured, not by the calendar (S-227): to compare reads both sides' disks and sends what differs;
to send all reads one side's.
"""

from dataclasses import dataclass
from enum import StrEnum

from ..amounts import size

MOST_CHANGED = 0.5
"""Of the data: from there on comparing gains little, and every block of the old disks is read for it."""


GONE = (
    "its old machine is gone, so everything has to be sent. With less downtime: leave the data "
    "synchronization out, reprotect it to the alternate location, which sends everything while it runs, and "
    "start the planned failover then"
)
"""C-25: the full copy first, while it runs, is advised (S-241); the other is what remains of the two that
can be chosen here (S-227)."""


class DataSync(StrEnum):
    """When a failback that was not prepared synchronizes."""

    BEFORE = "before"
    """While the machine runs, only changes; then a person is asked before it is moved."""
    DURING = "during"
    """It is shut down first; everything is sent, without comparing, to new disks."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    sync: DataSync
    because: str


def recommend(
    changed_bytes: int | None, data_bytes: int | None, *, old_is_gone: bool = False
) -> Recommendation:
    """`data_bytes`: what its disks hold; `changed_bytes`: what was written since it was failed over. None:
    not known."""
    if old_is_gone:
        return Recommendation(DataSync.DURING, GONE)
    if not changed_bytes or not data_bytes:
        return Recommendation(DataSync.BEFORE, "how much has changed is not known, and this keeps it running")
    said = f"{size(changed_bytes)} of its {size(data_bytes)} were written since it was failed over"
    if changed_bytes >= MOST_CHANGED * data_bytes:
        return Recommendation(DataSync.DURING, f"{said}: comparing would save little")
    return Recommendation(DataSync.BEFORE, said)
