"""Makes QEMU's arguments for a machine. Pure, except that it looks for the firmware's files.

A point's definition was written at another site: only words that cannot change the meaning of an argument are
taken from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from ..problems import Problem

UEFI = (
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
)
"""Where distributions keep UEFI firmware: pairs of code and empty variables."""
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
MODELS = {"virtio": "virtio-net-pci", "e1000": "e1000", "e1000e": "e1000e", "rtl8139": "rtl8139"}


@dataclass(frozen=True)
class MachineToRun:
    """A machine to run. `taps`: the interface of each card that is connected; `folder`: where its console
    and its process id are; `sockets`: a folder of a short name, since a socket's path has at most 107
    bytes."""

    name: str
    uuid: str
    definition: Mapping[str, Any]
    ours: str
    """The libvirt definition that this site's appliance made of it, or empty; a kernel is taken only from
    there."""
    disks: Mapping[str, Path]
    encrypted_files: Mapping[str, int]
    """How many files the chain of each disk has, if it is encrypted."""
    key: Path | None
    taps: Mapping[str, str]
    macs: Mapping[str, str]
    vcpus: int
    memory_bytes: int
    variables: Path | None
    folder: Path
    sockets: Path
    emulated: bool = False
    """Whether to run without KVM even if it seems to be there."""


def command(wanted: MachineToRun) -> list[str]:
    """QEMU's arguments; it goes to the background by itself once the machine runs."""
    kind = _kind(wanted.ours or str(wanted.definition.get("native") or ""))
    arch = kind.get("arch", "x86_64")
    return [
        f"qemu-system-{arch}", "-name", f"guest={_safe(wanted.name)}", "-uuid", wanted.uuid,
        *(["-machine", kind["machine"]] if "machine" in kind else []),
        *_accelerators(wanted), *(["-cpu", "max"] if arch == "x86_64" else []),
        "-m", f"{wanted.memory_bytes // 2**20}M", "-smp", str(wanted.vcpus), "-nodefaults", "-vga", "std",
        *_key(wanted.key), *_generation(wanted), *_kernel(wanted.ours), *_firmware(wanted), *_disks(wanted),
        *_cards(wanted),
        *_console(wanted.folder), "-display", "none", "-vnc", f"unix:{_safe(wanted.sockets / 'vnc')}",
        "-qmp", f"unix:{_safe(wanted.sockets / 'qmp')},server=on,wait=off", "-pidfile",
        str(wanted.folder / "qemu.pid"), "-daemonize",
    ]  # fmt: skip


def left_out(wanted: MachineToRun) -> list[str]:
    """What the machine has elsewhere and lacks here, in words."""
    said = [
        f"card {nic['key']} is not connected"
        for nic in wanted.definition.get("nics", ())
        if nic["key"] not in wanted.taps
    ]
    if "<tpm" in str(wanted.definition.get("native", "")):
        said.append("it has no TPM: use libvirt if it needs one")
    return said


def word(said: object, what: str) -> str:
    """The word, if it cannot be anything but a plain word. Raises Problem."""
    if not isinstance(said, str) or not WORD.fullmatch(said):
        raise Problem(
            f"{said!r} is no {what}: the point's manifest is not to be trusted.", "Choose another point."
        )
    return said


def _kind(native: str) -> dict[str, str]:
    """The architecture and the machine type, as libvirt names them."""
    found = _element(native, "os/type")
    return (
        {}
        if found is None
        else {name: word(found.get(name), name) for name in ("arch", "machine") if found.get(name)}
    )


def _element(native: str, path: str) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(native).find(path)
    except ElementTree.ParseError:
        return None


def _kernel(ours: str) -> Iterator[str]:
    for name, option in (("kernel", "-kernel"), ("initrd", "-initrd"), ("cmdline", "-append")):
        found = _element(ours, f"os/{name}")
        if found is not None and found.text:
            yield from (option, found.text.strip())


def _generation(wanted: MachineToRun) -> list[str]:
    """A new generation id, if the machine had one: it goes back in time."""
    found = _element(wanted.ours or str(wanted.definition.get("native") or ""), "genid")
    return [] if found is None else ["-device", "vmgenid,guid=auto"]


def _accelerators(wanted: MachineToRun) -> list[str]:
    """The accelerators to try. On some hosts KVM can be opened and runs no guest: the appliance has tested
    that, and its definition shows it."""
    root = _element(wanted.ours, ".")
    without = wanted.emulated or (root is not None and root.get("type") == "qemu")
    return ["-accel", "tcg"] if without else ["-accel", "kvm", "-accel", "tcg"]


def _console(folder: Path) -> list[str]:
    """The console's file, to which output is appended when the machine is started again."""
    return [
        "-chardev",
        f"file,id=console,path={_safe(folder / 'console.log')},append=on",
        "-serial",
        "chardev:console",
    ]


def _key(key: Path | None) -> list[str]:
    return [] if key is None else ["-object", f"secret,id=key,file={_safe(key)}"]


def _firmware(wanted: MachineToRun) -> list[str]:
    if wanted.variables is None:
        return []
    code = next((code for code, _ in UEFI if Path(code).exists()), None)
    if code is None:
        raise Problem(
            f"{wanted.name} boots by UEFI, and its loader is not here.", "Install it: 'apt install ovmf'."
        )
    read_only = f"if=pflash,format=raw,readonly=on,file={code}"
    return ["-drive", read_only, "-drive", f"if=pflash,format=raw,file={_safe(wanted.variables)}"]


def _disks(wanted: MachineToRun) -> Iterator[str]:
    known = {disk["key"]: disk for disk in wanted.definition.get("disks", ())}
    buses = {str(known.get(key, {}).get("bus", "virtio")) for key in wanted.disks}
    for bus, device in (("scsi", "virtio-scsi-pci,id=scsi"), ("sata", "ich9-ahci,id=sata")):
        if bus in buses:
            yield from ("-device", device)
    for number, (key, path) in enumerate(_in_boot_order(wanted.disks, known)):
        bus, name = str(known.get(key, {}).get("bus", "virtio")), f"disk-{word(key, 'disk key')}"
        each = "".join(
            f",{'backing.' * depth}encrypt.key-secret=key"
            for depth in range(wanted.encrypted_files.get(key, 0))
        )
        yield from (
            "-drive",
            f"file={_safe(path)},format=qcow2,if=none,id={name},cache=none,discard=unmap{each}",
        )
        yield from ("-device", f"{_device(bus, number)},drive={name},bootindex={number + 1}")


def _in_boot_order(
    disks: Mapping[str, Path], known: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, Path]]:
    order = {key: position for position, key in enumerate(known)}
    return sorted(
        disks.items(),
        key=lambda each: (known.get(each[0], {}).get("boot_order") or 99, order.get(each[0], 99)),
    )


def _device(bus: str, number: int) -> str:
    if bus == "scsi":
        return "scsi-hd,bus=scsi.0"
    if bus == "sata":
        return f"ide-hd,bus=sata.{number}"
    return "ide-hd" if bus == "ide" else "virtio-blk-pci"


def _cards(wanted: MachineToRun) -> Iterator[str]:
    """Arguments for the cards. A card without a network is kept: the guest would name its other cards
    differently without it."""
    for number, nic in enumerate(wanted.definition.get("nics", ())):
        tap, model = wanted.taps.get(nic["key"]), MODELS.get(str(nic.get("model")), "virtio-net-pci")
        if tap is not None:
            yield from ("-netdev", f"tap,id=net{number},ifname={tap},script=no,downscript=no")
        backend = f",netdev=net{number}" if tap is not None else ""
        yield from (
            "-device",
            f"{model}{backend},mac={word(wanted.macs.get(nic['key']) or nic['mac'], 'MAC address')}",
        )


def _safe(text: Path | str) -> str:
    """The text, safe in an option: a comma would begin another one."""
    return str(text).replace(",", ",,")
