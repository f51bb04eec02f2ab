"""What can be seen of a machine from outside, as proof that it started."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sights:
    """What can be seen of a machine. `agent`: it has a channel for a guest agent, whether or not one listens.
    `console`: its output to a serial port is kept here. `screen`: it has a screen."""

    agent: bool = False
    console: bool = False
    screen: bool = False

    @property
    def any(self) -> bool:
        return self.agent or self.console or self.screen


@dataclass(frozen=True, slots=True)
class FileSystem:
    """A file system that a guest has mounted from its disks. `meant_read_only`: fstab says so. `errors`: how
    many its kernel has counted since the last repair, None if it does not count."""

    path: str
    kind: str
    read_only: bool = False
    meant_read_only: bool = False
    errors: int | None = None


class Seeing(Protocol):
    """Looks at machines, and disturbs no guest. Nothing here takes longer than a few seconds."""

    def sights(self, fabric_id: str) -> Sights:
        """What can be seen of the machine; cheap. Raises NotFound."""

    def agent_answers(self, fabric_id: str) -> bool:
        """Whether the guest agent answers now; False also without one, and for a machine that does not
        run."""

    def console(self, fabric_id: str, most_bytes: int) -> bytes:
        """The last bytes that the machine has written to its console since it was made here; empty if it has
        none."""

    def file_systems(self, fabric_id: str) -> tuple[FileSystem, ...]:
        """The guest's mounted file systems, told by its agent within some fifteen seconds. Raises
        FabricError, or DeadlineExceeded, with the reason if it does not tell."""

    def screen(self, fabric_id: str) -> bytes | None:
        """A picture of its first screen as it is now, a PNG of any size; None without a screen, and for a
        machine that does not run."""
