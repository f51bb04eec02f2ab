"""How long the way back into protection will take, from former ones between the same sites. Pure.

Old disks are compared as a whole, and what differs is sent: the longer of the two is what people wait for. The machine's own former
returns tell most; those of others are scaled to its disks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Return:
    """A reprotect that succeeded: of which machine, with disks of so many bytes, of which so many were sent."""

    machine_id: str
    disk_bytes: int
    sent_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Expected:
    """`seconds` is None while no return is known; it stands on `returns` of them."""

    seconds: float | None
    returns: int
    own: bool = False


def expect(machine_id: str, disk_bytes: int, send_bytes: int, known: Sequence[Return]) -> Expected:
    """`known` are the newest of the same kind between the same sites."""
    usable = [each for each in known if each.disk_bytes > 0 and each.seconds > 0]
    own = [each for each in usable if each.machine_id == machine_id]
    counted = own or usable
    if not counted:
        return Expected(None, 0)
    compared = median(each.seconds / each.disk_bytes for each in counted) * disk_bytes
    return Expected(max(compared, _sent(send_bytes, counted)), len(counted), bool(own))


def _sent(send_bytes: int, known: Sequence[Return]) -> float:
    """At the rate of the one that sent most: of small ones the link is not what they waited for."""
    largest = max(known, key=lambda each: each.sent_bytes)
    return send_bytes * largest.seconds / largest.sent_bytes if largest.sent_bytes else 0.0
