"""Which file each checkpoint's bitmap belongs to.

A restored or copied image may have a bitmap of ours that looks whole but misses changes in between (P17). So the
file's inode is recorded with each checkpoint; a bitmap in another file counts only if the recorded file is in that
file's backing chain, as after an external snapshot (P10)."""

import json
from pathlib import Path
from typing import Any

from ....datapath import errors as datapath_errors
from ....datapath.disks import image
from ....ground import durable
from ..host import domain_xml, inventory

Identity = int


class Identities:
    """One small file per machine in `folder`; without one there is nothing to compare."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def record(self, domain: Any, checkpoint: str) -> None:
        """Records the files of a new checkpoint; those of the last few views stay."""
        disks = domain_xml.disks(domain_xml.parse(inventory.live_xml(domain)))
        kept = dict(list(self._read(domain).items())[-9:])
        kept[checkpoint] = {disk.key: identity for disk in disks if (identity := _identity(Path(disk.path)))}
        self._folder.mkdir(parents=True, exist_ok=True)
        durable.write(self._path(domain.UUIDString()), json.dumps(kept))

    def same(self, domain: Any, disk: domain_xml.Disk, checkpoint: str) -> bool:
        """Whether the bitmap of `checkpoint` belongs to the file that the disk has now."""
        recorded = self._read(domain).get(checkpoint, {}).get(disk.key)
        if recorded is None:
            return False
        return recorded == _identity(Path(disk.path)) or recorded in _chain(Path(disk.path))

    def unmoved(self, domain: Any, disk: domain_xml.Disk, checkpoint: str) -> bool:
        """As `same`, but without a snapshot in between: a snapshot's overlay begins new bitmaps, and earlier
        writes are marked only in the files below."""
        recorded = self._read(domain).get(checkpoint, {}).get(disk.key)
        return recorded is not None and recorded == _identity(Path(disk.path))

    def forget(self, fabric_id: str) -> None:
        self._path(fabric_id).unlink(missing_ok=True)

    def _path(self, fabric_id: str) -> Path:
        return self._folder / f"{fabric_id}.json"

    def _read(self, domain: Any) -> dict[str, dict[str, Identity]]:
        try:
            content: dict[str, dict[str, Identity]] = json.loads(self._path(domain.UUIDString()).read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return content


def _identity(path: Path) -> Identity | None:
    try:
        return path.stat().st_ino  # without the device's number, which may change at a reboot
    except OSError:
        return None


def _chain(path: Path) -> list[Identity | None]:
    try:
        return [_identity(link.path) for link in image.chain(path)]
    except datapath_errors.DatapathError:
        return []
