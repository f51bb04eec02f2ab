"""Merges a disk's chain back into one file, for a running machine or one that is off.

It can be repeated: a disk that is already on the wanted file is skipped, and a merge that an earlier attempt
began is continued."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import libvirt

from ....datapath.disks import image
from ....domain import errors
from ....domain.amounts import exact_size
from ..host import connection, domain_xml, inventory, qemu_img

POLL_SECONDS = 0.1
STALL_SECONDS = 300.0

Progress = Callable[[float], None]


def left(domain: Any, disks: Mapping[str, Path]) -> list[str]:
    """The disks that are not on their own files yet."""
    root = domain_xml.parse(inventory.live_xml(domain))
    return [key for key, base in disks.items() if not _lies_on(_disk_element(root, key), base)]


def require_room(domain: Any, disks: Mapping[str, Path]) -> None:
    """Raises NotPossibleNow for a disk that has outgrown the block device that it would be merged into."""
    devices = {key: base for key, base in disks.items() if base.is_block_device()}
    known = [disk for disk in inventory.live_disks(domain) if disk.key in devices]
    for key, size_bytes in inventory.sizes_bytes(domain, known).items():
        has_bytes = qemu_img.facts(devices[key], domain_xml.RAW).size_bytes
        if size_bytes > has_bytes:
            raise errors.NotPossibleNow(
                f"Disk {key} of '{domain.name()}' has {exact_size(size_bytes)} now, and {devices[key]}, on "
                f"which it was, {exact_size(has_bytes)}.",
                do=f"Enlarge that ('lvextend' for a logical volume); then retry. {domain.name()} runs on "
                "meanwhile.",
            )


def off(domain: Any, disks: Mapping[str, Path], progress: Progress, define: Callable[[str], object]) -> None:
    """Merges with qemu-img, then points the definition to the merged files."""
    root = domain_xml.parse(inventory.definition_xml(domain, libvirt.VIR_DOMAIN_XML_SECURE))
    for number, (key, base) in enumerate(disks.items()):
        element = _disk_element(root, key)
        if not _lies_on(element, base):
            with qemu_img.translated():
                form = _format_of(base, Path(_source(element)))
                image.commit(Path(_source(element)), base)
            _point_to(element, base, form)
            define(domain_xml.render(root))
        progress((number + 1) / len(disks))


def running(domain: Any, disks: Mapping[str, Path], progress: Progress) -> None:
    """Merges with block jobs, one disk after the other; the machine runs on."""
    for number, (key, base) in enumerate(disks.items()):
        element = _live_element(domain, key)
        if not _lies_on(element, base):
            if not connection.call("looking for a merge", domain.blockJobInfo, key, 0):
                _begin(domain, key, element, base)
            _finish(domain, key, base, _part(progress, number, len(disks)))
        progress((number + 1) / len(disks))


def _part(progress: Progress, number: int, total: int) -> Progress:
    """Reports progress of one disk as progress of all."""
    return lambda share: progress((number + share) / total)


def _begin(domain: Any, key: str, element: Element, base: Path) -> None:
    link = _link_to(element, base)
    if link is None:
        raise errors.FabricError(
            f"Disk {key} of '{domain.name()}' does not rest on {base}.",
            do="Compare with 'virsh domblklist' and 'qemu-img info --backing-chain -U'.",
        )
    flags = libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE
    connection.call("beginning a merge", domain.blockCommit, key, f"{key}[{link}]", None, 0, flags)


def _finish(domain: Any, key: str, base: Path, progress: Progress) -> None:
    """Waits until both files are equal, then switches the machine to the lower one."""
    seen, furthest, moved_at = -1, 0.0, time.monotonic()
    while not _lies_on(_live_element(domain, key), base):
        job = connection.call("watching a merge", domain.blockJobInfo, key, 0)
        if not job and not _lies_on(_live_element(domain, key), base):
            raise errors.FabricError(f"The merge of disk {key} of '{domain.name()}' was cancelled or failed.")
        if job and job["cur"] != seen:
            seen, moved_at = job["cur"], time.monotonic()
            # The guest goes on writing, so the end moves.
            furthest = max(furthest, seen / job["end"] if job["end"] else 0.0)
            progress(furthest)
        if time.monotonic() - moved_at > STALL_SECONDS:
            raise errors.DeadlineExceeded(
                f"The merge of disk {key} of '{domain.name()}' stands still at {seen} bytes.",
                do="Check the storage that it lies on; the job goes on from there when it is retried.",
            )
        if _is_ready(domain, key):
            _pivot(domain, key)
        time.sleep(POLL_SECONDS)


def _pivot(domain: Any, key: str) -> None:
    try:
        connection.call("ending a merge", domain.blockJobAbort, key, libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
    except errors.FabricError as error:
        if connection.code_of(error) not in (
            libvirt.VIR_ERR_BLOCK_COPY_ACTIVE,
            libvirt.VIR_ERR_OPERATION_INVALID,
        ):
            raise


def _is_ready(domain: Any, key: str) -> bool:
    mirror = _live_element(domain, key).find("mirror")
    return mirror is not None and mirror.get("ready") == "yes"


def _live_element(domain: Any, key: str) -> Element:
    return _disk_element(domain_xml.parse(inventory.live_xml(domain)), key)


def _disk_element(root: Element, key: str) -> Element:
    for found, element in domain_xml.disk_elements(root):
        if found == key:
            return element
    raise errors.FabricError(f"The machine '{root.findtext('name')}' has no disk {key}.")


def _source(element: Element) -> str:
    source = element.find("source")
    return "" if source is None else _path(source)


def _path(source: Element) -> str:
    return source.get("file") or source.get("dev") or ""


def _lies_on(element: Element, base: Path) -> bool:
    return _same(_source(element), base)


def _same(path: str, base: Path) -> bool:
    return bool(path) and Path(path).resolve() == base.resolve()


def _link_to(element: Element, base: Path) -> str | None:
    """libvirt's index of `base` in the disk's backing chain."""
    for link in element.iter("backingStore"):
        source = link.find("source")
        if source is not None and _same(_path(source), base):
            return link.get("index")
    return None


def _format_of(base: Path, top: Path) -> str:
    """The format as which the files above have the one at the bottom."""
    return next((link.image_format for link in image.chain(top) if _same(str(link.path), base)), "qcow2")


def _point_to(element: Element, base: Path, form: str) -> None:
    source, driver = element.find("source"), element.find("driver")
    assert source is not None
    kind, name = ("block", "dev") if base.is_block_device() else ("file", "file")
    element.set("type", kind)
    for other in ("file", "dev"):
        source.attrib.pop(other, None)
    source.set(name, str(base))
    if driver is not None:
        driver.set("type", form)
    for stale in element.findall("backingStore"):
        element.remove(stale)
