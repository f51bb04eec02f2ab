"""What a machine's operator should know before the hour of need. It changes by itself, so it is no part of a
definition."""

from typing import Annotated, Literal

from pydantic import Field

from ....wire.common.numbers import BoundedTuple, Bytes, Number
from .words import MOST_FILE_SYSTEMS, Few, Path, Told, Word


class FileSystem(Told):
    """A mounted file system on disks of the machine."""

    where: Path
    kind: Word
    size_bytes: Bytes
    free_bytes: Bytes
    """What is free for everybody."""


class Ssh(Told):
    """Whether somebody could log in."""

    listens: bool
    """Whether a server listens, not only for the machine itself."""
    at_boot: bool | None = None
    """Whether systemd starts one at boot; null: something else starts what runs there, or an older agent."""
    ports: Annotated[tuple[Number, ...], Few] = (22,)
    let_in: Literal["open", "closed", "unknown"] = "unknown"
    """What the firewall does with that."""


class Clock(Told):
    """The machine's clock."""

    at: Annotated[float, Field(ge=0, le=1e11)]
    """Seconds since 1970, as the machine told it."""
    synchronized: bool | None = None
    """Whether something keeps it right; null: not known."""


class Looks(Told):
    """All of them."""

    ssh: Ssh
    clock: Clock
    file_systems: Annotated[tuple[FileSystem, ...], BoundedTuple(MOST_FILE_SYSTEMS)] = ()
    restart_required: bool = False
    """Whether its system asks for a restart."""
    newer_kernel: Word = ""
    """The kernel that the next start brings, if it is not the one that runs."""
    hooks_late_seconds: Annotated[float, Field(ge=0, le=1e9)] = 0.0
    """How long applications rested, within the last hour, until somebody else than the agent let them go on;
    0: they did not."""
