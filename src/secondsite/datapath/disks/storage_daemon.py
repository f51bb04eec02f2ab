"""One qemu-storage-daemon: opens disk images and serves them over NBD on a unix socket.

A dead daemon is noticed at the next command, which raises StorageDaemonGone; the next use starts a new one
with a higher `generation`, which tells users of open images that theirs are closed."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import errors
from ..encryption import EncryptionKey
from ..extents import BLOCK_BYTES
from . import image
from .daemon_process import DaemonProcess
from .network_disk import DiskLocation, NetworkDisk
from .qmp import QmpClient

MERGED = "merged"


class StorageDaemon:
    """The daemon of one folder. Invariant: at most one daemon lives per folder, and `generation` names
    which."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.generation = 0
        self._process = DaemonProcess(self.folder)
        self._client: QmpClient | None = None
        self._lock = threading.RLock()
        self._nodes: dict[str, None] = {}
        self._exports: dict[str, str] = {}
        self._keys: set[str] = set()
        self._filters: set[str] = set()

    def start(self) -> None:
        """Start the daemon unless it runs; raises StorageDaemonGone if it does not start."""
        with self._lock:
            if self._client is not None and self._process.alive:
                return
            self._forget()
            self._client = self._process.start()
            self.generation += 1

    def stop(self) -> None:
        """End the daemon, which flushes and closes its images; it is killed if it does not end by itself."""
        with self._lock:
            if self._process.alive:
                with contextlib.suppress(errors.DatapathError):
                    self.qmp("quit", deadline_seconds=10)
                self._process.died(wait_seconds=20)
            self._forget()
            self._process.clear()

    @property
    def nbd_socket(self) -> Path:
        return self._process.nbd_socket

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def died(self, wait_seconds: float = 0.5) -> bool:
        """Whether the daemon is gone. A killed one closes its sockets a moment before the kernel reports
        its death."""
        return self._process.died(wait_seconds)

    @contextlib.contextmanager
    def the_same(self) -> Iterator[None]:
        """A context for commands that depend on each other. Raises StorageDaemonGone if one fails because a
        new daemon was started meanwhile: that one does not have the old one's nodes."""
        self.start()
        generation = self.generation
        try:
            yield
        except (errors.QmpRefused, errors.DiskUnreadable) as error:
            if self.died() or self.generation != generation:
                raise errors.StorageDaemonGone(
                    "The storage daemon died while disks were used in it.",
                    do="Repeat the operation: the daemon is started again.",
                ) from error
            raise

    def uri(self, export_name: str) -> str:
        return f"nbd+unix:///{export_name}?socket={self.nbd_socket}"

    def qmp(self, command: str, *, deadline_seconds: float = 60.0, **arguments: Any) -> Any:
        """Run one QMP command; underscores in argument names become hyphens. Raises QmpRefused,
        StorageDaemonGone."""
        with self._lock:
            self.start()
            client = self._client
            assert client is not None
            named = {key.replace("_", "-"): value for key, value in arguments.items()}
            try:
                return client.command(command, named, deadline_seconds=deadline_seconds)
            except errors.StorageDaemonGone:
                self._forget()
                raise

    def knows(self, key: EncryptionKey) -> str:
        """Make the daemon read the key's file; returns the name to use in `key-secret`."""
        with self._lock:
            self.start()
            if key.name not in self._keys:
                self.qmp("object-add", qom_type="secret", id=key.name, file=str(key.path))
                self._keys.add(key.name)
        return key.name

    def end_left_over(self) -> None:
        """End what an earlier process left running in this folder; harmless if there is nothing."""
        with self._lock:
            self._process.kill_stale()
            self._process.clear()

    def image_options(
        self, name: str, path: Path, *, image_format: str = "qcow2", writable: bool = False,
        key: EncryptionKey | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Options with which `add_node` opens an image as node `name`, over its backing files. Makes `key`
        known to the daemon. Raises ImageProblem if an encrypted image cannot be read."""
        own = {"node-name": name, "read-only": not writable, "discard": "unmap"}
        if key is not None:
            self.knows(key)
            return {**image.node_options(path, key), **own}
        return {"driver": image_format, "file": image.file_options(path), **own}

    def add_node(self, options: dict[str, Any]) -> str:
        """Open an image with these options of blockdev-add; returns the node's name. Raises QmpRefused, which
        names the file."""
        name = str(options["node-name"])
        with self._lock, _naming(options):
            self.qmp("blockdev-add", **options)
            self._nodes[name] = None
        return name

    def filter_options(self, name: str, below: str) -> dict[str, Any]:
        """Options with which `add_filter` puts a node over the node `below`, and a reopen over another
        one. It changes nothing of what passes: a throttle without limits is the one filter that QEMU lets
        anybody put there."""
        return {"driver": "throttle", "node-name": name, "throttle-group": name, "file": below}

    def add_filter(self, options: dict[str, Any]) -> str:
        """Open a node of `filter_options`; returns its name. Raises QmpRefused. Each has a group of its own:
        members of one wait for each other's lock."""
        name = str(options["node-name"])
        with self._lock:
            self.qmp("object-add", qom_type="throttle-group", id=name)
            self._filters.add(name)
            try:
                return self.add_node(options)
            except errors.DatapathError:
                self._end_group(name)
                raise

    def _end_group(self, name: str) -> None:
        if name in self._filters:
            self._take_away("object-del", id=name)
            self._filters.discard(name)

    def delete_node(self, name: str) -> None:
        """Close a node; harmless if it is not open."""
        with self._lock:
            self._notice_death()
            if name in self._nodes:
                self._take_away("blockdev-del", node_name=name)
                self._nodes.pop(name, None)
                self._end_group(name)

    def nodes(self, prefix: str) -> list[str]:
        """Open nodes whose name starts with `prefix`, in the order in which they were opened."""
        with self._lock:
            return [name for name in self._nodes if name.startswith(prefix)]

    def export(
        self,
        node: str,
        name: str,
        *,
        writable: bool = False,
        bitmaps: Sequence[str] = (),
        depth: bool = False,
    ) -> str:
        """Export a node over NBD as `name`, with its dirty bitmaps and the allocation depth as meta contexts;
        returns the URI."""
        with self._lock:
            self.qmp(
                "block-export-add", type="nbd", id=_export_id(name), node_name=node, name=name,
                writable=writable, bitmaps=list(bitmaps), allocation_depth=depth,
            )  # fmt: skip
            self._exports[name] = node
        return self.uri(name)

    def unexport(self, name: str, deadline_seconds: float = 10.0) -> None:
        """End an export, disconnecting its clients, and wait until it is gone. Harmless if there is none."""
        with self._lock:
            self._notice_death()
            if name not in self._exports:
                return
            if self._is_to_end(name):
                self._await_end_of(name, deadline_seconds)
            self._exports.pop(name, None)

    def _is_to_end(self, name: str) -> bool:
        """Ask for the end of an export; False if it is gone with the daemon. A store may hang longer than
        that is waited for: asked again, QEMU refuses, whether the export has ended since or not."""
        try:
            return self._take_away("block-export-del", id=_export_id(name), mode="hard")
        except errors.QmpRefused:
            return True

    def _await_end_of(self, name: str, deadline_seconds: float) -> None:
        def ended(event: dict[str, Any]) -> bool:
            of_exports = event["event"] == "BLOCK_EXPORT_DELETED"
            return of_exports and bool(event["data"]["id"] == _export_id(name))

        assert self._client is not None
        try:
            self._client.wait_event(ended, deadline_seconds)
        except errors.StorageDaemonGone as silent:
            if self._process.died(0.5):
                return  # the export is gone with it
            if all(export["id"] != _export_id(name) for export in self.qmp("query-block-exports")):
                return  # its event was among too many
            raise self._process.not_up(
                f"the export '{name}' did not end within {deadline_seconds:.0f} s"
            ) from silent

    def exports(self, prefix: str) -> list[str]:
        with self._lock:
            return [name for name in self._exports if name.startswith(prefix)]

    def serve(
        self, path: Path, name: str, *, image_format: str = "qcow2", writable: bool = False,
        bitmaps: Sequence[str] = (), key: EncryptionKey | None = None,
    ) -> str:  # fmt: skip
        """Open an image with its backing chain and export it; returns the URI. `unserve` ends it. `key` opens
        an encrypted image."""
        options = self.image_options(
            _export_id(name), path, image_format=image_format, writable=writable, key=key
        )
        node = self.add_node(options)
        try:
            return self.export(node, name, writable=writable, bitmaps=bitmaps)
        except errors.DatapathError:
            with contextlib.suppress(errors.DatapathError):
                self.delete_node(node)
            raise

    def serve_at_rest(
        self, disk: DiskLocation, name: str, *, image_format: str | None = None,
        holders: Sequence[DiskLocation] = (), bitmap: str = "", unchanged: bool = False,
        keeper: Path | None = None, key: EncryptionKey | None = None,
    ) -> tuple[str, ...]:  # fmt: skip
        """As `serve`, without a lock that would keep others from opening the image for writing. `holders` are
        the files of the chain whose bitmaps of that name are merged; `keeper` is another file that has those
        of the image; of an image that is `unchanged` an empty one is served. Returns the bitmap's name in the
        export."""
        node = _export_id(name)
        files = [] if isinstance(disk, NetworkDisk) else image.chain(disk, image_format)
        if key is not None:
            self.knows(key)
        top = self.add_node(
            image.network_options(disk, node)
            if isinstance(disk, NetworkDisk)
            else image.at_rest_options(files, key, node)
        )
        found = [image.node_name(node, depth) for depth, link in enumerate(files) if link.path in holders]
        names = (MERGED,) if found or keeper is not None or unchanged else ()
        if names:
            granularity = {"granularity": BLOCK_BYTES, "disabled": True}
            self.qmp("block-dirty-bitmap-add", node=top, name=MERGED, **granularity)
        with self._read_beside(keeper, top, name) as kept:
            if from_nodes := [*found, *kept]:  # a merge of none kills QEMU 7.2
                merged = [{"node": each, "name": bitmap} for each in from_nodes]
                self.qmp("block-dirty-bitmap-merge", node=top, target=MERGED, bitmaps=merged)
        self.export(top, name, bitmaps=names)
        return names

    @contextlib.contextmanager
    def _read_beside(self, keeper: Path | None, data: str, name: str) -> Iterator[Sequence[str]]:
        """The node of a keeper of this data, if there is one, as long as the context lasts."""
        if keeper is None:
            yield ()
            return
        node = self.add_node(image.keeper_options(keeper, data, _export_id(f"keeper {name}")))
        try:
            yield (node,)
        finally:
            self.delete_node(node)

    def marked_bytes(self, path: Path, bitmap: str, key: EncryptionKey | None = None) -> int | None:
        """How many bytes a bitmap marks now in a file that others may have open; None if it is missing or in
        use."""
        probe = _export_id(f"probe {path}")
        if key is not None:
            self.knows(key)
        self.add_node(image.at_rest_options(image.chain(path)[:1], key, probe))
        try:
            nodes = self.qmp("query-named-block-nodes", flat=True)
        finally:
            self.delete_node(probe)
        return image.marked_bytes(nodes, probe, bitmap)

    def unserve(self, name: str) -> None:
        """End what `serve` began; harmless if it did not."""
        self.unexport(name)
        self.delete_node(_export_id(name))

    def _take_away(self, command: str, **arguments: Any) -> bool:
        """Run a command that removes something; False if the daemon died meanwhile, and the thing is gone
        with it."""
        generation = self.generation
        try:
            self.qmp(command, **arguments)
        except errors.QmpRefused:
            if self.generation == generation:
                raise
        return self.generation == generation

    def _notice_death(self) -> None:
        if self._process.began and not self._process.alive:
            self._forget()

    def _forget(self) -> None:
        """Kill the current daemon, which nobody can reach any more, and forget what belonged to it."""
        if self._client is not None:
            self._client.close()
        self._process.kill()
        self._client = None
        self._nodes, self._exports, self._keys, self._filters = {}, {}, set(), set()


@contextlib.contextmanager
def _naming(options: Mapping[str, Any]) -> Iterator[None]:
    """Adds the file's name to QEMU's errors: QEMU says what is wrong with an image, but seldom with which."""
    try:
        yield
    except errors.QmpRefused as refused:
        below = options.get("file")  # its options, or the name of a node
        file = str(below.get("filename", "")) if isinstance(below, Mapping) else str(options["node-name"])
        if file in refused.message:
            raise
        raise errors.QmpRefused(f"{file}: {refused.message}", do=refused.do, kind=refused.kind) from refused


def _export_id(name: str) -> str:
    """Export ids and node names allow fewer characters than export names do."""
    return "x" + hashlib.sha256(name.encode()).hexdigest()[:24]
