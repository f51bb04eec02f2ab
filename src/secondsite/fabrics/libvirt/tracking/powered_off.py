"""The view of a machine that is off: its images, read in place with the bitmaps of the base (P12).

A fresh checkpoint begins in the images first: it is the base of the next view, and tells afterwards whether
anybody wrote meanwhile (QEMU marks it as in use before a guest runs; an image that was put back does not have
it). A raw file keeps none: its size and its times tell that, and of a block device the count of its
writes. So the images need no lock while they are read, and their owner can start the machine at any time: the
view is then invalid, and the next one continues from the same base."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ....datapath import errors as datapath_errors
from ....datapath.disks import DiskLocation, StorageDaemon
from ....datapath.encryption import EncryptionKey
from ... import file_looks, interface
from ..host import domain_xml, network_access, qemu_img
from . import bitmaps, trackable

Holders = Mapping[str, Sequence[DiskLocation]]
"""By disk key, the files whose bitmaps of the base have all changes since; no files if there is no usable
base. Of a disk that keeps no bitmaps, its keeper, or its file if nothing was written to it since the base."""


@contextlib.contextmanager
def view(
    domain: Any,
    request: interface.SessionRequest,
    disks: Sequence[domain_xml.Disk],
    holders: Holders,
    is_unwritten: Callable[[], bool],
    folder: Path,
    key: EncryptionKey | None = None,
) -> Iterator[interface.ChangeSession]:
    """The disks over NBD from a daemon in `folder`, which ends with the context. The new checkpoint has
    begun; `is_unwritten` tells whether nobody wrote to disks that keep no bitmaps since before `holders` were
    found. Of a view on trial no checkpoint has begun, and it does not matter who writes."""
    asked = {disk.key: disk for disk in disks if disk.key in request.disks}
    places = {name: network_access.location(domain, disk) for name, disk in asked.items()}
    taken_at = datetime.now(UTC)
    facts = {name: qemu_img.facts(places[name], disk.read_as) for name, disk in asked.items()}
    trackable.require_bytes({name: found.size_bytes for name, found in facts.items()}, asked.values())
    keys = {disk: key if facts[disk].encrypted else None for disk in places}
    told_by = {name: _told_by(disk, holders.get(name, ())) for name, disk in asked.items()}
    daemon = StorageDaemon(folder)

    def holds() -> bool:
        try:
            return is_unwritten() and all(
                daemon.marked_bytes(Path(disk.path), request.new_checkpoint, keys[name]) == 0
                for name, disk in asked.items()
                if disk.keeps_bitmaps
            )
        except datapath_errors.DatapathError:
            return False

    try:
        with qemu_img.translated():
            served = {
                disk: daemon.serve_at_rest(
                    places[disk],
                    disk,
                    image_format=asked[disk].read_as,
                    **told_by[disk],
                    bitmap=request.base or "",
                    key=keys[disk],
                )
                for disk in request.disks
            }
        yield interface.ChangeSession(
            taken_at=taken_at,
            checkpoint=None if request.trial else request.new_checkpoint,
            disks=tuple(
                interface.DiskChanges(
                    disk,
                    facts[disk].size_bytes,
                    daemon.nbd_socket,
                    disk,
                    names,
                    while_comparing=not asked[disk].counts_writes and "keeper" not in told_by[disk],
                )
                for disk, names in served.items()
            ),
            at_rest=True,
            holds=(lambda: True) if request.trial else holds,
        )
    finally:
        daemon.stop()


def _told_by(disk: domain_xml.Disk, holders: Sequence[DiskLocation]) -> dict[str, Any]:
    """What tells the changes of a disk, as arguments of `serve_at_rest`."""
    if disk.keeps_bitmaps or not holders:
        return {"holders": holders}
    return {"unchanged": True} if holders == (disk.location,) else {"keeper": holders[0]}


def unwritten(
    disks: Sequence[domain_xml.Disk], base: str, folder: Path, key: EncryptionKey | None = None
) -> interface.Unwritten | None:
    """As `Tracking.unwritten`, for the top files of these disks. Of those that keep no bitmaps the caller
    knows that they are as they were; of a block device and a network disk nothing proves it."""
    if not all(disk.counts_writes for disk in disks):
        return None
    facts = {disk.key: qemu_img.facts(Path(disk.path), disk.read_as) for disk in disks}
    kept = [facts[disk.key] for disk in disks if disk.keeps_bitmaps]
    if any([name for name in found.bitmaps if name.startswith(bitmaps.OURS)] != [base] for found in kept):
        return None
    taken_at, daemon = datetime.now(UTC), StorageDaemon(folder)
    try:
        with qemu_img.translated():
            for disk in (disk for disk in disks if disk.keeps_bitmaps):
                opens = key if facts[disk.key].encrypted else None
                if daemon.marked_bytes(Path(disk.path), base, opens) != 0:
                    return None
    finally:
        daemon.stop()
    return interface.Unwritten(taken_at, {name: found.size_bytes for name, found in facts.items()})


def begin(
    request: interface.SessionRequest, disks: Sequence[domain_xml.Disk], key: EncryptionKey | None
) -> None:
    """Begin the new checkpoint in each disk of the request. Raises FabricError, for instance if another
    program has an image open for writing."""
    for disk in disks:
        if disk.key in request.disks and disk.keeps_bitmaps:
            qemu_img.add_bitmap(Path(disk.path), request.new_checkpoint, key)


def unkept_looks(
    request: interface.SessionRequest, disks: Iterable[domain_xml.Disk]
) -> Sequence[file_looks.Looks]:
    """The present state of the files of the request that keep no bitmaps: a guest's write changes it. Nothing
    tells that of a network disk."""
    asked = (disk for disk in disks if disk.key in request.disks and disk.network is None)
    return [file_looks.seen([disk.path]) for disk in asked if not disk.keeps_bitmaps]


def end_left_over(daemons: Path) -> None:
    """End the daemons of views whose process died."""
    for pid_file in daemons.glob("*/storage-daemon.pid"):
        StorageDaemon(pid_file.parent).end_left_over()
