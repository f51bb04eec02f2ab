"""Finds what a definition needs of its host that this host does not have."""

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element

from ....domain import errors
from ....domain.machines import nearest
from ... import interface
from ..host import accelerator, domain_xml
from . import allowed, comes_along, foreign

FIRMWARE_FOLDERS = "/usr/share/OVMF, AAVMF, edk2, qemu or seabios"
NAME_IT = (
    "Put the file into the same folder here, and name that folder in 'boot_folders' of the appliance's "
    "appliance.json; then restart the appliance. Or let the machine boot from its disk."
)
NAMED = 40
TOLD = ("devices/hostdev", "devices/filesystem", "devices/shmem", "devices/tpm", "devices/serial@", "devices/console@",  # noqa: E501
        "devices/parallel@", "os/loader", "os/kernel", "os/initrd", "os/cmdline")  # fmt: skip


def accelerator_notes(root: Element | None) -> Iterator[interface.Obstacle]:
    if not accelerator.kvm_usable() and (root is None or root.get("type") == "kvm"):
        yield interface.Obstacle(
            "KVM does not run guests here: the machine will be emulated, which is slow.",
            "Enable virtualization on this host, or accept it for a drill.",
            blocking=False,
        )


def require_kernels(root: Element, boot_folders: Sequence[Path]) -> None:
    """Raises FabricError for a machine that boots a kernel that is a file of its own host: without it,
    nothing would boot."""
    for path in foreign.strange_kernels(root, boot_folders):
        raise errors.FabricError(_strange(path), do=NAME_IT)


def _strange(path: str) -> str:
    return (
        f"The machine boots {path}, a file of its host, and this site takes kernels only from folders that "
        "its appliance is told."
    )


def missing_files(root: Element, boot_folders: Sequence[Path] = ()) -> Iterator[interface.Obstacle]:
    for path in foreign.strange_kernels(root, boot_folders):
        yield interface.Obstacle(_strange(path), NAME_IT)
    path = (root.findtext("os/loader") or "").strip()
    for file in boot_files(root):
        yield from _missing(str(file))
    if path and not allowed.FIRMWARE.fullmatch(path):
        yield interface.Obstacle(
            f"The definition names the firmware {path}, and firmware is taken from {FIRMWARE_FOLDERS} alone.",
            "Use a firmware of the distribution, at both sites.",
        )
    yield from _missing_firmware(path)
    yield from _tpm_notes(root)
    for name in ("hostdev", "filesystem", "shmem"):
        if root.find(f"devices/{name}") is not None:
            yield interface.Obstacle(
                f"The machine uses a {name} of its own host, which it will not have here.",
                "Make sure that the guest boots without it.",
                blocking=False,
            )


def boot_files(root: Element) -> list[Path]:
    """The files that QEMU itself reads to boot: the kernel, and what belongs to it."""
    named = ((root.findtext(name) or "").strip() for name in ("os/kernel", "os/initrd"))
    return [Path(name) for name in named if name]


def _missing_firmware(path: str) -> Iterator[interface.Obstacle]:
    file = Path(path)
    if not path or not allowed.FIRMWARE.fullmatch(path):
        return
    for each in _missing(path):
        name, fits = nearest.firmware(file.name, _names(file.parent))
        variables = "keeps its variables" if fits else "needs new variables then"
        instead = f"; or give the machine {file.parent / name} at its site: it {variables}" if name else ""
        yield replace(each, do=f"{each.do.removesuffix('.')}{instead}.")


def _names(folder: Path) -> frozenset[str]:
    return frozenset(each.name for each in folder.iterdir()) if folder.is_dir() else frozenset()


def _missing(path: str | None) -> Iterator[interface.Obstacle]:
    if path and path.strip() and not Path(path.strip()).exists():
        yield interface.Obstacle(
            f"The definition names {path}, which is not on this host.", f"Copy {path} here."
        )


def left_out(root: Element, boot_folders: Sequence[Path] = ()) -> Iterator[interface.Obstacle]:
    """Warnings about parts of another site's definition that are left out, if no other warning names them."""
    found = [each for each in foreign.admit(root, boot_folders).left_out if not each.startswith(TOLD)]
    if found:
        words = [*comes_along.named(found)]
        named, more = ", ".join(words[:NAMED]), len(words) - NAMED
        yield interface.Obstacle(
            f"Parts of the definition do not come along: {named}{f' and {more} more' if more > 0 else ''}.",
            "Make sure that the guest runs without them; set them by hand after a failover if it does not.",
            blocking=False,
        )


def media(root: Element) -> Iterator[interface.Obstacle]:
    """Warnings about media in drives: installation media, but also discs that configure a guest, such as
    cloud-init's."""
    for disk in root.iterfind("devices/disk"):
        source = disk.find("source")
        if disk.get("device") in ("cdrom", "floppy") and source is not None and source.attrib:
            where = source.get("file") or source.get("dev") or source.get("volume") or source.get("name")
            target = disk.find("target")
            drive = "" if target is None else f" {target.get('dev')}"
            yield interface.Obstacle(
                f"{where} in the drive{drive} does not come along; here the drive is empty.",
                (
                    "Make sure that the guest boots without it, as with cloud-init's disc; or eject it "
                    "('virsh change-media MACHINE DRIVE --eject')."
                ),
                blocking=False,
            )


def cards_of_the_host(root: Element) -> Iterator[interface.Obstacle]:
    for key, card in domain_xml.nic_elements(root):
        if card.get("type") in ("hostdev", "vdpa", "vhostuser"):
            model = card.find("model")
            yield interface.Obstacle(
                f"{key} is a device of its own host ({card.get('type')}); here it is an emulated card "
                f"({'rtl8139' if model is None else model.get('type')}).",
                "Make sure that the guest drives it, and finds its network settings for it.",
                blocking=False,
            )


def clock(root: Element) -> Iterator[interface.Obstacle]:
    found = root.find("clock")
    if found is not None and "localtime" in (found.get("offset"), found.get("basis")):
        yield interface.Obstacle(
            f"The machine's clock runs in the time zone of its host; here that is {'/'.join(time.tzname)}.",
            "Give both hosts the same time zone, or let the guest take its time from the network.",
            blocking=False,
        )


def disks_left_behind(root: Element) -> Iterator[interface.Obstacle]:
    for disk in domain_xml.disks(root):
        if disk.network is not None and disk.network.disk is None:
            yield interface.Obstacle(
                f"Disk {disk.key} comes over the network ({disk.network.named}); here the machine runs "
                "without it.",
                "Make sure that the guest boots without it, or attach it by hand after a failover.",
                blocking=False,
            )


def _tpm_notes(root: Element) -> Iterator[interface.Obstacle]:
    backend = root.find("devices/tpm/backend")
    if backend is None:
        return
    if backend.get("type") != "emulator":
        yield interface.Obstacle(
            "The machine uses the TPM of its own host, which it will not have here.",
            "Make sure that the guest boots without it.",
            blocking=False,
        )
    elif shutil.which("swtpm") is None or shutil.which("swtpm_setup") is None:
        yield interface.Obstacle(
            "The machine has an emulated TPM, and this host has no swtpm.",
            "Install swtpm and swtpm-tools here.",
        )
    encryption = backend.find("encryption")
    if encryption is not None:
        yield interface.Obstacle(
            f"The TPM's state is encrypted with the libvirt secret {encryption.get('secret')}.",
            "Define the same secret here ('virsh secret-define', 'virsh secret-set-value').",
            blocking=False,
        )
