"""Installed kernels as a machine tells of them."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from ....domain.machines.hardware import Presence
from .words import MOST_DRIVERS, Path, Told, Word


def _presence(value: object) -> object:
    """A newer agent's words for what we do not know yet are no news."""
    known = {each.value: each for each in Presence}
    return known.get(value, Presence.UNKNOWN) if isinstance(value, str) else value


Present = Annotated[Presence, BeforeValidator(_presence)]


class ToldKernel(Told):
    """A kernel that the boot loader may start."""

    release: Word
    initramfs: Path = ""
    """Empty: it has none."""
    default: bool = False
    """Whether the boot loader starts it if nobody chooses; false for all if that could not be told."""
    running: bool = False
    drivers: Annotated[dict[Word, Present], Field(max_length=MOST_DRIVERS)] = Field(default_factory=dict)
    """Where each of the drivers lies that hardware elsewhere may need."""
    unread: Annotated[str, Field(max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    """Why its initramfs could not be read; empty if it could."""
