"""A replica's disks as chains of open qcow2 nodes, and the merge of one layer with its child.

Each file is a node of its own that names the node below it. So every backing layer gets a small
table cache, and a head can be written while all below is read-only to us and to others."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from ....ground.durable import sync_file, sync_folder
from ....ground.units import KiB, MiB
from ... import errors
from ...disks import NbdDisk, StorageDaemon, image, luks_blank, named_files
from ...encryption import EncryptionKey
from ...files import unshare
from ..record.paths import ReplicaFiles
from ..record.record import DiskRecord, ReplicaState
from . import backing_files, copy_layer, head_names, shared_layers
from .backing_files import ChainFile as ChainFile

# A chain of 155 layers would hold a table cache of up to 32 MiB for each (P24).
BACKING_CACHE_BYTES: Final = 1 * MiB
CACHE_ENTRY_BYTES: Final = 16 * KiB
"""The size of an entry in QEMU's table cache. QEMU reports allocation in steps of what one entry describes:
128 MiB of our images; by default it would be 32."""
OPENED_TOGETHER: Final = 8
"""How many files of a chain are opened by one command. Opening and closing 100 files took the daemon 312 ms
one by one, 161 ms with this number, and 360 ms all at once (ADR 160)."""
TOP: Final = "top"


def chain_files(
    files: ReplicaFiles, state: ReplicaState, disk: DiskRecord, top: int, key: EncryptionKey | None
) -> list[ChainFile]:
    """The files from the base up to layer `top`, without a layer that an interrupted merge has consumed.
    Raises ImageProblem."""
    if state.by_headers:
        return backing_files.chain_to(files, state, disk, top, key)
    chain = [ChainFile("b", files.root / disk.base, disk.base_format, key)]
    for layer in state.layers:
        path = head_names.file_of(files, state, disk.key, layer.number)
        if layer.number <= top and not (layer.number == state.merging and not path.exists()):
            chain.append(ChainFile(str(layer.number), path, key=key))
    return chain


def open_chain(
    daemon: StorageDaemon,
    prefix: str,
    chain: Sequence[ChainFile],
    *,
    writable: bool,
    on_nothing: bool = False,
) -> str:
    """Open a chain; returns the top node's name. Everything below the top is read-only. `on_nothing`: the
    lowest file is opened without the backing file that its header names. Raises QmpRefused, which names the
    file.

    Portions of the chain are opened separately, then put over each other, the topmost first: for each node
    put over a chain QEMU writes out the names of everything below, so working from the bottom up would cost
    the third power of the chain's length (ADR 139)."""
    names = [f"{prefix}{file.name}" for file in chain]
    nodes = [
        _node(daemon, name, file, writable=writable and file is chain[-1], backing=below)
        for name, file, below in zip(names, chain, [None, *names], strict=False)
    ]
    if not on_nothing:
        nodes[0].pop("backing", None)
    portions = [nodes[first : first + OPENED_TOGETHER] for first in range(0, len(nodes), OPENED_TOGETHER)]
    for portion in portions:
        _open_together(daemon, portion)
    for portion in reversed(portions[1:]):
        daemon.qmp("blockdev-reopen", options=[portion[0]])
    return names[-1]


def _open_together(daemon: StorageDaemon, nodes: Sequence[dict[str, Any]]) -> None:
    """Open nodes, each of which stands on the one before; the first stands on nothing yet. Raises QmpRefused,
    which names the file."""
    first = nodes[0] | {"backing": None} if "backing" in nodes[0] else nodes[0]
    whole = first
    for node in nodes[1:]:
        whole = {**node, "backing": whole}
    try:
        daemon.add_node(whole)
    except errors.QmpRefused:
        if len(nodes) == 1:
            raise
        for node in (first, *nodes[1:]):
            daemon.add_node(node)


def close_chains(daemon: StorageDaemon, prefix: str) -> None:
    """Close all exports and nodes whose names start with `prefix`, whoever opened them."""
    for export in daemon.exports(prefix):
        daemon.unexport(export)
    nodes = daemon.nodes(prefix)
    tops = [node for node in nodes if node.endswith(TOP)]  # older than the newest heads below them
    for node in (*tops, *reversed(nodes)):
        daemon.delete_node(node)


class Heads:
    """The heads of one replica, open for writing: one node chain, one export and one connection per disk."""

    def __init__(
        self, daemon: StorageDaemon, files: ReplicaFiles, key: Callable[[], EncryptionKey | None]
    ) -> None:
        """`key` gives the key of the files, or raises KeyMissing or KeyWrong."""
        self._daemon = daemon
        self._key = key
        self._files = files
        self._prefix = "r" + hashlib.sha256(str(files.root).encode()).hexdigest()[:10]
        self._disks: dict[str, NbdDisk] = {}
        self._below: dict[int, str] = {}
        self._generation = -1
        self._used_at = 0.0

    def open(self, state: ReplicaState) -> dict[str, NbdDisk]:
        """Every disk's head by disk key, opened if needed; raises StorageDaemonGone, QmpRefused, KeyMissing,
        KeyWrong.

        If the daemon died during a change, the heads are not opened anew: that change wrote to the dead
        daemon.
        """
        if self.stale:
            raise errors.StorageDaemonGone(
                "The storage daemon died while disks were open in it.",
                do="Repeat the operation: the daemon is started again.",
            )
        self._daemon.start()
        self._used_at = time.monotonic()
        if self._disks:
            return self._disks
        self.close()
        self._generation = self._daemon.generation
        with self._daemon.the_same():
            self._open_chains(state)
        for index, disk in enumerate(state.disks):
            self._disks[disk.key] = NbdDisk(self._daemon.nbd_socket, self._export(index))
        return self._disks

    def _open_chains(self, state: ReplicaState) -> None:
        assert state.head is not None
        for index, disk in enumerate(state.disks):
            chain = chain_files(self._files, state, disk, state.head, self._key())
            head = open_chain(self._daemon, self._node_prefix(index), chain, writable=True)
            self._below[index] = chain[-2].name
            top = self._daemon.add_filter(self._top(index, head))
            self._daemon.export(top, self._export(index), writable=True)

    @property
    def used_at(self) -> float | None:
        """When the open heads were last used, in seconds of the monotonic clock; None while none is open."""
        return self._used_at if self._disks else None

    @property
    def stale(self) -> bool:
        """Whether the open heads belong to a daemon that is gone."""
        return bool(self._disks) and (self._daemon.pid is None or self._generation != self._daemon.generation)

    def close(self) -> None:
        """Close the open heads of this replica; harmless if none is."""
        for disk in self._disks.values():
            with contextlib.suppress(errors.DatapathError):
                disk.close()
        self._disks = {}
        close_chains(self._daemon, self._prefix)

    def forsake(self) -> None:
        """Close as far as possible: the daemon may be dead."""
        with contextlib.suppress(errors.DatapathError):
            self.close()

    def snapshot(self, state: ReplicaState, number: int) -> None:
        """Turn every head into a read-only layer under a new head `number`, all disks in one command (ADR
        160); the layer's file is renamed after that (`head_names.seal`), when QEMU will not open it by its
        old name again. Raises StorageDaemonGone, QmpRefused."""
        with self._daemon.the_same():
            self._snapshot(state, number)

    def _snapshot(self, state: ReplicaState, number: int) -> None:
        assert state.head is not None
        old_head, key = state.head, self._key()
        for index, disk in enumerate(state.disks):
            path = self._files.head(disk.key, number)
            create_layer(self._files, disk, path, self._files.layer(disk.key, old_head), key=key)
            new = ChainFile(str(number), path, key=key)
            prefix = self._node_prefix(index)
            below = f"{prefix}{old_head}"
            self._daemon.add_node(_node(self._daemon, f"{prefix}{number}", new, writable=True, backing=below))
        tops = [self._top(index, f"{self._node_prefix(index)}{number}") for index in range(len(state.disks))]
        self._daemon.qmp("blockdev-reopen", options=[*tops, *self._sealed(state, old_head)])
        self._below = dict.fromkeys(self._below, str(old_head))

    def merge_down(self, low: Path, high: Path, *, sharing: bool = False) -> None:
        """Replace `high` by one file with the content of both. `low` is then gone, and no file's backing name
        changes. The heads must be closed. It can be interrupted anywhere and repeated: until the rename,
        `high` hides what is written into `low`.

        With `sharing`, the file shares the data of both where the file system can do that; `low` is then
        deleted last, and no longer counts. qemu-img commit would copy 64 KiB for each page of 4 KiB (the
        granularity of its bitmap, QEMU 7.2): merged layers of scattered writes would be seven times too
        large."""
        if not low.exists():
            return
        if sharing and shared_layers.sum_up(high, [high, low], named_files.of(low).backing):
            low.unlink()
            sync_folder(low.parent)
            return
        unshare(low)
        try:
            copy_layer.copy_own(self._daemon, f"{self._prefix}-merge", high, low, self._key())
        finally:
            close_chains(self._daemon, self._prefix)
        sync_file(low)
        low.replace(high)
        sync_folder(high.parent)

    def _sealed(self, state: ReplicaState, number: int) -> list[dict[str, Any]]:
        """Options to reopen the former heads read-only: a writable node would lock other readers out."""
        options, key = [], self._key()
        for index, disk in enumerate(state.disks):
            file = ChainFile(str(number), self._files.head(disk.key, number), key=key)
            prefix = self._node_prefix(index)
            # A reopen cannot change cache sizes together with the mode; the next opening makes them small.
            node = _node(
                self._daemon,
                f"{prefix}{number}",
                file,
                writable=True,
                backing=f"{prefix}{self._below[index]}",
            )
            options.append({**node, "read-only": True})
        return options

    def _top(self, index: int, head: str) -> dict[str, Any]:
        """Options of the exported node, which stays while heads change below it. It is a filter: through any
        other node QEMU reports a block that the head lacks as not stored, without saying whether the layers
        below make it zeros (ADR 145)."""
        return self._daemon.filter_options(f"{self._node_prefix(index)}{TOP}", head)

    def _node_prefix(self, index: int) -> str:
        return f"{self._prefix}-{index}-"

    def _export(self, index: int) -> str:
        return f"{self._prefix}-{index}"


def create_layer(
    files: ReplicaFiles, disk: DiskRecord, path: Path, below: Path, below_format: str = "qcow2", *,
    key: EncryptionKey | None = None,
) -> None:  # fmt: skip
    """Create a layer file over `below`, encrypted if there is a key, as `below` then is. It is durable
    once its folder is synced."""
    # A foreign base is named absolutely: libvirt takes over the name when it commits a chain into that file,
    # and a name that leads through our folder would be dead once the folder is removed.
    ours = files.root.absolute() in below.absolute().parents
    if key is not None:
        luks_blank.create_overlay(path, below, disk.size_bytes, key, files.disk(disk.key), relative=ours)
    else:
        image.create_overlay(path, below, below_format, disk.size_bytes, relative=ours)
    sync_file(path)


def _node(
    daemon: StorageDaemon, name: str, file: ChainFile, *, writable: bool, backing: str | None
) -> dict[str, Any]:
    protocol = "host_device" if file.path.is_block_device() else "file"
    options: dict[str, Any] = {
        "driver": file.image_format,
        "node-name": name,
        "read-only": not writable,
        "discard": "unmap",
        "file": {"driver": protocol, "filename": str(file.path), "discard": "unmap"},
    }
    if file.key is not None:
        options["encrypt"] = {"format": "luks", "key-secret": daemon.knows(file.key)}
    if file.image_format == "qcow2":
        options["backing"] = backing
        # No more than one cluster, which may be 512 bytes in an image of others: QEMU refuses more.
        cluster = named_files.cluster_bytes(file.path)
        options["l2-cache-entry-size"] = min(CACHE_ENTRY_BYTES, cluster or CACHE_ENTRY_BYTES)
        if not writable:
            options["l2-cache-size"] = BACKING_CACHE_BYTES
    return options
