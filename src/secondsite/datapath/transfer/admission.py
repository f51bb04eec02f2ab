"""What the receiver asks the owner of the replicas: who may send what, and where it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ...ground import full_disk
from ..cycles import CycleHeader
from ..encryption import FileKey
from ..errors import ProtocolViolated
from ..extents import Extent
from ..frames import Frame
from .unchanged_machines import NotesUnchanged


@dataclass(frozen=True, slots=True)
class Accept:
    """Where a cycle goes. `already`: it was received (and maybe applied) before. `budget_bytes`: the most
    bytes in the inbox with this cycle. `direct`: its frames may be written directly, see
    `CycleAdmission.direct_write`. `free_space`: called when the file system is full; True if another try
    is worthwhile. `key`: encrypts its file; None leaves it plain. `committing`: a context in which the file
    may become visible; it raises CycleRefused if the replica is not here any more."""

    inbox_dir: Path
    already: bool = False
    budget_bytes: int | None = None
    direct: bool = False
    free_space: full_disk.FreeSpace = full_disk.nothing_to_free
    key: FileKey | None = None
    committing: Callable[[], AbstractContextManager[None]] = nullcontext


Write = Callable[[Iterator[Frame], Callable[[], bool]], None]
"""Writes frames to a replica, durably. After the last frame it asks whether the cycle arrived whole; if not,
the cycle does not count as processed."""


class CycleAdmission(NotesUnchanged, Protocol):
    """What the owner of the replicas provides. Called from connection threads, several at a time."""

    def accept(self, peer_name: str, header: CycleHeader) -> Accept:
        """Whether this peer may send this cycle, and where to; raises CycleRefused."""
        ...

    def not_understood(self, peer_name: str, said: object, problem: ProtocolViolated) -> None:
        """Note that this peer announced a cycle with an invalid header; the peer is told the problem, too."""
        ...

    def digests(self, machine_id: str, disk_key: str, offset: int, length: int, block_bytes: int) -> bytes:
        """16 bytes for each block of the range, with everything applied that was received before this cycle;
        raises CycleRefused as long as something is not applied. Stale digests would hide blocks that a
        waiting cycle is about to change."""
        ...

    def held(self, machine_id: str, disk_key: str, offset: int, length: int) -> list[Extent]:
        """The blocks of the range that are not zeros, in disk order; else like `digests`."""
        ...

    def pages(self, machine_id: str, disk_key: str, blocks: Sequence[Extent]) -> bytes:
        """16 bytes for each 4 KiB page of these blocks, in their order; else like `digests`."""
        ...

    def direct_write(
        self, header: CycleHeader, cut: Callable[[], None]
    ) -> AbstractContextManager[Write | None]:
        """A function that writes this cycle directly to the replica, or None: then it goes through the inbox.
        Another thread that needs the replica may call `cut`, which ends the cycle where it is. Raises
        CycleRefused."""
        ...

    def arrived(self, header: CycleHeader, path: Path) -> None:
        """Note that the cycle is durable, before the sender gets its ACK. Called again if the sender repeats
        the cycle."""
        ...
