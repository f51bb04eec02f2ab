"""Which hardware a machine of any platform gets at its second site, so that its own system boots from it with
nothing written to its disks. It is decided from what the machine tells of itself."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Drive(StrEnum):
    """What a machine's disks are attached to. In the order of preference: the fastest first."""

    VIRTIO = "virtio"
    VIRTIO_SCSI = "virtio-scsi"
    PVSCSI = "pvscsi"
    AHCI = "ahci"
    MEGARAID = "megaraid"


class Presence(StrEnum):
    """Where a driver is: in the kernel itself, in the initramfs, only in the folder of modules, nowhere, or
    nobody could tell."""

    BUILT_IN = "built-in"
    INITRAMFS = "initramfs"
    MODULE = "module"
    MISSING = "missing"
    UNKNOWN = "unknown"


DRIVERS: Mapping[Drive, tuple[str, ...]] = {
    Drive.VIRTIO: ("virtio_pci", "virtio_blk"),
    Drive.VIRTIO_SCSI: ("virtio_pci", "virtio_scsi", "sd_mod"),
    Drive.PVSCSI: ("vmw_pvscsi", "sd_mod"),
    Drive.AHCI: ("ahci", "sd_mod"),
    Drive.MEGARAID: ("megaraid_sas", "sd_mod"),
}
"""The drivers that a kernel needs before it can read its root file system."""
NAMES = {
    Drive.VIRTIO: "virtio", Drive.VIRTIO_SCSI: "virtio SCSI", Drive.PVSCSI: "VMware's pvscsi",
    Drive.AHCI: "AHCI (SATA)", Drive.MEGARAID: "MegaRAID SAS",
}  # fmt: skip
CARDS: Mapping[str, tuple[str, ...]] = {
    "virtio": ("virtio_pci", "virtio_net"),
    "e1000e": ("e1000e",),
    "vmxnet3": ("vmxnet3",),
}
"""Models of network cards, the fastest first, and the drivers that they need."""
NOT_BY_UEFI = frozenset({Drive.PVSCSI, Drive.MEGARAID})
"""Debian 12's OVMF has no driver of MegaRAID, and found no disk at pvscsi when tried."""
NAMED_SD = frozenset(Drive) - {Drive.VIRTIO}
LIKE_A_SERVER = Drive.AHCI
"""What is tried where nothing is known: a system that was not made for one machine drives it."""
BOOTS = frozenset({Presence.BUILT_IN, Presence.INITRAMFS})
LOADS = BOOTS | {Presence.MODULE}


@dataclass(frozen=True, slots=True)
class Kernel:
    """An installed kernel. `default`: the boot loader starts it; nobody could tell of any if none is.
    `unread`: why its initramfs could not be read."""

    release: str
    drivers: Mapping[str, Presence] = field(default_factory=dict)
    default: bool = False
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A network card. `files`: where its addresses are configured. `by_name`: there it is known by a name
    that follows from its slot, and not by its MAC address."""

    name: str
    mac: str
    files: tuple[str, ...] = ()
    by_name: bool = False


@dataclass(frozen=True, slots=True)
class System:
    """What a machine tells of its system. None: it could not be told. `tool` makes its initramfs:
    initramfs-tools, dracut. `named`: devices by whose names file systems are mounted, such as /dev/sda1.
    `opened_by`: what opens its encrypted root: passphrase, tpm, key; empty if that is not encrypted.
    `host_only`: its initramfs has only what its present hardware needs."""

    uefi: bool
    kernels: Sequence[Kernel] = ()
    tool: str = ""
    host_only: bool | None = None
    fallback_loader: bool | None = None
    secure_boot: bool | None = None
    named: Sequence[str] = ()
    opened_by: str = ""
    cards: Sequence[Card] = ()


@dataclass(frozen=True, slots=True)
class Hindrance:
    """What keeps it from starting, or may, and the command that mends it."""

    what: str
    do: str
    blocking: bool = True


@dataclass(frozen=True, slots=True)
class Hardware:
    """What it gets. `drives`: the best first; none if none boots. `reason`: why, a sentence."""

    drives: tuple[Drive, ...]
    reason: str
    card: str
    hindrances: tuple[Hindrance, ...] = ()


def decide(system: System) -> Hardware:
    """The hardware for a machine, and what speaks against its start."""
    kernels = booted(system.kernels)
    able = [each for each in Drive if _bootable(system, each) and _present(kernels, DRIVERS[each], BOOTS)]
    usable = _named_as_before(able, system.named)
    card = next((model for model, needs in CARDS.items() if _present(kernels, needs, LOADS)), None)
    unknown = not able and any(_bootable(system, each) and _may_be(kernels, DRIVERS[each]) for each in Drive)
    drives = (LIKE_A_SERVER,) if unknown else tuple(usable)
    found = [
        *_without_drive(system, kernels, unknown=unknown, able=bool(able)), *_loader(system), *_root(system),
        *_names(system, drives[:1]), *_card(card), *_cards(system),
    ]  # fmt: skip
    return Hardware(drives, _reason(kernels, drives, unknown), card or "e1000e", tuple(found))


def booted(kernels: Sequence[Kernel]) -> Sequence[Kernel]:
    """The kernels that may be started: the default one, or any where that could not be told."""
    return [each for each in kernels if each.default] or kernels


def _bootable(system: System, drive: Drive) -> bool:
    return not (system.uefi and drive in NOT_BY_UEFI)


def _present(kernels: Sequence[Kernel], needed: Sequence[str], where: Collection[Presence]) -> bool:
    """Whether each of the kernels has all these drivers there."""
    return bool(kernels) and all(
        each.drivers.get(name, Presence.UNKNOWN) in where for each in kernels for name in needed
    )


def _may_be(kernels: Sequence[Kernel], needed: Sequence[str]) -> bool:
    return _present(kernels, needed, BOOTS | {Presence.UNKNOWN}) or not kernels


def _named_as_before(able: Sequence[Drive], named: Sequence[str]) -> Sequence[Drive]:
    """Those drives first on which the names by which it mounts file systems stay what they are."""
    if not any(each.startswith("/dev/sd") for each in named):
        return able
    return sorted(able, key=lambda each: each not in NAMED_SD)


def _reason(kernels: Sequence[Kernel], drives: Sequence[Drive], unknown: bool) -> str:
    of = " and ".join(each.release for each in kernels) or "its kernels"
    if unknown:
        return f"Nobody could tell what {of} boots from: {NAMES[LIKE_A_SERVER]} is what most systems drive."
    if not drives:
        return f"The initramfs of {of} drives no hardware that can be given to it."
    others = ", ".join(NAMES[each] for each in drives[1:])
    more = f"; it also boots from {others}" if others else ""
    return f"{NAMES[drives[0]]} is the fastest hardware from which {of} boots as it is{more}."


def _without_drive(
    system: System, kernels: Sequence[Kernel], *, unknown: bool, able: bool
) -> Iterator[Hindrance]:
    if able:
        return
    if unknown:
        yield Hindrance(
            f"What hardware the machine boots from is not known: {_unread(kernels)}.",
            (
                "See in a test failover whether it boots. On the machine, install the program that packed "
                "its initramfs (zstd, xz-utils, lz4), so that it can be read."
            ),
            blocking=False,
        )
        return
    of = " and ".join(each.release for each in kernels)
    only = " It has only what the machine's present hardware needs." if system.host_only else ""
    yield Hindrance(
        f"The initramfs of {of} drives no hardware that the machine could get at its second site.{only}",
        _mend(system, kernels),
    )


def _unread(kernels: Sequence[Kernel]) -> str:
    why = next((each.unread for each in kernels if each.unread), "it could not be read")
    return f"of the initramfs of {kernels[0].release}, {why}" if kernels else "no kernel was found in /boot"


def _mend(system: System, kernels: Sequence[Kernel]) -> str:
    """The command that puts drivers into the initramfs of all its kernels."""
    wanted = [each for each in Drive if _bootable(system, each) and _present(kernels, DRIVERS[each], LOADS)]
    names = " ".join(dict.fromkeys(name for each in wanted[:3] for name in DRIVERS[each]))
    if not names:
        return "Install its distribution's usual kernel, which has drivers of virtio and AHCI."
    return add_drivers(system.tool, names)


def add_drivers(tool: str, names: str) -> str:
    """What to type on the machine, so that its initramfs has these drivers from now on."""
    commands = {
        "initramfs-tools": (
            f"printf '%s\\n' {names} >> /etc/initramfs-tools/modules && update-initramfs -u -k all"
        ),
        "dracut": (
            f"echo 'add_drivers+=\" {names} \"' > /etc/dracut.conf.d/secondsite.conf && "
            "dracut --force --regenerate-all"
        ),
    }
    if tool in commands:
        return f"On the machine, as root: {commands[tool]}"
    return f"Put these drivers into the machine's initramfs: {names}."


def _loader(system: System) -> Iterator[Hindrance]:
    if not system.uefi:
        return
    if system.fallback_loader is not True:
        found = "has no" if system.fallback_loader is False else "may have no"
        yield Hindrance(
            (
                rf"The machine's EFI system partition {found} boot loader in \EFI\BOOT\BOOTX64.EFI, where "
                "firmware looks that does not know the machine yet."
            ),
            (
                "On the machine, as root: grub-install --target=x86_64-efi --efi-directory=/boot/efi "
                "--removable (with the folder where that partition is mounted; it leaves the other loader)."
            ),
            blocking=system.fallback_loader is False,
        )
    if system.secure_boot:
        yield Hindrance(
            "The machine boots with Secure Boot; at the second site it runs without.",
            "Accept it, if nothing in it insists on Secure Boot.",
            blocking=False,
        )


def _root(system: System) -> Iterator[Hindrance]:
    if system.opened_by == "tpm":
        yield Hindrance(
            (
                "The machine's root is encrypted, and only its own TPM or a key server opens it: these do "
                "not come along."
            ),
            (
                "On the machine, as root: systemd-cryptenroll --recovery-key DEVICE, and keep what it "
                "prints: it is typed at the console after a failover."
            ),
        )
    elif system.opened_by:
        opened = "a key in a file" if system.opened_by == "key" else "somebody at the console"
        yield Hindrance(
            f"The machine's root is encrypted: each start waits for {opened}.",
            "See in a test failover whether it comes up; have its passphrase at hand at the second site.",
            blocking=False,
        )


def _names(system: System, chosen: Sequence[Drive]) -> Iterator[Hindrance]:
    stay = bool(chosen) and chosen[0] in NAMED_SD
    lost = [each for each in system.named if not (stay and each.startswith("/dev/sd"))]
    for names, what in ((lost, "does not exist"), ([*{*system.named} - {*lost}], "may be another disk")):
        if names:
            yield Hindrance(
                f"The machine mounts {', '.join(sorted(names))} by name, which {what} at the second site.",
                "In its /etc/fstab and its boot loader, name file systems by UUID=, as 'blkid' prints it.",
                blocking=False,
            )


def _card(card: str | None) -> Iterator[Hindrance]:
    if card is None:
        yield Hindrance(
            "No driver of a network card that the machine could get is known to be there: it may come up "
            "without a network.",
            "Install its distribution's usual kernel, which has virtio_net and e1000e.",
            blocking=False,
        )


def _cards(system: System) -> Iterator[Hindrance]:
    for each in system.cards:
        if each.by_name:
            yield Hindrance(
                (
                    f"Card {each.name} ({each.mac}) is configured by its name in {', '.join(each.files)}, "
                    "and may have another one at the second site, where its slot is another."
                ),
                (
                    f"On the machine, as root: printf '[Match]\\nMACAddress={each.mac}\\n[Link]\\n"
                    f"Name={each.name}\\n' > /etc/systemd/network/10-{each.name}.link, and make its "
                    "initramfs anew."
                ),
                blocking=False,
            )
