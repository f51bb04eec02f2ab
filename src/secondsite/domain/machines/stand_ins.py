"""What a machine finds at the other site where a disk was left out of its recovery points.

A guest that waits for such a disk, as one whose fstab names it, does not come up without it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ..amounts import exact_size


class StandIn(StrEnum):
    """nothing: the machine lacks the disk. empty: an empty disk of the same size is in its place.
    file-system: that disk has an empty file system with the type, UUID and label of the one at home."""

    NOTHING = "nothing"
    EMPTY = "empty"
    FILE_SYSTEM = "file-system"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A disk that was left out: its size, 0 if it is not known, and the type of the file system that was seen
    to fill it, if any."""

    key: str
    size_bytes: int
    file_system: str | None = None


def chosen(disk: LeftOut, wanted: StandIn = StandIn.FILE_SYSTEM) -> StandIn:
    """What stands in for the disk: as much of what is wanted as is known of it."""
    if not disk.size_bytes:
        return StandIn.NOTHING
    if wanted is StandIn.FILE_SYSTEM and disk.file_system is None:
        return StandIn.EMPTY
    return wanted


def said(disk: LeftOut, given: StandIn) -> str:
    """One disk in words: 'vdb was left out: an empty ext4 of 20 GiB stands in'."""
    if given is StandIn.NOTHING:
        return f"{disk.key} was left out: nothing stands in"
    kind = disk.file_system if given is StandIn.FILE_SYSTEM else "disk"
    return f"{disk.key} was left out: an empty {kind} of {exact_size(disk.size_bytes)} stands in"


def sentence(said_of_each: Iterable[str]) -> str:
    """The end of a start's sentence; empty if no disk was left out."""
    return "".join(f"; {each}" for each in said_of_each)
