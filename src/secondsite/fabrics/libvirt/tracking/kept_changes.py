"""Keeps what a machine writes until it is off to disks that keep no bitmaps, so that a planned move need not
compare them.

Before the guest is asked to shut down, each such disk is led through a keeper: a small qcow2 file whose data
file is the disk, as it is. It holds our bitmaps, and QEMU writes them when it ends. They count where nobody
can have written since: the machine was not started, the file is that of then, and it was last written before
the bitmaps were. A block device has no times, nor has a network disk: of it, as of any disk whose machine
runs, what other programs write is not noticed."""

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ....datapath.disks import image
from ....ground import durable, real_files
from ..host import domain_xml, monitor, qemu_img
from . import bitmaps, filter_view, filters

CLUSTER_BYTES = "2M"
"""The largest: of a disk of 1 TiB the keeper takes 20 MiB."""


TAKEN_BACK_SECONDS = 10
"""How long after QEMU's end libvirt may give a file its owner back."""


class KeptChanges:
    """The keepers: for each machine a note, and a file for each disk, in `folder`; `leading` is for the
    places of `filters.alone`. `start` is what tells this start of the machine from others; None if nothing
    does."""

    def __init__(self, folder: Path, leading: Path) -> None:
        self._folder, self._leading = folder, leading

    def begin(self, domain: Any, start: list[object] | None) -> None:
        """Leads the disks of a running machine through keepers. After SecondsiteError or OSError some are in,
        and none counts."""
        seen = bitmaps.look(domain)
        ours = {
            key: [name for name, whole in found.items() if name.startswith(bitmaps.OURS) and whole]
            for key, found in seen.bitmaps.items()
        }
        asked = [disk for disk in seen.disks if not disk.keeps_bitmaps and ours.get(disk.key)]
        if not asked or start is None:
            return
        said = {
            "start": start,
            "disks": {disk.key: _named(disk) for disk in asked},
            "written": {disk.key: _written_ns(disk) for disk in asked},
        }
        for disk in asked:
            self._make(self.path(domain.UUIDString(), disk.key), seen.sizes_bytes[disk.key])
        with filter_view.alone(domain, self._leading / domain.UUIDString()) as lead:
            for disk in asked:
                self._lead_through(domain, lead, seen.drives[disk.key], disk.key, ours[disk.key])
        # Last: a keeper that did not get all bitmaps would be stored as whole, too.
        durable.write(self._note(domain.UUIDString()), json.dumps(said))

    def claim(self, domain: Any, disk: domain_xml.Disk, start: list[object] | None) -> Path | None:
        """The file whose bitmaps have all that was written to a disk of a machine that is off, if nobody can
        have written since. Once only: from here on the state of the disk's file tells that."""
        note = self._note(domain.UUIDString())
        try:
            said = json.loads(note.read_text())
            known = said["disks"].pop(disk.key, None)
            durable.write(note, json.dumps(said))
        except (OSError, ValueError):
            with contextlib.suppress(OSError):  # else it might be claimed again
                note.unlink()
            return None
        kept = self.path(domain.UUIDString(), disk.key)
        since_ns = said.get("written", {}).get(disk.key)
        is_it = said["start"] == start and known == _named(disk)
        return kept if is_it and since_ns is not None and _was_last(kept, disk, since_ns) else None

    def path(self, fabric_id: str, key: str) -> Path:
        """The file of a disk's keeper."""
        return self._folder / f"{fabric_id}-{key}.keeper"

    def has(self, fabric_id: str) -> bool:
        """Whether keepers may be in, or what they kept may count."""
        return any(self._folder.glob(f"{fabric_id}-*.keeper"))

    def distrust(self, fabric_id: str) -> None:
        """What is kept counts no more; durable. Before a keeper is taken out of a QEMU that runs on, which
        would leave whole bitmaps that nothing is added to."""
        if self._note(fabric_id).exists():
            durable.remove(self._note(fabric_id))

    def remove(self, fabric_id: str) -> None:
        """Removes the files of a machine whose keepers are out."""
        self.distrust(fabric_id)
        for path in self._folder.glob(f"{fabric_id}-*.keeper*"):
            path.unlink(missing_ok=True)

    def _note(self, fabric_id: str) -> Path:
        return self._folder / f"{fabric_id}.json"

    def _make(self, path: Path, size_bytes: int) -> None:
        """An empty keeper. Its map is complete, so that no write of the guest changes it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        data = path.with_suffix(".keeper-data")  # `create` writes to the file that it names
        named = str(data).replace(",", ",,")
        options = f"data_file={named},data_file_raw=on,preallocation=metadata,cluster_size={CLUSTER_BYTES}"
        made = ("-f", "qcow2", "-o", options, str(path), str(size_bytes))
        data.touch()
        try:
            os.truncate(data, size_bytes)
            with qemu_img.translated():
                image.run("create", "-q", *made, about=path)
        finally:
            data.unlink(missing_ok=True)

    def _lead_through(
        self, domain: Any, lead: filter_view.Lead, drive: Mapping[str, Any], key: str, names: list[str]
    ) -> None:
        """The bitmaps begin before the disk is switched over, and get what was written before after it: a
        write between is in both."""
        node, keeper = drive["inserted"]["node-name"], filters.KEEPER + key
        opened = filter_view.hand_over(domain, self.path(domain.UUIDString(), key), keeper)
        monitor.execute(
            domain,
            "blockdev-add",
            driver="qcow2",
            node_name=keeper,
            file=opened,
            data_file=node,
            backing=None,
        )
        for name in names:
            monitor.execute(domain, "block-dirty-bitmap-add", node=keeper, name=name, persistent=True)
        lead(drive, keeper)
        for name in names:
            merged = [{"node": node, "name": name}]
            monitor.execute(domain, "block-dirty-bitmap-merge", node=keeper, target=name, bitmaps=merged)


def _named(disk: domain_xml.Disk) -> list[object]:
    """A disk by its path, and what tells another file, or another use of a device, from it."""
    if disk.network is not None:
        return [disk.path, None, None]
    use = real_files.device_use(disk.path) if disk.is_device else None
    number = real_files.file_number(disk.path)
    return [disk.path, None if number is None else [*number], None if use is None else use.incarnation]


def _written_ns(disk: domain_xml.Disk) -> int:
    return os.stat(disk.path).st_mtime_ns if disk.network is None else 0


def _was_last(kept: Path, disk: domain_xml.Disk, since_ns: int) -> bool:
    """Whether the keeper was written after the disk, as far as the disk's times tell, which was last written
    at `since_ns` when the keeper began. Who copies over a disk gives it an older time of writing than that,
    or a later time of change; but libvirt changes it, too, when it takes it back from QEMU's user."""
    if disk.network is not None:
        return kept.exists()
    try:
        now, stored_ns = os.stat(disk.path), os.stat(kept).st_mtime_ns
    except OSError:
        return False
    is_left = since_ns <= now.st_mtime_ns <= stored_ns
    return disk.is_device or (is_left and now.st_ctime_ns <= stored_ns + TAKEN_BACK_SECONDS * 10**9)
