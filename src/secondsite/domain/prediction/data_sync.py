"""How the data of a committed machine is better sent home: compared while the machine runs, or sent as a
whole while it is off. Pure.

The measured amounts decide (S-227): comparing reads the disks of both sides and sends what differs; sending
everything reads one side's.
"""

from dataclasses import dataclass
from enum import StrEnum

from ..amounts import size

MOST_CHANGED = 0.5
"""The changed part of the data from which on comparing gains little, although every block of the old disks is
read for it."""


GONE = (
    "its old machine is gone, so everything has to be sent. With less downtime: leave the data "
    "synchronization out, reprotect it to the alternate location, which sends everything while it runs, and "
    "start the planned failover then"
)
"""C-25: a full copy first, while the machine runs, is advised (S-241); this is the better of the two choices
that remain here (S-227)."""


class DataSync(StrEnum):
    """When a failback without preparation synchronizes its data."""

    BEFORE = "before"
    """Before the shutdown, only changes; then a person is asked before the machine is moved."""
    DURING = "during"
    """During the shutdown: everything is sent to new disks, without comparing."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    sync: DataSync
    because: str


def recommend(
    changed_bytes: int | None, data_bytes: int | None, *, old_is_gone: bool = False
) -> Recommendation:
    """The recommended choice. `data_bytes`: what the machine's disks hold; `changed_bytes`: what was written
    since its failover. None: not known."""
    if old_is_gone:
        return Recommendation(DataSync.DURING, GONE)
    if not changed_bytes or not data_bytes:
        return Recommendation(DataSync.BEFORE, "how much has changed is not known, and this keeps it running")
    said = f"{size(changed_bytes)} of its {size(data_bytes)} were written since it was failed over"
    if changed_bytes >= MOST_CHANGED * data_bytes:
        return Recommendation(DataSync.DURING, f"{said}: comparing would save little")
    return Recommendation(DataSync.BEFORE, said)
