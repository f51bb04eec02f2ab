"""What a disk is moved to: a volume of a storage pool, a file in a folder, or a block device."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import libvirt

from ....datapath.disks import image
from ....domain import errors, shell
from ....domain.amounts import exact_size, size
from ...settling import DEVICE_FORMAT, NewPlace
from ..host import connection, domain_xml, qemu_img

FOLDERS = ("dir", "fs", "netfs")
LOGICAL = "logical"
FORMATS = (domain_xml.QCOW2, domain_xml.RAW)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where one disk goes. `pool`: the pool whose volume `path` is, if it is one; `made`: it is made for the
    disk, and removed if the disk does not stay there."""

    path: str
    format: str
    size_bytes: int
    pool: str = ""
    made: bool = True
    asked: str = ""
    """The place and the format that were asked for."""

    @property
    def is_device(self) -> bool:
        return not self.made or Path(self.path).is_block_device()

    @property
    def xml(self) -> str:
        """As libvirt is told of it for a block copy."""
        kind, name = ("block", "dev") if self.is_device else ("file", "file")
        disk = Element("disk", {"type": kind})
        SubElement(disk, "driver", {"name": "qemu", "type": self.format})
        SubElement(disk, "source", {name: self.path})
        return ElementTree.tostring(disk, encoding="unicode")


@dataclass(frozen=True, slots=True)
class Need:
    """One disk to place: of which machine, its size, and how much its files hold, in bytes."""

    machine: str
    key: str
    size_bytes: int
    held_bytes: int


def find(handle: Any, need: Need, new: NewPlace) -> Destination:
    """Where the disk will lie. Raises NotFound, NotPossibleNow, AlreadyExists, InvalidArgument."""
    if new.format not in FORMATS:
        raise errors.InvalidArgument(
            f"Disk {need.key} cannot be of the format '{new.format}'.", do="Give qcow2 or raw."
        )
    if not new.place.startswith("/"):
        return _in_pool(handle, need, new)
    path = Path(new.place)
    if path.is_block_device():
        return _device(need, new, path)
    if not path.is_dir():
        raise errors.NotFound(
            f"{path} is no folder and no block device of this host.",
            do="Give the name of a storage pool ('virsh pool-list'), or the path of one that is there.",
        )
    wanted = Destination(str(path / _name(need, new)), new.format, need.size_bytes)
    return _new(wanted, _free_bytes(path), need, str(path))


def _name(need: Need, new: NewPlace) -> str:
    return f"{need.machine.replace('/', '-')}-{need.key}.{new.format}"


def _free_bytes(folder: Path) -> int:
    seen = os.statvfs(folder)
    return seen.f_bavail * seen.f_frsize


def _new(wanted: Destination, free_bytes: int, need: Need, where: str) -> Destination:
    if os.path.lexists(wanted.path):
        raise errors.AlreadyExists(
            f"{wanted.path} is there already, so disk {need.key} of {need.machine} is not copied to it.",
            do="Look what it is; remove or rename it if it is not needed, or give another place.",
        )
    wants = need.size_bytes if wanted.is_device else min(need.held_bytes, need.size_bytes)
    if free_bytes < wants:
        raise errors.NotPossibleNow(
            f"{where} has {size(free_bytes)} free; disk {need.key} of {need.machine} needs {size(wants)}.",
            do="Free space there, or give another place.",
        )
    return wanted


def _device(need: Need, new: NewPlace, path: Path) -> Destination:
    if new.format != DEVICE_FORMAT:
        raise errors.InvalidArgument(
            f"A disk on a block device is raw; {path} was given for {need.key} as {new.format}.",
            do="Give '--format raw'.",
        )
    has_bytes = qemu_img.facts(path, domain_xml.RAW).size_bytes
    if has_bytes != need.size_bytes:
        raise errors.NotPossibleNow(
            f"{path} has {exact_size(has_bytes)}, and disk {need.key} of {need.machine} "
            f"{exact_size(need.size_bytes)}: both must be the same.",
            do="Give a device of that size; or grow the disk to the device's ('virsh blockresize').",
        )
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_EXCL))
    except OSError as problem:
        raise errors.NotPossibleNow(
            f"{path} is in use on this host ({problem.strerror}), so nothing is copied to it.",
            do="Unmount it, or give another device.",
        ) from problem
    return Destination(str(path), DEVICE_FORMAT, need.size_bytes, made=False)


def _in_pool(handle: Any, need: Need, new: NewPlace) -> Destination:
    try:
        pool = connection.call("looking for a pool", handle.storagePoolLookupByName, new.place)
    except errors.FabricError as error:
        raise errors.NotFound(
            f"The host has no storage pool '{new.place}': {error.message}",
            do="'virsh pool-list --all' shows those that there are.",
        ) from error
    if not connection.call("asking for a pool's state", pool.isActive):
        raise errors.NotPossibleNow(
            f"The storage pool '{new.place}' is not active.",
            do=f"Start it: 'virsh pool-start {shell.arguments(new.place)}'.",
        )
    connection.call("refreshing a pool", pool.refresh, 0)
    root = domain_xml.parse(connection.call("reading a pool", pool.XMLDesc, 0))
    kind, folder = root.get("type", ""), root.findtext("target/path", "")
    if kind == LOGICAL and new.format != DEVICE_FORMAT:
        raise errors.InvalidArgument(
            f"Volumes of '{new.place}' are block devices, and a disk on one is raw; {need.key} was given as "
            f"{new.format}.",
            do="Give '--format raw'.",
        )
    if kind not in (*FOLDERS, LOGICAL):
        raise errors.NotPossibleNow(
            f"No volume can be made in '{new.place}', which is a pool of the kind '{kind}'.",
            do="Give a pool of folders or of logical volumes, or the path of a block device.",
        )
    name = _name(need, new) if kind in FOLDERS else _name(need, new).replace(" ", "-")
    wanted = Destination(os.path.join(folder, name), new.format, need.size_bytes, new.place)
    free_bytes = int(connection.call("asking for a pool's space", pool.info)[3])
    return _new(wanted, free_bytes, need, f"The storage pool '{new.place}'")


def make(handle: Any, wanted: Destination) -> None:
    """Make the file or volume, empty. Raises FabricError, NotPossibleNow."""
    path = Path(wanted.path)
    if not wanted.made:
        return
    if wanted.pool:
        _make_volume(handle, wanted)
    elif wanted.format == domain_xml.QCOW2:
        with qemu_img.translated():
            image.create(path, wanted.size_bytes)
    else:
        with path.open("xb") as file:
            file.truncate(wanted.size_bytes)


def _make_volume(handle: Any, wanted: Destination) -> None:
    root = Element("volume")
    SubElement(root, "name").text = os.path.basename(wanted.path)
    SubElement(root, "capacity", {"unit": "bytes"}).text = str(wanted.size_bytes)
    pool = connection.call("looking for a pool", handle.storagePoolLookupByName, wanted.pool)
    kind = domain_xml.parse(connection.call("reading a pool", pool.XMLDesc, 0)).get("type", "")
    if kind in FOLDERS:
        SubElement(root, "allocation", {"unit": "bytes"}).text = "0"
        target = SubElement(root, "target")
        SubElement(target, "format", {"type": wanted.format})
        if wanted.format == domain_xml.QCOW2:
            SubElement(target, "compat").text = "1.1"  # libvirt's default keeps no bitmaps
    text = ElementTree.tostring(root, encoding="unicode")
    volume = connection.call("making a volume", pool.createXML, text, 0)
    has_bytes = int(connection.call("asking for a volume's size", volume.info)[1])
    if has_bytes != wanted.size_bytes:
        connection.call("removing a volume", volume.delete, 0)
        raise errors.NotPossibleNow(
            f"The storage pool '{wanted.pool}' makes volumes of {exact_size(has_bytes)}, and the disk has "
            f"{exact_size(wanted.size_bytes)}.",
            do="Grow the disk to that ('virsh blockresize'), or give another place.",
        )


def remove(handle: Any, wanted: Destination) -> None:
    """Remove what `make` made; harmless if it is gone. What was copied to a device stays there."""
    if not wanted.made:
        return
    if not wanted.pool:
        Path(wanted.path).unlink(missing_ok=True)
        return
    try:
        pool = connection.call("looking for a pool", handle.storagePoolLookupByName, wanted.pool)
        name = os.path.basename(wanted.path)
        volume = connection.call("looking for a volume", pool.storageVolLookupByName, name)
        connection.call("removing a volume", volume.delete, 0)
    except errors.FabricError as error:
        if connection.code_of(error) != libvirt.VIR_ERR_NO_STORAGE_VOL:
            raise
