"""One machine's disks as files: FUSE exports of a storage daemon of its own, over NBD.

What was tried, with QEMU 7.2 and 10.0: the files are regular ones with locks, O_DIRECT, SEEK_DATA and holes,
and `qemu-img` works above them. While the machine is away, reads and writes wait for RECONNECT_SECONDS and go
on if it comes back; then they fail. A machine that is silent and stays connected would keep them for ever:
then only the daemon's death ends them, at once. So each machine has its own.

**A program that moves the bytes must not wait for them.** Closing one of these files asks the machine to
flush. A child that inherits the file closes it before it becomes another program, and with vfork Python
stands still until then, all threads: also the one that would bring the flush to the machine. That was for
ever. Without vfork only the thread waits that starts the child."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ....datapath.disks import StorageDaemon
from ....domain import errors
from ....ground.host import SHARE
from ....ground.problem import DatapathError
from . import mounts

RECONNECT_SECONDS: Final = 20
OPEN_SECONDS: Final = 15
DEVICE: Final = Path("/dev/fuse")
FILE_MODE: Final = 0o600
MAY_MOUNT_DO: Final = (
    "Let the appliance mount. On its host: 'install -D -m 644 -t "
    f"/etc/systemd/system/secondsite-appliance.service.d {SHARE}/secondsite-appliance-rescued.conf && "
    "systemctl daemon-reload && systemctl restart secondsite-appliance'. If it may mount, look at the "
    "machine's console."
)


class Exports:
    """The daemon of one machine. One thread at a time calls its methods, except `cut`."""

    def __init__(self, folder: Path) -> None:
        """`folder` is for the files alone, and their daemon has one beside them."""
        self._folder = folder
        self._daemon = StorageDaemon(folder / "daemon")
        self._ended = False

    @property
    def alive(self) -> bool:
        return not self._ended and self._daemon.pid is not None

    def path(self, key: str) -> Path:
        return self._folder / key

    def begin(self, socket: Path, disks: Mapping[str, str], sizes: Mapping[str, int]) -> None:
        """Make the files; `disks` are the agent's keys by keys here, `sizes` those of files that are only the
        beginning of a disk. Raises FabricError."""
        setattr(subprocess, "_USE_VFORK", False)  # noqa: B010 see above; Python's documents name it
        if not DEVICE.exists():
            raise errors.FabricError(
                "This host has no /dev/fuse, by which the disks of a rescued machine become files.",
                do="Load its kernel module: 'modprobe fuse'.",
            )
        try:
            self.clear(disks)
            for key, theirs in disks.items():
                self._export(key, _options(socket, key, theirs, sizes.get(key)))
        except (DatapathError, OSError) as problem:
            self.cut()
            said = problem.message if isinstance(problem, DatapathError) else problem
            raise errors.FabricError(
                f"The disks of the rescued machine cannot be made files here: {said}", do=MAY_MOUNT_DO
            ) from problem

    def clear(self, keys: Mapping[str, str]) -> None:
        """End the daemon that another process left, and what is mounted of it. Raises OSError."""
        self._daemon.end_left_over()
        for key in keys:
            mounts.clear(self.path(key))

    def _export(self, key: str, options: dict[str, Any]) -> None:
        path = self.path(key)
        path.touch(FILE_MODE)
        self._daemon.add_node(options)
        self._daemon.qmp(
            "block-export-add", type="fuse", id=f"file-{key}", node_name=_node(key), mountpoint=str(path),
            writable=True, growable=False, allow_other="off",
        )  # fmt: skip

    def end(self, keys: Mapping[str, str]) -> None:
        """Flush and take the files away; harmless if there are none. Raises OSError."""
        self._ended = True
        with contextlib.suppress(DatapathError):
            self._daemon.stop()
        for key in keys:
            mounts.clear(self.path(key))

    def cut(self) -> None:
        """Fail at once whatever waits for the machine; by any thread, harmless when repeated. The files are
        there still, and answer with an error."""
        self._ended = True
        with contextlib.suppress(DatapathError):
            self._daemon.end_left_over()


def _node(key: str) -> str:
    return f"disk-{key}"


def _options(socket: Path, key: str, theirs: str, size_bytes: int | None) -> dict[str, Any]:
    """`discard`: before QEMU 9.0 a hole that is punched in the file is a trim, and would be dropped here
    while the writer is told that zeros lie there."""
    as_they_are: dict[str, Any] = {"discard": "unmap", "cache": {"direct": True, "no-flush": False}}
    whole = {
        "driver": "nbd",
        "server": {"type": "unix", "path": str(socket)},
        "export": theirs,
        "reconnect-delay": RECONNECT_SECONDS,
        "open-timeout": OPEN_SECONDS,
        **as_they_are,
    }
    if size_bytes is None:
        return {**whole, "node-name": _node(key)}
    return {"driver": "raw", "node-name": _node(key), "size": size_bytes, "file": whole, **as_they_are}
