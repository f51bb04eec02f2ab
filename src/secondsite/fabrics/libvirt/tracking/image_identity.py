"""Records which files the bitmaps of each checkpoint belong to.

A restored or copied image may have a bitmap of ours that looks whole but misses changes in between (P17). So
the numbers of the files of a disk's chain are recorded with each checkpoint, and its bitmap counts only where
it can have come from:

    the file it was made in              nothing happened
    overlays above that file             external snapshots (P10): hypervisors begin the same bitmap in each
    overlay
    a file that was below that file      overlays were committed down to it, with their bitmaps

A file without a bitmap of the checkpoint must be below those that have one, and must have been there then:
its owner may have replaced it. Bitmaps of different sizes cannot be merged: a disk that grew above a snapshot
is compared.

A checkpoint's name is never used twice, so an older copy of an image does not have it. But another disk of
the machine does: see `left_files`."""

import hashlib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import structlog

from ....datapath.disks import DiskLocation, NetworkDisk, image
from ....domain import errors
from ....ground import durable
from ....ground.real_files import FileNumber, file_number
from ... import interface
from ..host import domain_xml, inventory, network_access, qemu_img
from . import bitmaps
from .kept_changes import KeptChanges

log = structlog.get_logger(__name__)

KEPT = 8
IN_KEEPER = FileNumber(0, 0)
"""Stands, before its number, for a keeper that has the changes; no file has this one."""
Chain = Sequence[FileNumber]
"""Numbers of the files of a chain, top first; without the device's number, which may change at a reboot."""
Checkpoints = dict[str, dict[str, Chain]]
"""Chains by checkpoint name and disk key."""


class Identities:
    """The recorded files: one small file per machine in `folder`; without one nothing can be compared."""

    def __init__(self, folder: Path, kept: KeptChanges) -> None:
        self._folder, self._kept = folder, kept
        self._known: dict[str, tuple[tuple[int, int], Checkpoints]] = {}
        """The content of each record, by its inode and time: it is read in every cycle, and replaced by a
        view."""

    def record(
        self, domain: Any, disks: Sequence[domain_xml.Disk], checkpoint: str, base: str | None, *, runs: bool
    ) -> None:
        """Records the files of a new checkpoint; those of the base and of the last few views stay. A power
        cut loses the bitmaps of a machine that `runs`, so its record need not survive one."""
        known = self._read(domain.UUIDString())
        pinned = {name: known[name] for name in (base,) if name in known}
        kept = {**dict(list(known.items())[-KEPT:]), **pinned}
        kept[checkpoint] = {disk.key: chain for disk in disks if (chain := _chain(disk, runs))}
        self._write(domain.UUIDString(), kept, flush=not runs)

    def distrust(self, domain: Any, keys: Collection[str]) -> None:
        """Distrust all bitmaps that these disks have now; durable."""
        known = self._read(domain.UUIDString())
        kept = {
            name: {key: chain for key, chain in by_disk.items() if key not in keys}
            for name, by_disk in known.items()
        }
        if kept != known:
            self._write(domain.UUIDString(), kept)

    def rest_on(self, domain: Any, key: str, keeper: Path) -> None:
        """Notes that what a disk's checkpoints do not have is in the bitmaps of its keeper; durable."""
        number, known = file_number(keeper), self._read(domain.UUIDString())
        chain = [] if number is None else [IN_KEEPER, number]
        kept = {name: {**by_disk, key: chain} for name, by_disk in known.items()}
        self._write(domain.UUIDString(), kept)

    def move(self, domain: Any, key: str, place: DiskLocation) -> None:
        """Notes that a disk is in this place now, with all bitmaps that it had; durable."""
        number, known = _number(place), self._read(domain.UUIDString())
        chain = [] if number is None else [number]
        kept = {name: {**by_disk, key: chain} for name, by_disk in known.items() if key in by_disk}
        self._write(domain.UUIDString(), {**known, **kept})

    def same(self, domain: Any, disk: domain_xml.Disk, checkpoint: str) -> bool:
        """Whether the bitmap of `checkpoint` that a running disk has now has all changes since. QEMU keeps
        files below the top read-only, so their bitmaps are as stored."""
        origin = self._origin(domain, disk, checkpoint)
        if not disk.backed and _is_top(disk, origin):
            return self._named(domain, disk, checkpoint)
        found = _holders(_links(disk), origin, checkpoint, top_is_whole=True)
        return bool(found) and self._named(domain, disk, checkpoint)

    def holders(self, domain: Any, disk: domain_xml.Disk, checkpoint: str) -> tuple[DiskLocation, ...]:
        """The files of a disk at rest whose bitmaps of `checkpoint` together have all changes since; none
        if they cannot be trusted. Of a disk that keeps no bitmaps, its keeper if that has them, or its file
        if nothing was written since."""
        origin = self._origin(domain, disk, checkpoint)
        if not disk.keeps_bitmaps and IN_KEEPER in origin:
            keeper = self._kept.path(domain.UUIDString(), disk.key)
            is_its = _is_any(keeper, origin) and _has(keeper, checkpoint, disk, domain)
            return (keeper,) if is_its else ()
        if not disk.keeps_bitmaps:
            return (disk.location,) if _is_top(disk, origin) else ()
        links = _links(disk)
        found = _holders(links, origin, checkpoint)
        return tuple(link.path for link in found)

    def unmoved(self, domain: Any, disk: domain_xml.Disk, checkpoint: str) -> bool:
        """As `same`, but without a snapshot in between: a snapshot's overlay begins new bitmaps, and earlier
        writes are marked only in the files below. A file's number alone does not prove this: not all file
        systems tell whether a number was used again."""
        origin = self._origin(domain, disk, checkpoint)
        if not _is_top(disk, origin):
            return False
        if not disk.backed:
            return self._named(domain, disk, checkpoint)
        links = _links(disk)
        is_below = any(checkpoint in link.bitmaps for link in links[1:])
        if is_below or not _holders(links, origin, checkpoint, top_is_whole=True):
            return False
        return self._named(domain, disk, checkpoint)

    def recorded(self, fabric_id: str) -> Collection[str]:
        """The checkpoints whose files are known."""
        return self._read(fabric_id).keys()

    def forget(self, fabric_id: str) -> None:
        self._path(fabric_id).unlink(missing_ok=True)
        self._known.pop(fabric_id, None)

    def hand_over(self, fabric_id: str) -> str:
        """The record of a machine, for `take_over` at another host; empty without one."""
        known = self._read(fabric_id)
        return json.dumps(known) if known else ""

    def take_over(self, fabric_id: str, known: str, keys: Collection[str]) -> None:
        """Replaces the record by one from another host, of these disks only: bitmaps that no file keeps do
        not come along. Durable."""
        try:
            found = {name: _chains(by_disk) for name, by_disk in json.loads(known or "{}").items()}
        except (ValueError, TypeError, AttributeError):
            found = {}
        kept = {
            name: {key: chain for key, chain in by_disk.items() if key in keys}
            for name, by_disk in found.items()
        }
        self._write(fabric_id, kept)

    def _origin(self, domain: Any, disk: domain_xml.Disk, checkpoint: str) -> Chain:
        return self._read(domain.UUIDString()).get(checkpoint, {}).get(disk.key, ())

    def _named(self, domain: Any, disk: domain_xml.Disk, checkpoint: str) -> bool:
        """Always True; completes the record of files that were just found to be those of the checkpoint: a
        former release recorded too little to tell them from a later file with the same number."""
        origin = self._origin(domain, disk, checkpoint)
        if all(number.generation is not None for number in origin):
            return True
        paths = [link.path for link in _links(disk)] if disk.backed else [disk.location]
        now = {number.inode: number for path in paths if (number := _number(path))}
        named = [
            number if number.generation is not None else now.get(number.inode, number) for number in origin
        ]
        if named != list(origin):
            known = self._read(domain.UUIDString())
            kept = {**known, checkpoint: {**known[checkpoint], disk.key: named}}
            self._write(domain.UUIDString(), kept)
        return True

    def _write(self, fabric_id: str, kept: Checkpoints, *, flush: bool = True) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        write = durable.write if flush else durable.replace
        write(self._path(fabric_id), json.dumps(kept))

    def _path(self, fabric_id: str) -> Path:
        return self._folder / f"{fabric_id}.json"

    def _read(self, fabric_id: str) -> Checkpoints:
        path = f"{self._folder}/{fabric_id}.json"
        try:
            seen = os.stat(path)
            mark = (seen.st_ino, seen.st_mtime_ns)
            known = self._known.get(fabric_id)
            if known is not None and known[0] == mark:
                return known[1]
            content = json.loads(Path(path).read_text())
        except (FileNotFoundError, ValueError):
            return {}
        found = {name: _chains(by_disk) for name, by_disk in content.items()}
        self._known[fabric_id] = (mark, found)
        return found


def _chains(by_disk: Mapping[str, Any]) -> dict[str, Chain]:
    """The release of 2026-11-20 recorded the inode of the top file only, and the one after it those of
    all."""
    return {
        key: [FileNumber(each, None) if isinstance(each, int) else FileNumber(*each) for each in chain]
        for key, found in by_disk.items()
        for chain in ([found] if isinstance(found, int) else found,)
    }


def _is_top(disk: domain_xml.Disk, origin: Chain) -> bool:
    now = _number(disk.location)
    return bool(origin) and now is not None and now.is_same(origin[0])


def _has(keeper: Path, checkpoint: str, disk: domain_xml.Disk, domain: Any) -> bool:
    """Whether the keeper has whole bitmaps of the checkpoint, and for the size that the disk has now."""
    try:
        facts = qemu_img.facts(keeper, "qcow2")
        with qemu_img.translated():
            image.check_keeper(keeper, facts.size_bytes)
        return facts.bitmaps.get(checkpoint, False) and facts.size_bytes == _size_bytes(domain, disk)
    except errors.SecondsiteError as problem:
        log.warning("keeper.not-read", disk=disk.path, problem=problem.message)
        return False


def _size_bytes(domain: Any, disk: domain_xml.Disk) -> int:
    return qemu_img.facts(network_access.location(domain, disk), disk.read_as).size_bytes


def _number(place: DiskLocation) -> FileNumber | None:
    """The identity of a file, or one that is made of a network disk's."""
    if isinstance(place, NetworkDisk):
        told = hashlib.sha256(place.identity.encode()).digest()
        return FileNumber(int.from_bytes(told[:8]), None)
    return file_number(place)


def _is_any(path: DiskLocation, origin: Chain) -> bool:
    """Whether the file is one of these; a missing file is not."""
    now = _number(path)
    return now is not None and any(now.is_same(each) for each in origin)


def _holders(
    links: Sequence[qemu_img.ImageFacts], origin: Chain, name: str, top_is_whole: bool = False
) -> Sequence[qemu_img.ImageFacts]:
    """The files from the top down that have the bitmap whole, if one of them is of the chain that it was
    made in, as all below them are."""
    whole = {id(link) for at, link in enumerate(links) if link.bitmaps.get(name) or (top_is_whole and not at)}
    found = list(takewhile(lambda link: id(link) in whole, links))
    is_one_size = len({link.size_bytes for link in found}) == 1
    below = [link.path for link in links[len(found) :]]
    is_of_it = any(_is_any(link.path, origin) for link in found) and all(
        _is_any(path, origin) for path in below if isinstance(path, Path) and path.exists()
    )
    return found if is_one_size and is_of_it else ()


def _chain(disk: domain_xml.Disk, runs: bool) -> list[FileNumber]:
    is_one = disk.network is not None or (runs and not disk.backed)
    paths = [disk.location] if is_one else [link.path for link in _links(disk)]
    return [number for each in paths if (number := _number(each))]


def _links(disk: domain_xml.Disk) -> list[qemu_img.ImageFacts]:
    """The files of a disk's chain, top first; a network disk keeps nothing, and none is known of it."""
    if disk.network is not None:
        return []
    try:
        return qemu_img.chain(Path(disk.path), disk.read_as)
    except errors.SecondsiteError:
        return []


# Is a machine that another program defined anew, without our tag, still the one that we replicate? Its id
# may be in anybody's file of a definition. A checkpoint's name is used once, so disks that carry its bitmap
# are the machine's; and a machine that runs keeps our tag in the definition that it runs with, whatever was
# defined for its next start.


def is_sure(domain: Any, had: interface.AcknowledgedDisks) -> bool:
    """Whether the machine is certainly the one that had this checkpoint. Raises FabricError, NotFound."""
    runs = inventory.power_of(domain).is_on
    if runs and domain_xml.tag_of(domain_xml.parse(inventory.live_xml(domain))) is not None:
        return _stands_on_the_same(domain, had.disks)
    if not had.base or not had.disks:
        return False
    found = bitmaps.look(domain).bitmaps if runs else _stored(domain)
    return all(had.base in found.get(key, {}) for key in had.disks)


def _stands_on_the_same(domain: Any, keys: tuple[str, ...]) -> bool:
    """Whether its next start would use the disks that it runs on now."""
    now = {disk.key: disk.path for disk in inventory.live_disks(domain)}
    stored = domain_xml.disks(domain_xml.parse(inventory.definition_xml(domain)))
    then = {disk.key: disk.path for disk in stored}
    return all(key in now and now[key] == then.get(key) for key in keys)


def _stored(domain: Any) -> dict[str, set[str]]:
    """By disk key, the names of the bitmaps in all files of the chain: a snapshot's overlay may have none."""
    disks = domain_xml.disks(domain_xml.parse(inventory.definition_xml(domain)))
    return {disk.key: _names(disk) for disk in disks if disk.path}


def _names(disk: domain_xml.Disk) -> set[str]:
    return {name for link in _links(disk) for name in link.bitmaps}
