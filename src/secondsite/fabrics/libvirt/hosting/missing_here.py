"""What a definition asks of its host that this one does not have."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from ... import interface
from ..host import accelerator, domain_xml


def accelerator_notes(root: Element | None) -> Iterator[interface.Obstacle]:
    if not accelerator.kvm_usable() and (root is None or root.get("type") == "kvm"):
        yield interface.Obstacle(
            "KVM does not run guests here: the machine will be emulated, which is slow.",
            "Enable virtualization on this host, or accept it for a drill.",
            blocking=False,
        )


def missing_files(root: Element) -> Iterator[interface.Obstacle]:
    for name in ("os/kernel", "os/initrd", "os/dtb", "os/loader", "devices/emulator"):
        path = root.findtext(name)
        if path and not Path(path).exists():
            yield interface.Obstacle(
                f"The definition names {path}, which is not on this host.", f"Copy {path} here."
            )
    yield from _tpm_notes(root)
    for name in ("hostdev", "filesystem", "shmem"):
        if root.find(f"devices/{name}") is not None:
            yield interface.Obstacle(
                f"The machine uses a {name} of its own host, which it will not have here.",
                "Make sure that the guest boots without it.",
                blocking=False,
            )


def disks_left_behind(root: Element) -> Iterator[interface.Obstacle]:
    for disk in domain_xml.disks(root):
        if disk.network is not None:
            yield interface.Obstacle(
                f"Disk {disk.key} comes over the network ({disk.network}); here the machine runs without it.",
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
