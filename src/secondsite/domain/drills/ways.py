"""The ways into the machine of an open test failover, and the passes by which a named person may take them.
Pure.

A pass belongs to one drill of one machine: it ends with the drill, whatever it says.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ...ground.units import DAY, HOUR, MINUTE

LONGEST_PASS_SECONDS = 14 * DAY
"""As long as a drill lasts that nobody completes."""
SHORTEST_PASS_SECONDS = MINUTE
IDLE_SECONDS = 30 * MINUTE
"""After that time without a byte in either direction a way is closed."""
LONGEST_WAY_SECONDS = 12 * HOUR
"""After that time a way is closed in any case: it can be opened again."""
MOST_OF_ONE, MOST_OF_A_MACHINE, MOST_OF_ALL = 4, 8, 64
"""How many ways are open at once: of one person, into one machine, of one process of the vault."""
MOST_PASSES = 50
"""The most passes of one drill."""
MOST_VISITS = 200
"""How many visits of one drill are kept with it; the audit log has all."""


class WayKind(StrEnum):
    """What of the test machine a way leads to."""

    CONSOLE = "console"
    """Its serial console."""
    SCREEN = "screen"
    """Its screen, by VNC."""
    PORT = "port"
    """A TCP port of it, in the drill's isolated network."""


@dataclass(frozen=True, slots=True)
class DrillPass:
    """Lets a person into the machine of a drill until then. `who`: the name of the token, or of the person
    who logged in."""

    id: str
    who: str
    given_by: str
    given_at: datetime
    until: datetime

    def holds(self, who: str, since: datetime | None, now: datetime) -> bool:
        """Whether it is of this caller, whose token was made at `since`, and counts now. A name may be given
        to somebody else later: that token is younger than the pass."""
        is_theirs = who == self.who and (since is None or since <= self.given_at)
        return is_theirs and self.given_at <= now < self.until


@dataclass(frozen=True, slots=True)
class DrillVisit:
    """A way that was opened. `what` says where it led, `sent_bytes` went to the machine; `ended_at` None: it
    is open, or its vault died meanwhile."""

    id: str
    who: str
    what: str
    began_at: datetime
    ended_at: datetime | None = None
    sent_bytes: int = 0
    received_bytes: int = 0
    why: str = ""
    """Why it ended."""


def described(kind: WayKind, port: int | None) -> str:
    """Where a way leads, as a part of a sentence."""
    return f"port {port}" if kind is WayKind.PORT else f"the {'serial ' * (kind is WayKind.CONSOLE)}{kind}"
