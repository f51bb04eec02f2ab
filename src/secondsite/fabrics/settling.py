"""How the disks of a machine that runs are moved to the site's own storage."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ..datapath.disks import DiskLocation
from ..domain import errors

DEVICE_FORMAT = "raw"
DIRECT = ("none", "directsync")
"""The cache modes that go past the host's own cache."""
CACHES = (*DIRECT, "writethrough", "writeback")


@dataclass(frozen=True, slots=True)
class NewPlace:
    """Where a disk is to lie. `place`: the name of a storage pool, the absolute path of a folder or block
    device, or iscsi://HOST:PORT/TARGET/UNIT; devices are overwritten. `format`: qcow2 or raw; `cache`: one of
    CACHES, from the machine's next start on; empty: as before. A file or volume that is there already is left
    alone: the disk's gets another name."""

    place: str
    format: str = "qcow2"
    cache: str = ""

    def __str__(self) -> str:
        return f"{self.place} as {self.shown}"

    @property
    def shown(self) -> str:
        """Format and cache mode, for people."""
        return f"{self.format}, cache {self.cache}" if self.cache else self.format

    def require_cache(self, key: str) -> None:
        """Raises InvalidArgument for a mode that no disk gets."""
        if self.cache and self.cache not in CACHES:
            raise errors.InvalidArgument(
                f"Disk {key} cannot have the cache mode '{self.cache}'.", do=f"Give {', '.join(CACHES)}."
            )


def going_on() -> None:
    """For callers that never give up."""


class Settling(Protocol):
    """Copies all disks while their machine writes, and moves it onto the copies once they are equal. What
    changed since a checkpoint is known afterwards, too."""

    def check(
        self, fabric_id: str, disks: Mapping[str, NewPlace], *, unencrypted: bool = False
    ) -> Mapping[str, DiskLocation]:
        """Where each disk will lie. Raises NotPossibleNow for a machine that is off, a place that cannot take
        its disk, or, without `unencrypted`, an encrypted disk, whose copy would not be; NotFound, NotOurs."""

    def settle(
        self,
        fabric_id: str,
        disks: Mapping[str, NewPlace],
        progress: Callable[[int, int], None],
        *,
        bytes_per_second: int | None = None,
        going_on: Callable[[], None] = going_on,
    ) -> Mapping[str, DiskLocation]:
        """Moves the disks; returns where they lie now. What a dead process began goes on. `progress` gets
        the bytes copied, and of how many: both grow while the machine writes. `bytes_per_second` limits the
        copies together. `going_on` is called again and again while the copies run, and raises to give up.
        After an error the machine runs on its former disks, and what was copied is removed, or is told by
        `left`; disks that it had moved to already stay. The machine stands still while it changes over. No
        view of the machine can be opened meanwhile."""

    def end(self, fabric_id: str) -> bool:
        """Gives up a `settle`, whether in progress or left by a dead process, as after an error. Whether
        there was one that had not moved the machine yet."""

    def left(self, fabric_id: str) -> tuple[str, ...]:
        """What was made for a move and could not be removed yet; a later `settle` or `end` tries again."""
