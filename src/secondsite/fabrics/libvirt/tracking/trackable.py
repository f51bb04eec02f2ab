"""Obstacles to tracking the changes of a machine."""

import dataclasses
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ....datapath.disks import same_files
from ....datapath.encryption import EncryptionKey
from ....domain import errors, shell
from ... import interface
from ..host import connection, domain_xml, inventory, network_access, network_sources, qemu_img
from . import backup_job, bitmaps, iothreads

MANY_FILES = 20

TRIMMED, TRIM_SAFE_SINCE = ("ide", "sata"), (10, 0)


def obstacles(domain: Any, key: EncryptionKey | None = None, *, unkept: bool) -> Sequence[interface.Obstacle]:
    """All obstacles to tracking a machine. `unkept`: its disks may be such as keep no bitmaps; `key` opens
    disks that we encrypted."""
    root = domain_xml.parse(inventory.definition_xml(domain))
    disks = domain_xml.disks(root)
    return [
        *_of_machine(domain, disks),
        *iothreads.obstacles(domain.connect(), root),
        *_of_trim(domain, disks),
        *(
            dataclasses.replace(obstacle, disk=disk.key)
            for disk in disks
            for obstacle in _of_disk(domain, disk, unkept, key)
        ),
    ]


def _of_machine(domain: Any, disks: Sequence[domain_xml.Disk]) -> Iterator[interface.Obstacle]:
    if not connection.call("reading a machine", domain.isPersistent):
        yield interface.Obstacle(
            "The machine is transient: its definition vanishes when it stops.",
            "Define it with 'virsh define'.",
        )
    if not disks:
        yield interface.Obstacle("The machine has no disk.", "Attach one, or leave the machine unprotected.")
    for disk in disks[backup_job.MOST_CONNECTIONS :]:
        yield interface.Obstacle(
            (
                f"Disk {disk.key} is one of {len(disks)}; QEMU lets at most {backup_job.MOST_CONNECTIONS} be "
                "read at once."
            ),
            "Exclude it, or as many others: a copy elsewhere then runs without them.",
            disk=disk.key,
        )
    for name in connection.call("listing snapshots", domain.snapshotListNames):
        if _is_internal(domain, name):
            # P9: a revert fails beside persistent bitmaps and leaves the machine off.
            yield interface.Obstacle(
                f"Internal snapshot '{name}': it cannot be reverted to while changes are tracked.",
                (
                    f"Delete it with 'virsh snapshot-delete {shell.arguments(domain.name(), name)}', or make "
                    "external ones."
                ),
            )
    for name in bitmaps.checkpoints(domain):
        if not name.startswith(bitmaps.OURS):
            yield interface.Obstacle(
                f"Checkpoint '{name}' belongs to another program, whose backups may collide with ours.",
                "Schedule the other backups so that they are short, or delete the checkpoint.",
                blocking=False,
            )


def _of_trim(domain: Any, disks: Sequence[domain_xml.Disk]) -> Iterator[interface.Obstacle]:
    """QEMU 7.2 hung after 8 to 46 views while a guest discarded blocks all the time, 10.0 did not in 300."""
    trimmed = [disk.key for disk in disks if disk.bus in TRIMMED and disk.kind == "disk"]
    if trimmed and iothreads.version_of_host(domain.connect()) < TRIM_SAFE_SINCE:
        for key in trimmed:
            yield interface.Obstacle(
                f"Disk {key} is on an IDE or SATA bus: QEMU before 10.0 can hang, guest and all, if the "
                "guest discards blocks (TRIM) just as a view is opened.",
                "Attach it by virtio, or let the guest discard nothing (fstrim.timer; Windows: "
                "fsutil behavior set DisableDeleteNotify 1), or upgrade QEMU to 10.0.",
                disk=key,
                blocking=False,
            )


def _of_disk(
    domain: Any, disk: domain_xml.Disk, unkept: bool, key: EncryptionKey | None
) -> Iterator[interface.Obstacle]:
    yield from _of_its_use(disk)
    if disk.network is not None and disk.network.disk is None:
        yield _of_network(disk.key, disk.network)
        return
    if disk.volume is not None:
        yield _of_volume(disk, disk.volume)
        return
    if disk.kind != "disk" or not disk.path:
        yield interface.Obstacle(
            f"Disk {disk.key} is neither an image file nor a disk on a block device ({disk.kind}).",
            "Move it to a qcow2 file, or exclude the disk.",
        )
        return
    try:
        facts = qemu_img.facts(network_access.location(domain, disk), disk.read_as)
    except errors.SecondsiteError as error:
        yield interface.Obstacle(f"Disk {disk.key} cannot be read: {error.message}", error.do)
        return
    if facts.size_bytes == 0:
        yield _of_no_bytes(disk)
    if facts.encrypted and key is None:
        yield interface.Obstacle(
            f"Disk {disk.key} is encrypted, and this appliance has no key.",
            (
                "Give the appliance the key with 'secondsite appliance set-key' and restart it, or exclude "
                "the disk."
            ),
        )
    yield from _of_image(disk, unkept, facts)


def _of_its_use(disk: domain_xml.Disk) -> Iterator[interface.Obstacle]:
    if disk.shared:
        yield interface.Obstacle(f"Disk {disk.key} is shared by several machines.", "Exclude the disk.")
    if disk.transient:
        yield interface.Obstacle(
            (
                f"Disk {disk.key} is transient: its writes vanish when the machine stops, and no checkpoint "
                "can hold them."
            ),
            "Remove <transient/> from the definition, or exclude the disk.",
        )
    if disk.readonly:
        yield interface.Obstacle(
            f"Disk {disk.key} is read-only, so no checkpoint can begin in it.",
            "Remove <readonly/> from the definition, or exclude the disk and copy it to the other site once.",
        )


def require_bytes(sizes_bytes: Mapping[str, int], disks: Iterable[domain_xml.Disk]) -> None:
    """Raises FabricError for a disk that has no bytes: a device that was taken away looks so, and its machine
    did not lose its disk with it."""
    for disk in disks:
        if sizes_bytes.get(disk.key) == 0:
            found = _of_no_bytes(disk)
            raise errors.FabricError(found.what, do=found.do)


def _of_no_bytes(disk: domain_xml.Disk) -> interface.Obstacle:
    return interface.Obstacle(
        f"Disk {disk.key} has no bytes: {disk.path} was emptied, or its device is gone.",
        "Attach the device again ('lsblk' shows what is there), or put the file back; replication goes on by "
        "itself.",
    )


def _of_network(key: str, found: network_sources.NetworkSource) -> interface.Obstacle:
    return interface.Obstacle(f"Disk {key} comes over the network ({found.named}): {found.why}.", found.do)


def require_path(disk: domain_xml.Disk) -> None:
    """Raises FabricError for a disk of which it is not known where it lies."""
    if disk.network is not None and disk.network.disk is None:
        told = _of_network(disk.key, disk.network)
        raise errors.FabricError(told.what, do=told.do)
    if not disk.path and disk.volume is not None:
        found = _of_volume(disk, disk.volume)
        raise errors.FabricError(found.what, do=found.do)


def _of_volume(disk: domain_xml.Disk, volume: str) -> interface.Obstacle:
    pool, _, name = volume.partition("/")
    start = f"virsh pool-start {shell.arguments(pool)}"
    return interface.Obstacle(
        f"Disk {disk.key} is the volume {name} of the storage pool {pool}, of which libvirt here tells "
        "neither a file nor a block device.",
        f"Define the pool again if it is gone ('virsh pool-list --all'), and start it ('{start}'), if it is "
        "one of files or block devices; else move the disk to a qcow2 file, or exclude it.",
    )


def require_format(disk: domain_xml.Disk, *, unkept: bool) -> None:
    """Raises FabricError for a disk whose format cannot be replicated any more: QEMU would call the image
    damaged."""
    if not _has_format(disk, unkept):
        found = _of_format(disk)
        raise errors.FabricError(found.what, do=found.do)


def _has_format(disk: domain_xml.Disk, unkept: bool) -> bool:
    return disk.keeps_bitmaps or (unkept and disk.format in (domain_xml.RAW, domain_xml.QCOW2))


def _of_format(disk: domain_xml.Disk) -> interface.Obstacle:
    if disk.format == domain_xml.QCOW2 and not disk.keeps_bitmaps:
        amend = f"qemu-img amend -o compat=1.1 {shlex.quote(str(disk.path))}"
        return interface.Obstacle(
            f"Disk {disk.key} is qcow2 version 2, which cannot keep bitmaps.",
            f"Turn the machine off and run: {amend}",
        )
    convert = f"qemu-img convert -O qcow2 {shlex.quote(str(disk.path))} NEW, with the machine off"
    return interface.Obstacle(
        f"Disk {disk.key} is {disk.format}, which cannot keep bitmaps.", f"Convert: {convert}."
    )


def _of_image(
    disk: domain_xml.Disk, unkept: bool, facts: qemu_img.ImageFacts
) -> Iterator[interface.Obstacle]:
    kind = "block device" if disk.is_device else "network disk"
    if not disk.counts_writes and disk.format != domain_xml.RAW:
        yield interface.Obstacle(
            f"Disk {disk.key} is {disk.format} inside the {kind} {disk.path}, whose space may end.",
            "Convert it to a qcow2 file, or to raw on the device, with the machine off; or exclude the disk.",
        )
    elif not _has_format(disk, unkept) or facts.format != disk.format:
        yield _of_format(disk)
    if facts.data_file:
        yield interface.Obstacle(
            f"Disk {disk.key} keeps its data in another file, {facts.data_file}: writes that go there past "
            "the qcow2 file are in no recovery point.",
            (
                f"Exclude the disk; or convert it: qemu-img convert -O qcow2 {shlex.quote(str(disk.path))} "
                "NEW, with the machine off."
            ),
        )
    if (files := same_files.count(disk.path, disk.read_as)) > MANY_FILES:
        yield interface.Obstacle(
            f"Disk {disk.key} stands on {files} files: libvirt 10.8 to 11.10 starts no machine with more "
            "than 25, 22 where files are encrypted or have bitmaps, and ends a running one with more when "
            "its daemon is restarted.",
            "Merge its snapshots into a file that no other machine stands on: 'virsh blockcommit MACHINE "
            f"{shlex.quote(disk.key)} --base FILE --active --pivot --wait'. Without --base they are merged "
            "into the lowest file, which may be a shared template.",
            blocking=False,
        )
    for name in facts.snapshots:
        yield interface.Obstacle(
            f"Disk {disk.key} holds the internal snapshot '{name}', which could not be reverted to.",
            (
                f"Delete it with 'virsh snapshot-delete', or 'qemu-img snapshot -d {shlex.quote(name)} "
                f"{shlex.quote(str(disk.path))}'."
            ),
        )


def _is_internal(domain: Any, name: str) -> bool:
    snapshot = connection.call("reading a snapshot", domain.snapshotLookupByName, name, 0)
    root = domain_xml.parse(connection.call("reading a snapshot", snapshot.getXMLDesc, 0))
    return any(disk.get("snapshot") == "internal" for disk in root.iterfind("disks/disk"))
