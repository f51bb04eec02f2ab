"""One qemu-storage-daemon: opens disk images and serves them over NBD on a unix socket.

A dead daemon is noticed at the next command, which raises StorageDaemonGone; the use after that starts a new one
with a higher `generation`, by which holders of open images see that theirs are closed.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import errors, image
from .encryption_key import EncryptionKey
from .qmp import QmpClient, QmpRefused
from .storage_daemon_process import DaemonProcess


class StorageDaemon:
    """The daemon of one folder. Invariant: at most one daemon lives per folder, and `generation` names which."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.generation = 0
        self._process = DaemonProcess(self.folder)
        self.nbd_socket = self._process.nbd_socket
        self._client: QmpClient | None = None
        self._lock = threading.RLock()
        self._nodes: dict[str, None] = {}
        self._exports: dict[str, str] = {}
        self._keys: set[str] = set()

    def start(self) -> None:
        """Have a daemon run; raises StorageDaemonGone when it does not come up."""
        with self._lock:
            if self._client is not None and self._process.alive:
                return
            self._forget()
            self._client = self._process.start()
            self.generation += 1

    def stop(self) -> None:
        """End the daemon: images are flushed and closed first; one that does not obey is killed."""
        with self._lock:
            if self._process.alive:
                with contextlib.suppress(errors.DatapathError):
                    self.qmp("quit", deadline_seconds=10)
                self._process.died(wait_seconds=20)
            self._forget()
            self._process.clear()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def died(self, wait_seconds: float = 0.5) -> bool:
        """Whether the daemon is gone; a killed one closes its sockets a moment before it can be seen as dead."""
        return self._process.died(wait_seconds)

    def uri(self, export_name: str) -> str:
        return f"nbd+unix:///{export_name}?socket={self.nbd_socket}"

    def qmp(self, command: str, *, deadline_seconds: float = 60.0, **arguments: Any) -> Any:
        """Run one QMP command; underscores in argument names become hyphens. Raises QmpRefused, StorageDaemonGone."""
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
        """Make the key known to the daemon, which reads its file; the name for use in `key-secret`."""
        with self._lock:
            self.start()
            if key.name not in self._keys:
                self.qmp("object-add", qom_type="secret", id=key.name, file=str(key.path))
                self._keys.add(key.name)
        return key.name

    def image_options(
        self, name: str, path: Path, *, image_format: str = "qcow2", writable: bool = False,
        key: EncryptionKey | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """How `add_node` opens an image as node `name`, over the backing files that it names. A `key` is made known
        to the daemon. Raises ImageProblem for an encrypted one that cannot be looked at."""
        own = {"node-name": name, "read-only": not writable, "discard": "unmap"}
        if key is not None:
            self.knows(key)
            return {**image.node_options(path, key), **own}
        file = {"driver": "file", "filename": str(path.absolute()), "discard": "unmap"}
        return {"driver": image_format, "file": file, **own}

    def add_node(self, options: dict[str, Any]) -> str:
        """Open an image as blockdev-add describes it; its node's name."""
        name = str(options["node-name"])
        with self._lock:
            self.qmp("blockdev-add", **options)
            self._nodes[name] = None
        return name

    def delete_node(self, name: str) -> None:
        """Close a node; one that is not open is no error."""
        with self._lock:
            self._notice_death()
            if name in self._nodes:
                self._take_away("blockdev-del", node_name=name)
                self._nodes.pop(name, None)

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
        """Serve a node over NBD under `name`, with its dirty bitmaps as meta contexts, and with the depth at which its
        bytes lie in the chain; the export's URI."""
        with self._lock:
            self.qmp(
                "block-export-add", type="nbd", id=_export_id(name), node_name=node, name=name,
                writable=writable, bitmaps=list(bitmaps), allocation_depth=depth,
            )  # fmt: skip
            self._exports[name] = node
        return self.uri(name)

    def unexport(self, name: str, deadline_seconds: float = 10.0) -> None:
        """End an export and wait until it is gone; its clients are cut off. One that is not there is no error."""
        with self._lock:
            self._notice_death()
            if name not in self._exports:
                return
            self._take_away("block-export-del", id=_export_id(name), mode="hard")
            deadline = time.monotonic() + deadline_seconds
            while any(export["id"] == _export_id(name) for export in self.qmp("query-block-exports")):
                if time.monotonic() > deadline:
                    raise self._process.not_up(
                        f"the export '{name}' did not end within {deadline_seconds:.0f} s"
                    )
                time.sleep(0.005)
            self._exports.pop(name, None)

    def exports(self, prefix: str) -> list[str]:
        with self._lock:
            return [name for name in self._exports if name.startswith(prefix)]

    def serve(
        self, path: Path, name: str, *, image_format: str = "qcow2", writable: bool = False,
        bitmaps: Sequence[str] = (), key: EncryptionKey | None = None,
    ) -> str:  # fmt: skip
        """Open any image with its backing chain and export it; the URI. End it with `unserve`. `key` is that of an
        encrypted one."""
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

    def unserve(self, name: str) -> None:
        """End what `serve` began; harmless when it is not there."""
        self.unexport(name)
        self.delete_node(_export_id(name))

    def _take_away(self, command: str, **arguments: Any) -> None:
        """A removal. When the daemon dies while we ask, what is to go goes with it, and the next one has none."""
        generation = self.generation
        try:
            self.qmp(command, **arguments)
        except QmpRefused:
            if self.generation == generation:
                raise

    def _notice_death(self) -> None:
        if self._process.began and not self._process.alive:
            self._forget()

    def _forget(self) -> None:
        """Drop all that belonged to the current daemon; kill it, for nobody can reach it any more."""
        if self._client is not None:
            self._client.close()
        self._process.kill()
        self._client = None
        self._nodes, self._exports, self._keys = {}, {}, set()


def _export_id(name: str) -> str:
    """Export ids and node names allow fewer characters than export names do."""
    return "x" + hashlib.sha256(name.encode()).hexdigest()[:24]


__all__ = ["QmpRefused", "StorageDaemon"]
