"""What the receiver asks of the owner of the replicas: who may send what, and where it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from . import room
from .cycle_file import CycleHeader
from .errors import DatapathError
from .extents import Extent
from .frames import Frame
from .sealing_key import FileKey


class Refused(DatapathError):
    """The door, or the receiver itself, does not take this cycle; travels to the sender as PeerRefused."""

    def __init__(self, code: str, message: str, *, do: str) -> None:
        super().__init__(message, do=do)
        self.code = code


@dataclass(frozen=True, slots=True)
class Accept:
    """Where a cycle goes. `already`: it was received (and maybe applied) before. `budget_bytes`: the most that
    the inbox may hold with this cycle in it. `straight`: the door may take its frames itself, see `ReplicaDoor.straight`.
    `make_room`: what is asked when the file system is full; True if it is worth another try. `key`: what its file is
    encrypted with; None leaves it plain."""

    inbox_dir: Path
    already: bool = False
    budget_bytes: int | None = None
    straight: bool = False
    make_room: room.MakeRoom = room.nothing_to_give
    key: FileKey | None = None


Write = Callable[[Iterator[Frame], Callable[[], bool]], None]
"""Makes frames durable in a replica. Once they end it asks whether the cycle came whole; if not, the cycle does not
count as processed."""


class ReplicaDoor(Protocol):
    """What the owner of the replicas supplies. Called from connection threads, several at a time."""

    def accept(self, peer_name: str, header: CycleHeader) -> Accept:
        """Whether this peer may send this cycle, and where to; raises Refused."""
        ...

    def digests(self, machine_id: str, disk_key: str, offset: int, length: int, block_bytes: int) -> bytes:
        """16 bytes for each block of the range, as the replica is with everything applied that was received
        before this cycle; raises Refused while something is not. Stale digests would hide blocks that a waiting
        cycle is about to change."""
        ...

    def pages(self, machine_id: str, disk_key: str, blocks: Sequence[Extent]) -> bytes:
        """16 bytes for each 4 KiB page of these blocks, in their order; else like `digests`."""
        ...

    def straight(self, header: CycleHeader, cut: Callable[[], None]) -> AbstractContextManager[Write | None]:
        """How this cycle is written straight to the replica, or None: then it goes through the inbox. Who needs the
        replica meanwhile may call `cut`, from another thread: the cycle ends where it is. Raises Refused."""
        ...

    def arrived(self, header: CycleHeader, path: Path) -> None:
        """The cycle is durable; the sender has no ACK yet. Comes again when the sender repeats the cycle."""
        ...
