"""Where the two halves of a way meet, into a drill or for files of a point: the connection of the person's
request, and the one that the appliance dials for it.

Each half has one end of a pair of sockets, so neither needs to know the other's event loop, and what waits
between them is bounded by the kernel.
"""

import hashlib
import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

from ...domain import errors
from ...domain.drills.ways import MOST_OF_ALL, MOST_OF_ONE
from ...wire.control import WayHello
from ...wire.control.ways import LONGEST_REASON


@dataclass(frozen=True, slots=True)
class AwaitedWay:
    """A way whose appliance is to dial. `line` is the person's end, and belongs to the caller."""

    id: str
    secret: str
    line: socket.socket
    met: threading.Event
    """Set once the appliance has dialled."""


@dataclass(frozen=True, slots=True)
class _Expected:
    appliance_id: str
    digest: str
    line: socket.socket
    """The appliance's end."""
    met: threading.Event


class Ways:
    """The ways of this process. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._people: dict[str, str] = {}
        """Who has which way, by its id."""
        self._awaited: dict[str, _Expected] = {}
        self._left: dict[str, Callable[[], object]] = {}
        """What is to be called when the person leaves, by the way's id."""
        self._said: dict[str, str] = {}
        """What the appliance said last, by the way's id."""

    def expect(self, way_id: str, appliance_id: str, who: str) -> AwaitedWay:
        """A way that this appliance may dial, once. It takes a place until `leave`. Raises NotPossibleNow if
        too many are open."""
        secret, met = secrets.token_hex(32), threading.Event()
        with self._lock:
            self._refuse_more(who)
            ours, theirs = socket.socketpair()
            for each in (ours, theirs):
                each.setblocking(False)
            self._people[way_id] = who
            self._awaited[way_id] = _Expected(appliance_id, _digest(secret), theirs, met)
        return AwaitedWay(way_id, secret, ours, met)

    def _refuse_more(self, who: str) -> None:
        theirs = sum(each == who for each in self._people.values())
        if theirs >= MOST_OF_ONE or len(self._people) >= MOST_OF_ALL:
            raise errors.NotPossibleNow(
                f"'{who}' has {theirs} ways open, and all people together {len(self._people)}.",
                do=f"Close one first: a person may have {MOST_OF_ONE}, all together {MOST_OF_ALL}.",
            )

    def leave(self, way_id: str) -> None:
        """The person has left, or was never let in: an appliance that dials the way later is refused."""
        with self._lock:
            self._people.pop(way_id, None)
            found, left = self._awaited.pop(way_id, None), self._left.pop(way_id, None)
            self._said.pop(way_id, None)
        if found is not None:
            found.line.close()
        if left is not None:
            left()

    def meet(self, hello: WayHello, left: Callable[[], object]) -> socket.socket | None:
        """The appliance's end of the way that it has dialled; None if nobody waits for it. `left` is called
        once the person has left, from any thread."""
        with self._lock:
            found = self._awaited.get(hello.way)
            if found is None or found.appliance_id != hello.appliance_id:
                return None
            if not secrets.compare_digest(found.digest, _digest(hello.secret)):
                return None
            del self._awaited[hello.way]
            self._left[hello.way] = left
        found.met.set()
        return found.line

    def tell(self, way_id: str, text: str) -> None:
        """The appliance says how what it sent has ended."""
        with self._lock:
            if way_id in self._people:
                self._said[way_id] = text[:LONGEST_REASON]

    def told(self, way_id: str) -> str | None:
        """What it said of that; None: nothing."""
        with self._lock:
            return self._said.get(way_id)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
