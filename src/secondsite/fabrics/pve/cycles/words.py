"""What the plugin at a node says (SecondsitePlugin.pm), judged where it enters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError

from ....ground import bounded_json
from ....ground.units import KiB
from ....wire.common.base import Shape
from ....wire.common.numbers import Bytes
from ..errors import PveRefused, plain
from ..shapes import Vmid

MOST_BYTES = 64 * KiB
"""Of one line."""
MOST_DISKS = 100
DEVICE_PREFIX = "drive-"
"""A disk's key, such as scsi0, has this before it where QEMU is spoken of."""

Device = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
Socket = Annotated[str, Field(pattern=r"^/[\x21-\x7e]{1,107}$")]
Bitmap = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,255}$")]


class Begin(Shape):
    """A backup is about to fix its instant."""

    ask: Literal["begin"]
    vmid: Vmid
    sizes: dict[Device, Bytes] = Field(max_length=MOST_DISKS)


class Volume(Shape):
    """A disk as of that instant, on a socket of NBD; its export is named like the device."""

    size: Bytes
    mode: Literal["none", "new", "reuse"]
    socket: Socket
    bitmap: Bitmap | None = None


class Read(Shape):
    """The instant is fixed, and the disks wait to be read."""

    ask: Literal["read"]
    vmid: Vmid
    volumes: dict[Device, Volume] = Field(max_length=MOST_DISKS)

    def of(self, disk: str) -> Volume | None:
        return self.volumes.get(f"{DEVICE_PREFIX}{disk}")


Said = TypeVar("Said", Begin, Read)


def said(shape: type[Said], line: bytes) -> Said:
    """Raises PveRefused for what is not that."""
    try:
        return shape.model_validate(bounded_json.parse(line))
    except (ValidationError, ValueError) as problem:
        raise PveRefused(
            f"The plugin at the node says what cannot be understood: {plain(problem)}.",
            do="Put SecondsitePlugin.pm of this release on the node; its head says how.",
        ) from None


def is_there(volume: Volume) -> bool:
    """Whether its socket is at this host: the appliance runs at the machine's node."""
    return Path(volume.socket).is_socket()
