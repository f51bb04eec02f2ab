"""What a disk is moved to: a volume of a storage pool, a file in a folder, a block device or iSCSI disk."""

import errno
import itertools
import os
import re
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import libvirt

from ....datapath.disks import DiskLocation, NetworkDisk, image, same_files
from ....domain import errors, shell
from ....domain.amounts import exact_size, size
from ...settling import DEVICE_FORMAT, DIRECT, NewPlace
from ..host import connection, domain_xml, qemu_img
from . import network_disks

FOLDERS = ("dir", "fs", "netfs")
LOGICAL = "logical"
RAW_ONLY = (LOGICAL, network_disks.RBD)
REMOVE_SECONDS = 45.0
"""A cluster takes a QEMU that was killed for half a minute to be at its image."""
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
    """What was asked for."""
    cache: str = ""
    """As of NewPlace."""
    source: str = ""
    """The element of a definition that names a disk which QEMU reads over the network."""

    @property
    def location(self) -> DiskLocation:
        return NetworkDisk.parse(self.path) or Path(self.path)

    @property
    def is_file(self) -> bool:
        return self.made and not self.source and not Path(self.path).is_block_device()

    @property
    def name(self) -> str:
        """The last part of it: that of its volume, if it is one."""
        place = self.location
        return place.name if isinstance(place, Path) else place.name.rpartition("/")[2]

    def is_at(self, path: str) -> bool:
        """Whether what a definition names is this place, by whatever path or server."""
        own, other = same_files.identity(self.path), same_files.identity(path)
        if own is None or other is None:
            return os.path.realpath(self.path) == os.path.realpath(path)
        return own == other

    @property
    def xml(self) -> str:
        """As libvirt is told of it for a block copy."""
        kind, name = ("file", "file") if self.is_file else ("block", "dev")
        disk = Element("disk", {"type": "network" if self.source else kind})
        SubElement(disk, "driver", {"name": "qemu", "type": self.format})
        if self.source:
            disk.append(domain_xml.parse(self.source))
        else:
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
    """Where the disk will lie. Raises NotFound, NotPossibleNow, InvalidArgument."""
    new.require_cache(need.key)
    found = replace(_found(handle, need, new), cache=new.cache, asked=str(new))
    if new.cache in DIRECT and found.is_file and not _takes_direct(Path(found.path).parent):
        raise errors.NotPossibleNow(
            f"{found.path} would lie in a file system without direct I/O, which the cache mode "
            f"'{new.cache}' of disk {need.key} needs.",
            do="Give 'writeback' or 'writethrough', or another place.",
        )
    return found


def _takes_direct(folder: Path) -> bool:
    """Whether files there can be opened for direct I/O; True if that cannot be tried."""
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_DIRECT, 0o600))
    except OSError as problem:
        return problem.errno != errno.EINVAL
    return True


def _found(handle: Any, need: Need, new: NewPlace) -> Destination:
    if new.format not in FORMATS:
        raise errors.InvalidArgument(
            f"Disk {need.key} cannot be of the format '{new.format}'.", do="Give qcow2 or raw."
        )
    remote = network_disks.iscsi(new.place)
    if remote is not None:
        disk, source = remote
        _require_same(need, new, str(disk), qemu_img.facts(disk).size_bytes)
        return Destination(str(disk), DEVICE_FORMAT, need.size_bytes, made=False, source=source)
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
    name = next(each for each in _names(need, new) if not os.path.lexists(path / each))
    return Destination(str(path / name), new.format, need.size_bytes)


def _names(need: Need, new: NewPlace) -> Iterator[str]:
    """The first of these that is free is taken: a disk that settled here before may have left its file."""
    name = f"{need.machine.replace('/', '-')}-{need.key}"
    yield f"{name}.{new.format}"
    yield from (f"{name}-{number}.{new.format}" for number in itertools.count(2))


def _free_bytes(folder: Path) -> int:
    seen = os.statvfs(folder)
    return seen.f_bavail * seen.f_frsize


def _wants(wanted: Destination, need: Need) -> int:
    is_thin = wanted.is_file or bool(wanted.source)
    return min(need.held_bytes, need.size_bytes) if is_thin else need.size_bytes


def require_space(handle: Any, placed: Collection[tuple[Need, Destination]]) -> None:
    """Raises NotPossibleNow if the disks have no space where they are to lie, together with the others that
    go there."""
    together: defaultdict[str, list[tuple[Need, Destination]]] = defaultdict(list)
    for need, place in placed:
        if place.made:
            together[_space(place)].append((need, place))
    for those in together.values():
        wants = sum(_wants(place, need) for need, place in those)
        free_bytes = _free_at(handle, those[0][1])
        if free_bytes is not None and free_bytes < wants:
            raise _too_little(those, wants, free_bytes)


def _too_little(
    those: Sequence[tuple[Need, Destination]], wants: int, free_bytes: int
) -> errors.NotPossibleNow:
    need, place = those[0]
    where = f"The storage pool '{place.pool}'" if place.pool else str(Path(place.path).parent)
    keys = ", ".join(each.key for each, _ in those)
    what = f"disk {keys} of {need.machine} needs {size(wants)}"
    if len(those) > 1:
        what = f"disks {keys} of {need.machine} need {size(wants)} together"
    return errors.NotPossibleNow(
        f"{where} has {size(free_bytes)} free; {what}.", do="Free space there, or give another place."
    )


def _space(place: Destination) -> str:
    """Names what the place has its space of, the same for all places that share it."""
    return str(os.stat(Path(place.path).parent).st_dev) if place.is_file else place.pool


def _free_at(handle: Any, place: Destination) -> int | None:
    """None: nobody says."""
    if place.is_file:
        return _free_bytes(Path(place.path).parent)
    pool = connection.call("looking for a pool", handle.storagePoolLookupByName, place.pool)
    _, has_bytes, _, free_bytes = connection.call("asking for a pool's space", pool.info)
    return free_bytes if has_bytes else None


def _require_same(need: Need, new: NewPlace, device: str, has_bytes: int) -> None:
    """Raises for a device, which is as it is, unless it fits the disk."""
    if new.format != DEVICE_FORMAT:
        raise errors.InvalidArgument(
            f"A disk on a device is raw; {device} was given for {need.key} as {new.format}.",
            do="Give '--format raw'.",
        )
    if has_bytes != need.size_bytes:
        raise errors.NotPossibleNow(
            f"{device} has {exact_size(has_bytes)}, and disk {need.key} of {need.machine} "
            f"{exact_size(need.size_bytes)}: both must be the same.",
            do="Give a device of that size; or grow the disk to the device's ('virsh blockresize').",
        )


def _device(need: Need, new: NewPlace, path: Path) -> Destination:
    _require_same(need, new, str(path), qemu_img.facts(path, domain_xml.RAW).size_bytes)
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
    if kind in RAW_ONLY and new.format != DEVICE_FORMAT:
        raise errors.InvalidArgument(
            f"Volumes of '{new.place}' are no files, and a disk on one is raw; {need.key} was given as "
            f"{new.format}.",
            do="Give '--format raw'.",
        )
    if kind not in (*FOLDERS, *RAW_ONLY):
        raise errors.NotPossibleNow(
            f"No volume can be made in '{new.place}', which is a pool of the kind '{kind}'.",
            do="Give a pool of folders, of logical volumes or of RBD, or the path of a block device.",
        )
    names = _names(need, new)
    if kind not in FOLDERS:
        names = (re.sub(r"[^\w.-]", "-", name) for name in names)
    name = next(name for name in names if not _is_taken(pool, folder, name))
    path, source = os.path.join(folder, name), ""
    if kind == network_disks.RBD:
        path, source = network_disks.image(handle, root, name)
    return Destination(path, new.format, need.size_bytes, new.place, source=source)


def _is_taken(pool: Any, folder: str, name: str) -> bool:
    return _volume(pool, name) is not None or os.path.lexists(os.path.join(folder, name))


def _volume(pool: Any, name: str) -> Any:
    """The volume of this name; None if there is none."""
    try:
        return connection.call("looking for a volume", pool.storageVolLookupByName, name)
    except errors.FabricError as error:
        if connection.code_of(error) != libvirt.VIR_ERR_NO_STORAGE_VOL:
            raise
        return None


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
    SubElement(root, "name").text = wanted.name
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
    pool = connection.call("looking for a pool", handle.storagePoolLookupByName, wanted.pool)
    deadline = time.monotonic() + (REMOVE_SECONDS if wanted.source else 0)
    while (volume := _volume(pool, wanted.name)) is not None:
        try:
            connection.call("removing a volume", volume.delete, 0)
        except errors.FabricError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
