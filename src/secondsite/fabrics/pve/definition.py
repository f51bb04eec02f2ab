"""A machine as Proxmox VE defines it, in words that every fabric can translate."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ...ground.units import MiB
from ...wire.common.machines import DiskDefinition, MachineDefinition, NicDefinition
from . import marks
from .shapes import Config, Row
from .words import Parts, parts, size_bytes, whole

KIND = "pve"
DRIVE = re.compile(r"(ide|sata|scsi|virtio)([0-9]{1,2})")
CARD = re.compile(r"net([0-9]{1,2})")
MODELS = re.compile(r"virtio|vmxnet3|rtl8139|pcnet|ne2k_pci|ne2k_isa|i8[0-9a-z]+|e1000[0-9a-z-]*")
MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NO_UUID = "00000000-0000-0000-0000-000000000000"
CONTROLLERS = {
    "virtio-scsi-pci": "virtio-scsi", "virtio-scsi-single": "virtio-scsi", "pvscsi": "pvscsi",
    "megasas": "megaraid",
}  # fmt: skip
FORMATS = ("qcow2", "vmdk", "qcow", "qed", "cloop")


def identity(config: Config) -> str | None:
    """The UUID that the machine's firmware tells its guest (SMBIOS), in small letters; None if it has none.

    It is the machine's for its life: its number is used again, and its generation id changes with each
    restore."""
    found = parts(config.get("smbios1", "")).named.get("uuid", "").lower()
    return found if UUID.fullmatch(found) and found != NO_UUID else None


def definition(fabric_id: str, row: Row, config: Config) -> MachineDefinition:
    return MachineDefinition(
        fabric_id=fabric_id,
        name=config.get("name") or row.name or str(row.vmid),
        fabric_kind=KIND,
        vcpus=_vcpus(config),
        memory_bytes=_memory_bytes(config),
        firmware="uefi" if config.get("bios") == "ovmf" else "bios",
        disks=tuple(_disks(config)),
        nics=tuple(_cards(config)),
        starts_with_host=wants_host_start(row, config),
        drives=_drives(config),
        native=native(config),
    )


def wants_host_start(row: Row, config: Config) -> bool:
    """Whether it starts with its host, or did before its start was forbidden."""
    return config.get("onboot") == "1" or marks.started_with_host(row.vmid, config.get("tags", ""))


def native(config: Config) -> str:
    """The definition as the file of Proxmox VE has it, without what changes by itself."""
    return "".join(
        f"{key}: {' '.join(config[key].splitlines())}\n" for key in sorted(config) if key != "digest"
    )


def drives(config: Config) -> Iterator[tuple[str, Parts]]:
    """All disks and drives by their keys, in the order of their controllers."""
    for key in _in_order(config, DRIVE):
        yield key, parts(config[key])


def is_medium(drive: Parts) -> bool:
    """Whether it is a CD-ROM; also that from which cloud-init configures a guest."""
    return drive.named.get("media") == "cdrom" or drive.first in ("cdrom", "none")


def is_cloud_init(drive: Parts) -> bool:
    return is_medium(drive) and "cloudinit" in drive.first


def volume(drive: Parts) -> str:
    """'STORAGE:VOLUME', or the path of a device of the node."""
    return drive.first or drive.named.get("file", "")


def _in_order(config: Config, pattern: re.Pattern[str]) -> list[str]:
    found = [(match, key) for key in config if (match := pattern.fullmatch(key))]
    return [key for _, key in sorted(found, key=lambda each: (each[0].group(1), int(each[0].groups()[-1])))]


def _disks(config: Config) -> Iterator[DiskDefinition]:
    order = boot_order(config)
    for key, drive in drives(config):
        if not is_medium(drive):
            yield DiskDefinition(
                key=key,
                size_bytes=size_bytes(drive.named.get("size", "")) or 0,
                path=volume(drive),
                format=_format(drive),
                bus=key.rstrip("0123456789"),
                boot_order=order.index(key) + 1 if key in order else None,
            )


def _format(drive: Parts) -> str:
    said, end = drive.named.get("format", ""), volume(drive).rpartition(".")[2]
    return said or (end if end in FORMATS else "raw")


def boot_order(config: Config) -> Sequence[str]:
    """Keys of what it boots from, the first first; older definitions name one disk."""
    said = parts(config.get("boot", "")).named.get("order", "")
    return tuple(each for each in said.split(";") if each) or tuple(filter(None, [config.get("bootdisk")]))


def _drives(config: Config) -> tuple[str, ...]:
    """What its system boots from now, in our words; none if we have no word for it."""
    keys = [key for key, drive in drives(config) if not is_medium(drive)]
    first = next((key for key in boot_order(config) if key in keys), keys[0] if keys else "")
    bus = first.rstrip("0123456789")
    known = {"virtio": "virtio", "sata": "ahci", "scsi": CONTROLLERS.get(config.get("scsihw", "lsi"))}
    return tuple(filter(None, [known.get(bus)]))


def _cards(config: Config) -> Iterator[NicDefinition]:
    for key in _in_order(config, CARD):
        card = parts(config[key])
        model = next((each for each in card.named if MODELS.fullmatch(each)), "")
        mac = card.named.get(model) or card.named.get("macaddr", "")
        connected = card.named.get("bridge") and not card.is_on("link_down")
        yield NicDefinition(
            key=key,
            mac=mac.lower() if MAC.fullmatch(mac) else "",
            network=card.named["bridge"] if connected else None,
            model=model or card.named.get("model", "") or card.first,
            vlans=vlans(card),
        )


def vlans(card: Parts) -> tuple[int, ...]:
    """The tags that the platform gives to what it sends; of a range only the ends are told."""
    said = [card.named.get("tag", ""), *re.split(r"[;-]", card.named.get("trunks", ""))]
    numbers = (whole(each, 0) for each in said)
    return tuple(each for each in numbers if 0 < each < 4095)


def _vcpus(config: Config) -> int:
    in_all = whole(config.get("sockets", ""), 1) * whole(config.get("cores", ""), 1)
    return whole(config.get("vcpus", ""), in_all)


def _memory_bytes(config: Config) -> int:
    said = parts(config.get("memory", ""))
    return whole(said.first or said.named.get("current", ""), 512) * MiB
