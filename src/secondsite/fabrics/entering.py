"""How a person gets into a running machine from outside: its console, its screen, a port of it."""

import socket
from dataclasses import dataclass
from typing import Protocol

from ..domain.drills.ways import WayKind


@dataclass(frozen=True, slots=True)
class Entrance:
    """What to open. `port` and `address` are for a port; without an address it is the one that the platform
    knows."""

    kind: WayKind
    port: int | None = None
    address: str | None = None


class Opened(Protocol):
    """An open way. `line` is connected to the machine; `where` says in words to what. Closing it leaves
    nothing behind."""

    @property
    def line(self) -> socket.socket: ...
    @property
    def where(self) -> str: ...
    def close(self) -> None: ...


class Entering(Protocol):
    """Opens ways into machines, always from outside. What it opens ends with this process, however that
    ends, and the machine reaches nothing by it but who sits at its other end."""

    def open(self, fabric_id: str, entrance: Entrance) -> Opened:
        """Open a way within some twenty seconds. A port is reached from inside the machine's own network,
        which has to be isolated, and at the machine's own card, whoever else there claims its address. Raises
        NotFound, NotPossibleNow, FabricError."""
