"""A way into the machine of a drill, or out of it for files of a point: the order to open one, and the first
message of the connection that the appliance then dials for it.

What follows on that connection are the bytes, as binary messages of at most LONGEST bytes. The text END says
that its sender's side has no more; the way ends with the connection. Another text says why there is no more
to come, although it was not all.
"""

from typing import Annotated, Final, Literal

from pydantic import Field

from ...domain.drills.ways import WayKind
from ...ground.units import KiB
from ..common.base import Shape
from ..common.cards import Plain
from ..common.numbers import Name, Number

LONGEST: Final = 32 * KiB
END: Final = "end"
LONGEST_REASON: Final = 1000
Secret = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Port = Annotated[int, Field(ge=1, le=65535)]


class OpenWay(Shape):
    """`way` and `secret` are to be said on the connection, which lasts `most_seconds` at most, and
    `idle_seconds` without a byte. `address` is that of the machine; None: the one that is known there."""

    fabric_id: Name
    name: Name
    way: Name
    secret: Secret
    kind: WayKind
    port: Port | None = None
    address: Plain | None = None
    most_seconds: Number
    idle_seconds: Number


class OpenedWay(Shape):
    """`where`: what it leads to, in the appliance's words."""

    where: Name = ""


class WayHello(Shape):
    """The first message of a connection that is a way, and nothing else."""

    type: Literal["way"] = "way"
    appliance_id: Name
    way: Name
    secret: Secret
