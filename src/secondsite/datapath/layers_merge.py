"""Copy what one layer of a chain holds itself into the layer below it, exactly: page by page, zeros as zeros."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import image
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
    daemon.add_node(_node(daemon, upper, high, key, read_only=True) | {"backing": None})
    daemon.export(upper, upper, depth=True)
    with NbdDisk(daemon.nbd_socket, upper, own=True) as source:
        # With its backing files as it names them, should a page not fill what the image allocates at a time.
        daemon.add_node(_node(daemon, lower, low, key, read_only=False))
        daemon.qmp("block_resize", node_name=lower, size=source.size_bytes)
        daemon.export(lower, lower, writable=True)
        with NbdDisk(daemon.nbd_socket, lower) as target:
            _copy(source, target)
            target.flush()


def _node(
    daemon: StorageDaemon, name: str, path: Path, key: EncryptionKey | None, *, read_only: bool
) -> dict[str, Any]:
    own = {"node-name": name, "read-only": read_only, "discard": "unmap"}
    if key is not None:
        daemon.knows(key)
        return {**image.node_options(path, key), **own}
    file = {"driver": "file", "filename": str(path), "discard": "unmap"}
    return {**own, "driver": "qcow2", "file": file}


def _copy(source: NbdDisk, target: NbdDisk) -> None:
    held = source.changed()
    with Writes(target) as writes:
        for extent in held:
            if extent.zero:
                writes.zero(extent.length, extent.offset)
        for offset, raw in source.read_many(extent for extent in held if not extent.zero):
            writes.write(raw, offset)
