"""What a machine's operator should know before its hour of need: what does not come along, and what would be
in the way."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...domain import shell
from ..interface import Obstacle
from .definition import CARD, drives, is_cloud_init, is_medium, volume
from .shapes import Config, Row
from .words import parts, size_bytes

DEVICES = re.compile(r"(hostpci|usb|ivshmem|parallel|serial)[0-9]{0,2}")
OFF_FOR_HA = frozenset({"stopped", "disabled", "ignored"})
NO_COPY = "Remove it, or have the same at the other site; nothing of it is copied."


def hindrances(row: Row, config: Config) -> Iterator[Obstacle]:
    """All that is to be said of one machine, each with what to do."""
    yield from _disks(config)
    yield from _devices(config)
    yield from _state(config)
    yield from _cards(config)
    if starts_by_ha(row):
        yield Obstacle(
            f"{row.label} is started by the cluster's HA manager, whatever we forbid.",
            f"Run 'ha-manager set vm:{row.vmid} --state ignored' at a node before it is failed over.",
        )


def starts_by_ha(row: Row) -> bool:
    """Whether the HA manager starts it, also when it was switched off."""
    return bool(row.hastate) and row.hastate not in OFF_FOR_HA


def _disks(config: Config) -> Iterator[Obstacle]:
    for key, drive in drives(config):
        where = volume(drive)
        if is_cloud_init(drive):
            yield Obstacle(f"{key} is its drive for cloud-init, and is not copied.", NO_COPY, blocking=False)
        elif is_medium(drive):
            continue
        elif where.startswith("/"):
            yield Obstacle(f"{key} is {where} of its node, and no volume.", NO_COPY, disk=key)
        elif size_bytes(drive.named.get("size", "")) is None:
            yield Obstacle(
                f"{key} has no size in its definition.",
                "Run 'qm rescan' at its node.",
                disk=key,
                blocking=False,
            )
        if drive.named.get("backup") == "0":
            yield Obstacle(
                f"{key} is left out of backups, by which disks are read here.",
                "Allow its backup in the options of the disk, or exclude it from protection.",
                disk=key,
            )


def _devices(config: Config) -> Iterator[Obstacle]:
    for key in sorted(config):
        if DEVICES.fullmatch(key) and not _is_common(key, config[key]):
            yield Obstacle(f"{key} is a device of its node.", NO_COPY)
    if "args" in config:
        yield Obstacle("It has arguments of its own for QEMU (args).", NO_COPY, blocking=False)
    if "hookscript" in config:
        yield Obstacle("It has a hook script, which does not come along.", NO_COPY, blocking=False)


def _is_common(key: str, value: str) -> bool:
    """What every site has: a serial port by a socket, a USB port for a screen's client."""
    return value == "socket" if key.startswith("serial") else key.startswith("usb") and "spice" in value


def _state(config: Config) -> Iterator[Obstacle]:
    if "tpmstate0" in config:
        yield Obstacle(
            "The state of its TPM cannot be read: it gets an empty one at the other site.",
            "Keep the keys that recover what the TPM protects, such as BitLocker's.",
        )
    if config.get("bios") == "ovmf":
        yield Obstacle(
            "Its UEFI variables cannot be read: it gets fresh ones at the other site.",
            "Have a boot loader at the fallback path of its EFI partition.",
            blocking=False,
        )
    if "parent" in config:
        yield Obstacle(
            f"It has snapshots, the last one {shell.arguments(config['parent'])}; they do not come along.",
            "Keep what you need of them elsewhere.",
            blocking=False,
        )


def _cards(config: Config) -> Iterator[Obstacle]:
    for key in sorted(config):
        if CARD.fullmatch(key) and "-" in parts(config[key]).named.get("trunks", ""):
            yield Obstacle(
                f"{key} has a range of VLAN tags, of which only the ends come along.",
                "Name the tags one by one.",
                blocking=False,
            )
