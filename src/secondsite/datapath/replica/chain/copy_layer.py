"""Copies a layer's own content into the layer below it: page by page, zeros as zeros."""

from __future__ import annotations

from pathlib import Path

from ... import errors
from ...digests import scan
from ...disks import NbdDisk, StorageDaemon, Writes, qcow2_resize
from ...encryption import EncryptionKey


def copy_own(
    daemon: StorageDaemon, prefix: str, high: Path, low: Path, key: EncryptionKey | None = None
) -> None:
    """Copy what `high` itself holds into `low`, which grows to its size; durable when it returns. Nodes
    and exports whose names start with `prefix` stay open: the caller closes them. `key` opens encrypted
    layers. Raises DiskUnreadable, StorageDaemonGone, QmpRefused."""
    upper, lower = f"{prefix}-high", f"{prefix}-low"
    # Opened without its backing file, so that only its own content is visible.
    daemon.add_node(daemon.image_options(upper, high, key=key) | {"backing": None})
    daemon.export(upper, upper, depth=True)
    with NbdDisk(daemon.nbd_socket, upper, own=True) as source:
        qcow2_resize.resize(low, source.size_bytes, key)
        # Opened with its backing files: a page may be smaller than the unit that the image allocates.
        daemon.add_node(daemon.image_options(lower, low, key=key, writable=True))
        daemon.export(lower, lower, writable=True)
        with NbdDisk(daemon.nbd_socket, lower) as target:
            copy(source, target)


def copy(source: NbdDisk, target: NbdDisk, cancelled: scan.Asked = scan.never) -> None:
    """Copy everything that counts as dirty on a disk; durable when it returns. Raises Cancelled."""
    changed = source.changed()
    with Writes(target) as writes:
        for extent in changed:
            if extent.zero:
                writes.zero(extent.length, extent.offset)
        for offset, raw in source.read_many(extent for extent in changed if not extent.zero):
            if cancelled():
                raise errors.Cancelled("Merging layers was stopped.", do="Repeat it: it begins anew.")
            writes.write(raw, offset)
    target.flush()
