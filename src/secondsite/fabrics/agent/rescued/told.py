"""What a rescued machine tells, judged: it may be hostile as any other."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from ....domain import errors
from ....wire.common.base import Shape
from ....wire.common.numbers import Bytes

MOST_DISKS = 512
MOST_HELD = 300
MOST_DRIVERS = 32
Word = Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9_.:+@-]*$")]
Text = Annotated[str, Field(max_length=1000)]


class Held(Shape):
    """What lies on a disk."""

    kind: Annotated[str, Field(max_length=100)]


class OfferedDisk(Shape):
    """A disk; `refused` is why it is not offered, `serial` the number that stands on it."""

    key: Annotated[str, Field(min_length=1, max_length=200)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    size_bytes: Bytes
    sector_bytes: Bytes = 0
    """0: an older rescue system does not tell."""
    refused: Text = ""
    serial: Annotated[str, Field(max_length=200)] = ""
    holds: Annotated[tuple[Held, ...], Field(max_length=MOST_HELD)] | None = ()
    drivers: Annotated[tuple[Word, ...], Field(max_length=MOST_DRIVERS)] = ()
    """The modules of the kernel by which the server reaches it."""


class Start(Shape):
    """Which start of the rescue system this is."""

    boot: Annotated[str, Field(min_length=1, max_length=100)]
    rescue: bool = False
    firmware: Literal["", "bios", "uefi"] = ""
    """What started it; empty: an older one does not tell."""


_DISKS: TypeAdapter[tuple[OfferedDisk, ...]] = TypeAdapter(
    Annotated[tuple[OfferedDisk, ...], Field(max_length=MOST_DISKS)]
)


def disks(told: object) -> dict[str, OfferedDisk]:
    """The disks by the agent's keys; of two with one key, that which is offered. Raises FabricError."""
    try:
        found = _DISKS.validate_python(told)
    except ValidationError as problem:
        raise _nonsense(problem) from None
    return {disk.key: disk for disk in sorted(found, key=lambda disk: disk.refused, reverse=True)}


def start(told: object) -> Start:
    """Raises FabricError for an agent that is not in a rescue system."""
    try:
        found = Start.model_validate(told)
    except ValidationError as problem:
        raise _nonsense(problem) from None
    if not found.rescue:
        raise errors.FabricError(
            "The machine runs its own system, which has its disks in use.",
            do="Start it from the rescue image.",
        )
    return found


def _nonsense(problem: ValidationError) -> errors.FabricError:
    first = problem.errors(include_input=False)[0]
    return errors.FabricError(
        f"The rescue system answered what none answers ({first['loc']}: {first['msg']}).",
        do="Start the machine from the rescue image of this release.",
    )
