"""Who may come into the machine of an open test failover, and who did."""

import base64
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from ....domain.drills.ways import LONGEST_PASS_SECONDS, SHORTEST_PASS_SECONDS, WayKind
from ....ground.units import KiB
from ...common.base import Shape
from ...common.cards import Plain
from ...common.numbers import Instant

MOST_TYPED_CHARACTERS = 32 * KiB // 3 * 4 + 4
Port = Annotated[int, Field(ge=1, le=65535)]


class DrillPassGive(Shape):
    """Let a person in."""

    who: str = Field(min_length=1, max_length=100)
    """The name of a token, or of a person who logs in."""
    lasts_seconds: int = Field(28800, ge=SHORTEST_PASS_SECONDS, le=LONGEST_PASS_SECONDS)
    """For how long; the clean-up of the drill ends it in any case."""


class DrillPassInfo(Shape):
    """A pass for the machine of an open drill."""

    id: str
    """Its id."""
    who: str
    """Who may come in."""
    given_by: str
    """Who gave it."""
    given_at: Instant
    """When."""
    until: Instant
    """When it ends, if the drill does not end before."""


class DrillVisitInfo(Shape):
    """Somebody who came in."""

    who: str
    """By which name."""
    what: str
    """Where to: the serial console, the screen, or a port."""
    began_at: Instant
    """When the way was opened."""
    ended_at: Instant | None = None
    """When it ended; null: it is open, or the vault was killed meanwhile."""
    sent_bytes: int = 0
    """Bytes that went to the machine."""
    received_bytes: int = 0
    """Bytes that came from it."""
    why: str = ""
    """Why it ended."""


class DrillEntries(Shape):
    """Who may come into the machine of an open drill, and who did."""

    passes: tuple[DrillPassInfo, ...] = ()
    """Those that count now."""
    visits: tuple[DrillVisitInfo, ...] = ()
    """The last visits, oldest first."""


class DrillWayQuery(Shape):
    """Which way into the machine of a drill."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="forbid")

    kind: WayKind = WayKind.PORT
    """console: its serial console; screen: by VNC; port: a TCP port in the drill's isolated network."""
    port: Port | None = None
    """For a port: its number."""
    address: Plain | None = None
    """For a port: the machine's IPv4 address; null: the one that its guest agent or its lease tells."""
    typed_apart: bool = False
    """Whether what goes to the machine comes by requests of its own, not as this one's body: for browsers,
    which cannot send a body without an end. The answer's header Drill-Way names the way for them."""


def _encoded(said: str) -> str:
    """Raises ValueError for what is no base64."""
    base64.b64decode(said, validate=True)
    return said


class DrillTyped(Shape):
    """What goes to the machine by a way that takes it by requests."""

    typed: Annotated[str, Field(min_length=1, max_length=MOST_TYPED_CHARACTERS), AfterValidator(_encoded)]
    """In base64: at most 32 KiB of bytes."""

    def decoded(self) -> bytes:
        """What was typed."""
        return base64.b64decode(self.typed)
