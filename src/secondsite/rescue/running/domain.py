"""Adapts the libvirt definition that the appliance prepared to the present files. Pure: text in, text out."""

from __future__ import annotations

import itertools
import re
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4, uuid5
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from ..problems import Problem
from ..store import RUN, STAND_IN

SECRETS = UUID("3c0b4f1e-7a3b-4c43-9a0e-0d8f5f3f6b11")
"""The namespace of the ids by which appliances name their keys, so that libvirt has one secret for each
key."""


TARGET = re.compile(r"(vd|sd|hd)[a-z]{1,3}")
PREFIXES = {"scsi": "sd", "sata": "sd", "usb": "sd", "ide": "hd"}


@dataclass(frozen=True)
class Files:
    """Where the machine's files are. `chains`: of encrypted disks all files of the chain, top first;
    `networks`: of each card, by the MAC address that the definition has; None: not connected. `as_it_was`:
    the machine comes home, with disks that were not replicated. `buses`: of disks, where they are known."""

    disks: Mapping[str, Path]
    chains: Mapping[str, Sequence[Path]]
    key_id: str | None
    variables: Path | None
    networks: Mapping[str, str | None]
    as_it_was: bool = False
    buses: Mapping[str, str] = field(default_factory=dict)


def added(text: str, files: Files) -> list[str]:
    """The keys of the disks that the definition does not have: they came after it was written. First those
    that are the name of their place."""
    found = ElementTree.fromstring(text).iterfind("devices/disk")
    keys = files.disks.keys() - {_key(each, files) for each in found}
    return sorted(keys, key=lambda key: (TARGET.fullmatch(key) is None, key))


def placed(text: str, files: Files) -> str:
    """The definition for libvirt, with these files. Raises Problem."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise Problem(
            f"The definition that was kept ready cannot be read: {error}.", "Use plain QEMU: --qemu."
        ) from None
    devices = root.find("devices")
    if devices is None:
        raise Problem("The definition that was kept ready has no devices.", "Use plain QEMU: --qemu.")
    for key in added(text, files):
        _add(devices, key, files)
    for disk in devices.findall("disk"):
        _place(devices, disk, files)
    there = {_mac(card): card for card in devices.findall("interface")}
    lacking = [
        f"{network} for {mac}" for mac, network in files.networks.items() if network and mac not in there
    ]
    if lacking:
        raise Problem(
            (
                "The definition that was kept ready lacks the cards that are to be connected: "
                f"{', '.join(lacking)}."
            ),
            "Use plain QEMU: --qemu; or leave these cards out.",
        )
    for mac, card in there.items():
        if mac in files.networks:
            _connect(devices, card, files.networks[mac])
    generation = root.find("genid")
    if generation is not None:  # it goes back in time, and its guest learns that from another one
        generation.text = str(uuid4())
    nvram = root.find("os/nvram")
    if nvram is not None and files.variables is not None:
        nvram.text = str(files.variables)
    return ElementTree.tostring(root, encoding="unicode")


def variables(definition: str) -> list[Path]:
    """The paths of the UEFI variables' file; empty if there is none."""
    named = (ElementTree.fromstring(definition).findtext("os/nvram") or "").strip()
    return [Path(named)] if named else []


def secret(key_id: str) -> tuple[str, str]:
    """The id and the definition of the secret that opens what is encrypted with this key."""
    root, name = Element("secret", {"ephemeral": "yes", "private": "yes"}), str(uuid5(SECRETS, key_id))
    SubElement(root, "uuid").text = name
    SubElement(root, "description").text = f"secondsite, encryption at rest, key {key_id}"
    return name, ElementTree.tostring(root, encoding="unicode")


def _add(devices: Element, key: str, files: Files) -> None:
    """A disk that came after the definition was written. A machine was once started without it, and nothing
    said so."""
    bus = files.buses.get(key, "virtio")
    disk = Element("disk", {"type": "file", "device": "disk"})
    SubElement(disk, "driver", {"name": "qemu", "type": "qcow2"})
    SubElement(disk, "source", {"file": f"{RUN}/{key}.qcow2"})
    SubElement(disk, "target", {"dev": _free_target(devices, key, bus), "bus": bus})
    devices.append(disk)


def _free_target(devices: Element, key: str, bus: str) -> str:
    taken = {str(each.get("dev")) for each in devices.iterfind("disk/target")}
    wanted = [key] if TARGET.fullmatch(key) else []
    return next(each for each in itertools.chain(wanted, _targets(bus)) if each not in taken)


def _targets(bus: str) -> Iterator[str]:
    for length in itertools.count(1):
        for letters in itertools.product(string.ascii_lowercase, repeat=length):
            yield PREFIXES.get(bus, "vd") + "".join(letters)


def _key(disk: Element, files: Files) -> str | None:
    """Of a replicated disk, which is recognized by its file's name; None for any other, and for drives."""
    source = disk.find("source")
    if source is None or source.get("file") is None or disk.get("device", "disk") != "disk":
        return None
    path = Path(str(source.get("file")))
    return None if files.as_it_was and path.parent.name != RUN else path.stem.removesuffix(STAND_IN)


def _place(devices: Element, disk: Element, files: Files) -> None:
    """Point a replicated disk to its file; one that the point lacks is removed."""
    key = _key(disk, files)
    if key is None:
        return
    if key not in files.disks:
        devices.remove(disk)
        return
    for name in ("source", "backingStore", "encryption"):
        for found in disk.findall(name):
            disk.remove(found)
    above = disk
    for number, path in enumerate(files.chains.get(key, (files.disks[key],))):
        if number:
            above = SubElement(above, "backingStore", {"type": "file"})
            SubElement(above, "format", {"type": "qcow2"})
        laid = SubElement(above, "source", {"file": str(path)})
        if key in files.chains and files.key_id is not None:
            encryption = SubElement(laid, "encryption", {"format": "luks"})
            SubElement(encryption, "secret", {"type": "passphrase", "uuid": secret(files.key_id)[0]})
    if key in files.chains:
        SubElement(above, "backingStore")


def portgroups(text: str) -> list[tuple[str, str]]:
    """The portgroups that a definition's cards are in, each with its network."""
    found = ElementTree.fromstring(text).iterfind("devices/interface/source[@portgroup]")
    return [(str(each.get("network")), str(each.get("portgroup"))) for each in found]


def _mac(card: Element) -> str:
    found = card.find("mac")
    return "" if found is None else str(found.get("address")).lower()


def _connect(devices: Element, card: Element, network: str | None) -> None:
    if network is None:
        devices.remove(card)
        return
    for found in card.findall("source"):
        card.remove(found)
    kind = "bridge" if Path(f"/sys/class/net/{network}/bridge").is_dir() else "network"
    card.set("type", kind)
    name, _, portgroup = network.partition("/")
    SubElement(card, "source", {kind: name} | ({"portgroup": portgroup} if portgroup else {}))
