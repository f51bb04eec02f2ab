"""Converts domain XML to MachineDefinition, and handles our tag inside it.

The tag is a metadata element in our own namespace, so it survives edits, restarts and copies of the XML.
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from ....datapath.disks import DiskLocation, named_files
from ....domain.networks import portgroups
from ....wire.common.machines import DiskDefinition, MachineDefinition, NicDefinition
from ... import foreign_mark
from .. import vlans
from . import network_sources, unescaped

NAMESPACE = foreign_mark.NAMESPACE
PREFIX = "secondsite"
TAG_ELEMENT = f"{{{NAMESPACE}}}machine"
FORBIDDEN = "forbidden"
UNITS = {"b": 1, "bytes": 1, "KB": 1000, "k": 1024, "KiB": 1024, "MB": 1000**2, "M": 1024**2, "MiB": 1024**2,
         "GB": 1000**3, "G": 1024**3, "GiB": 1024**3, "T": 1024**4, "TiB": 1024**4}  # fmt: skip
_OUR_MARK = re.compile(rf"<{PREFIX}:machine\b[^>]*/>")
_PASSWORD = re.compile(r"(<graphics\b[^>]*?\spasswd=)('[^']*'|\"[^\"]*\")")
ElementTree.register_namespace(PREFIX, NAMESPACE)


RAW, QCOW2 = "raw", "qcow2"


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk as the XML has it; `alias` names its device in a running QEMU. `path` is the text of a network
    disk that can be replicated."""

    key: str
    path: str
    format: str
    bus: str
    kind: str
    alias: str | None
    shared: bool
    boot_order: int | None
    encrypted: bool = False
    backed: bool = False
    """Whether the XML names a backing file; the XML of a running machine does if there is one."""
    transient: bool = False
    readonly: bool = False
    network: network_sources.NetworkSource | None = None
    """What a disk that comes over the network is there."""
    volume: str | None = None
    """The pool and the name of a disk that is a volume of a storage pool, as 'pool/name'."""
    is_device: bool = False
    """Whether it is a block device of the host."""

    @property
    def location(self) -> DiskLocation:
        """Where it is; of a network disk that cannot be replicated, nowhere."""
        remote = None if self.network is None else self.network.disk
        return Path(self.path) if remote is None else remote

    @property
    def counts_writes(self) -> bool:
        """Whether its files tell that nobody wrote to it while its machine was off."""
        return not self.is_device and self.network is None

    @property
    def read_as(self) -> str | None:
        """The format as which its file is read; None: as its header says. What a raw file begins with is the
        guest's, and must not be taken for a header."""
        return RAW if self.format == RAW else None

    @property
    def keeps_bitmaps(self) -> bool:
        """Whether its file keeps bitmaps when QEMU ends. The definition does not tell the version of a qcow2
        file, which changes between two starts, so its header is read each time."""
        return self.format == QCOW2 and named_files.keeps_bitmaps(Path(self.path))


def parse(text: str) -> Element:
    """The document; raises FabricError, which tells whose definition it is."""
    return unescaped.parse(text)


def render(root: Element) -> str:
    return ElementTree.tostring(root, encoding="unicode")


def without_passwords(text: str) -> str:
    """The definition that libvirt gave with its secrets. An empty password stays where there was one,
    which libvirt takes for a console that nobody may open."""
    return _PASSWORD.sub(r"\1''", text)


def tag_of(root: Element) -> str | None:
    """Our tag in a domain or network, or None."""
    found = root.find(f"metadata/{TAG_ELEMENT}")
    return None if found is None else found.get("tag")


def is_start_forbidden(root: Element) -> bool:
    """Whether our mark in a domain forbids the machine's start."""
    found = root.find(f"metadata/{TAG_ELEMENT}")
    return found is not None and found.get("start") == FORBIDDEN


def forbid_start(root: Element) -> None:
    """Let our mark in a domain, which has one, forbid the machine's start."""
    for mark in root.iterfind(f"metadata/{TAG_ELEMENT}"):
        mark.set("start", FORBIDDEN)


def started_with_host(root: Element) -> bool:
    """Whether a machine, whose start our mark forbids now, had autostart before."""
    found = root.find(f"metadata/{TAG_ELEMENT}")
    return found is not None and found.get("autostart") == "before"


def set_tag(root: Element, tag: str | None) -> None:
    """Sets our tag, or removes it with None; other metadata stays."""
    metadata = root.find("metadata")
    if metadata is None:
        metadata = Element("metadata")
        root.insert(1, metadata)
    remove(metadata, TAG_ELEMENT)
    if tag is not None:
        ElementTree.SubElement(metadata, TAG_ELEMENT, {"tag": tag})
    if len(metadata) == 0:
        root.remove(metadata)


def with_mark(text: str, tag: str, *, start_forbidden: bool) -> str:
    """A definition, as libvirt gave it, with our mark in place of the one that it has. Everything else stays
    the same to the letter, which no XML parser would guarantee: other programs' metadata must not change."""
    start = f' start="{FORBIDDEN}"' if start_forbidden else ""
    element = f'<{PREFIX}:machine xmlns:{PREFIX}="{NAMESPACE}" tag={quoteattr(tag)}{start}/>'
    if _OUR_MARK.search(text):
        return _OUR_MARK.sub(lambda _: element, text, count=1)
    if "<metadata>" in text:
        return text.replace("<metadata>", f"<metadata>{element}", 1)
    return text.replace("</uuid>", f"</uuid><metadata>{element}</metadata>", 1)


def remove(parent: Element, *names: str) -> None:
    """Removes all children of `parent` with these names."""
    for name in names:
        for element in parent.findall(name):
            parent.remove(element)


def disk_elements(root: Element) -> Iterator[tuple[str, Element]]:
    """Each hard disk's element by its key; CD and floppy drives are left out."""
    for element in root.iterfind("devices/disk"):
        target = element.find("target")
        if element.get("device", "disk") in ("disk", "lun") and target is not None:
            yield target.get("dev", ""), element


def nic_elements(root: Element) -> Iterator[tuple[str, Element]]:
    """Each network card's element by its key, which counts them: net0, net1, ..."""
    for number, element in enumerate(root.iterfind("devices/interface")):
        yield f"net{number}", element


def disks(root: Element) -> tuple[Disk, ...]:
    machine_id = root.findtext("uuid", "")
    return tuple(_disk(key, element, machine_id) for key, element in disk_elements(root))


@functools.lru_cache(maxsize=1024)
def disks_in(text: str) -> tuple[Disk, ...]:
    """The disks of a definition. It is cached: running machines are asked in every cycle, and their
    definitions seldom change."""
    return disks(parse(text))


def _disk(key: str, element: Element, machine_id: str) -> Disk:
    order, remote = _attribute(element, "boot", "order"), network_sources.read(element, machine_id)
    is_read = element.get("type") in ("file", "block") or bool(remote and remote.disk)
    return Disk(
        key=key,
        path=path_of(element),
        format=_attribute(element, "driver", "type") or "raw",
        bus=_attribute(element, "target", "bus") or "virtio",
        kind=element.get("device", "disk") if is_read else element.get("type", ""),
        alias=_attribute(element, "alias", "name"),
        shared=element.find("shareable") is not None,
        boot_order=int(order) if order else None,
        encrypted=any(element.find(path) is not None for path in ("encryption", "source/encryption")),
        backed=element.find("backingStore/source") is not None,
        transient=element.find("transient") is not None,
        readonly=element.find("readonly") is not None,
        network=remote,
        volume=_volume_source(element),
        is_device=element.get("type") == "block",
    )


def _volume_source(element: Element) -> str | None:
    if element.get("type") != "volume":
        return None
    return f"{_attribute(element, 'source', 'pool')}/{_attribute(element, 'source', 'volume')}"


def path_of(element: Element) -> str:
    """The file or device that an element of a disk names, or its network disk; empty if neither."""
    source = element.find("source")
    if source is None:
        return ""
    remote = network_sources.read(element)
    if remote is not None and remote.disk is not None:
        return str(remote.disk)
    return source.get("file") or source.get("dev") or source.get("dir") or ""


def definition(text: str, sizes_bytes: dict[str, int]) -> MachineDefinition:
    """The machine that `text` describes; `sizes_bytes` are the disks' virtual sizes, which XML does not
    have."""
    root = parse(text)
    first = _first_disk(root)
    return MachineDefinition(
        fabric_id=root.findtext("uuid", ""),
        name=root.findtext("name", ""),
        fabric_kind="libvirt",
        vcpus=int(root.findtext("vcpu", "1")),
        memory_bytes=_memory_bytes(root),
        firmware=_firmware(root),
        disks=tuple(
            DiskDefinition(
                key=disk.key, size_bytes=sizes_bytes.get(disk.key, 0), path=disk.path, format=disk.format,
                bus=disk.bus,
                boot_order=1 if disk.key == first else disk.boot_order,
            )
            for disk in disks(root)
        ),
        nics=tuple(_nic(key, element) for key, element in nic_elements(root)),
        native=text,
    )  # fmt: skip


def _first_disk(root: Element) -> str | None:
    """The boot disk of a machine whose definition names only the kind of device: its first disk."""
    kinds = [each.get("dev") for each in root.iterfind("os/boot")]
    keys = [key for key, element in disk_elements(root) if element.get("device", "disk") == "disk"]
    boots_a_kernel = root.find("os/kernel") is not None
    return keys[0] if "hd" in kinds and keys and not boots_a_kernel else None


def _nic(key: str, element: Element) -> NicDefinition:
    network = _attribute(element, "source", "network") or _attribute(element, "source", "bridge")
    return NicDefinition(
        key=key,
        mac=_attribute(element, "mac", "address") or "",
        network=network and portgroups.called(network, _attribute(element, "source", "portgroup")),
        model=_attribute(element, "model", "type") or "virtio",
        vlans=vlans.tags(element),
    )


def _memory_bytes(root: Element) -> int:
    memory = root.find("memory")
    if memory is None or not memory.text:
        return 0
    return int(memory.text) * UNITS[memory.get("unit", "KiB")]


def _firmware(root: Element) -> str:
    boot = root.find("os")
    loader = root.find("os/loader")
    efi = boot is not None and boot.get("firmware") == "efi"
    return "uefi" if efi or (loader is not None and loader.get("type") == "pflash") else "bios"


def _attribute(element: Element, child: str, name: str) -> str | None:
    found = element.find(child)
    return None if found is None else found.get(name)
