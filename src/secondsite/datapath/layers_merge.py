"""Copy what one layer of a chain holds itself into the layer below it, exactly: page by page, zeros as zeros."""

from __future__ import annotations

from pathlib import Path

from .encryption_key import EncryptionKey
from .nbd_disk import NbdDisk
from .nbd_disk_writes import Writes
from .storage_daemon import StorageDaemon


def copy_own(
    daemon: StorageDaemon, prefix: str, high: Path, low: Path, key: EncryptionKey | None = None
) -> None:
    """What `high` holds itself is durable in `low` when this returns; `low` grows to its size. Nodes and exports whose
    names start with `prefix` stay open: the caller closes them. `key` is that of encrypted layers. Raises DiskUnreadable, StorageDaemonGone, QmpRefused."""
    upper, lower = f"{prefix}-high", f"{prefix}-low"
    # Without what lies below it, all that the upper one does not hold itself is absent.
    daemon.add_node(daemon.image_options(upper, high, key=key) | {"backing": None})
    daemon.export(upper, upper, depth=True)
    with NbdDisk(daemon.nbd_socket, upper, own=True) as source:
        # With its backing files as it names them, should a page not fill what the image allocates at a time.
        daemon.add_node(daemon.image_options(lower, low, key=key, writable=True))
        daemon.qmp("block_resize", node_name=lower, size=source.size_bytes)
        daemon.export(lower, lower, writable=True)
        with NbdDisk(daemon.nbd_socket, lower) as target:
            _copy(source, target)
            target.flush()


def _copy(source: NbdDisk, target: NbdDisk) -> None:
    held = source.changed()
    with Writes(target) as writes:
        for extent in held:
            if extent.zero:
                writes.zero(extent.length, extent.offset)
        for offset, raw in source.read_many(extent for extent in held if not extent.zero):
            writes.write(raw, offset)
