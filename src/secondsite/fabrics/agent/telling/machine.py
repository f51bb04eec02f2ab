"""A machine as its agent tells of it."""

from typing import Annotated, Literal

from pydantic import Field

from ....wire.common.numbers import BoundedTuple, Bytes, Number
from .cards import ToldCard
from .kernels import ToldKernel
from .looks import Looks
from .words import MOST_CARDS, MOST_DISKS, MOST_KERNELS, Address, DiskKey, Few, Path, Told, Word

Sentence = Annotated[str, Field(max_length=512, pattern=r"^[^\x00-\x1f\x7f]*$")]


class ToldFirmware(Told):
    """What starts the machine. Null: it could not be told."""

    kind: Literal["bios", "uefi"]
    secure_boot: bool | None = None
    fallback_loader: bool | None = None
    r"""Whether a boot loader lies in \EFI\BOOT\BOOTX64.EFI, where a firmware looks that knows no other."""


class ToldDisk(Told):
    """A disk, in boot order: those with the root and the boot loader first."""

    key: DiskKey
    name: Word
    """Its name now."""
    size_bytes: Bytes
    sector_bytes: Bytes = 0
    """What its partitions are counted in; 0: an older agent does not tell."""
    refused: Sentence = ""
    """Why it cannot be followed; empty if it can."""
    boots: bool = False
    """Whether root or boot loader lie on it."""


class ToldRoot(Told):
    """The root file system."""

    kind: Word = ""
    layers: Annotated[tuple[Word, ...], Few] = ()
    """What lies between it and the disks: lvm, md, luks."""
    opened_by: Literal["", "passphrase", "tpm", "key", "unknown"] = ""
    """What opens its encryption; empty if there is none."""


class NamedMount(Told):
    """A file system that is mounted by a name that will change."""

    device: Path
    where: Path


class ToldMachine(Told):
    """All that is known of it."""

    name: Word
    """Its host name."""
    firmware: ToldFirmware
    vcpus: Annotated[Number, Field(ge=1, le=4096)]
    memory_bytes: Annotated[Bytes, Field(ge=1)]
    disks: Annotated[tuple[ToldDisk, ...], BoundedTuple(MOST_DISKS)] = ()
    cards: Annotated[tuple[ToldCard, ...], BoundedTuple(MOST_CARDS)] = ()
    dns: Annotated[tuple[Address, ...], Few] = ()
    kernels: Annotated[tuple[ToldKernel, ...], BoundedTuple(MOST_KERNELS)] = ()
    tool: Literal["", "initramfs-tools", "dracut"] = ""
    """What makes its initramfs."""
    host_only: bool | None = None
    """Whether that has only what this hardware needs; null: not known."""
    root: ToldRoot = ToldRoot()
    named: Annotated[tuple[NamedMount, ...], Few] = ()
    looks: Looks | None = None
