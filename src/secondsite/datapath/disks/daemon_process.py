"""The process of a qemu-storage-daemon: starting it, noticing its death, ending it.

It runs in its own session, so that a signal to our process group does not interrupt writes, and ends with
our process, so that no lock of an image outlives us. A daemon that outlived its owner all the same is
killed at the next start: images are opened from the record, never taken over."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from pathlib import Path

from ...ground.processes import children, ending, malloc, short_folder
from .. import errors
from .qmp import QmpClient

LONGEST_FOLDER = 100 - len("/nbd.sock")
START_SECONDS = 30.0
GREETING_SECONDS = 4.0
"""A daemon that runs greets within milliseconds. Twice, under load, one never did, probably since two of its
threads read one connection (see `_command_line`)."""


class DaemonProcess:
    """Invariant: at most one daemon lives per folder. Its owner starts and kills it under a lock; anyone
    may ask whether it lives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sockets = short_folder.last(folder, LONGEST_FOLDER) or folder
        self._pid_file = folder / "storage-daemon.pid"
        self._log_file = folder / "storage-daemon.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def nbd_socket(self) -> Path:
        return self._sockets / "nbd.sock"

    @property
    def _qmp_socket(self) -> Path:
        return self._sockets / "qmp.sock"

    @property
    def alive(self) -> bool:
        process = self._process
        return process is not None and process.poll() is None

    @property
    def began(self) -> bool:
        """Whether one was started since the last `kill`, even if it has died."""
        return self._process is not None

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> QmpClient:
        """Start a daemon; returns the connection to it. Raises StorageDaemonGone if it does not start."""
        self.kill_stale()
        self._sockets = short_folder.made(self.folder, LONGEST_FOLDER)
        self._launch()
        return self._connected()

    def died(self, wait_seconds: float) -> bool:
        """Whether the daemon is gone, waiting at most `wait_seconds`. A killed daemon closes its sockets a
        moment before the kernel reports its death."""
        process = self._process
        if process is None:
            return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=wait_seconds)
        return process.poll() is not None

    def kill(self) -> None:
        """End it; harmless if it has ended."""
        if self._process is not None:
            if self.alive:
                self._process.kill()
            self._process.wait(timeout=20)
        self._process = None

    def clear(self) -> None:
        """Remove the files by which a daemon that has ended could be found, and what it wrote. A file that
        cannot be removed does no harm: it leads to no running daemon."""
        with contextlib.suppress(OSError):
            for path in (self._pid_file, self._qmp_socket, self.nbd_socket, self._log_file):
                path.unlink(missing_ok=True)
            self.folder.rmdir()

    def not_up(self, what: str) -> errors.StorageDaemonGone:
        """The error for a daemon that did not start, with the last lines that it wrote."""
        try:
            said = self._log_file.read_text(errors="replace").strip()[-500:]
        except OSError:
            said = ""
        return errors.StorageDaemonGone(
            f"{what[0].upper()}{what[1:]}{': ' + said if said else ''}.",
            do=f"Check that Debian's qemu-utils is installed and read {self._log_file}; then repeat.",
        )

    def kill_stale(self) -> None:
        """Kill the daemon that an earlier process left in this folder, if any; on return no image is
        locked by it."""
        try:
            pid = int(self._pid_file.read_text())
        except (OSError, ValueError):
            return
        if not ending.kill(pid, lambda: _carries(pid, str(self._qmp_socket)), START_SECONDS):
            raise self.not_up(f"the daemon {pid} of an earlier run cannot be killed")
        self._pid_file.unlink(missing_ok=True)

    def _launch(self) -> None:
        for path in (self._qmp_socket, self.nbd_socket):
            path.unlink(missing_ok=True)
        with self._log_file.open("wb") as log:
            environment = {**os.environ, **malloc.ENVIRONMENT}
            self._process = children.start(self._command_line(), log, environment)
        # QEMU writes its own pid file only after start-up; if we crashed before that, nobody would find the
        # daemon. On a full store it is not found either, but points can still be read; it ends with our
        # process anyway.
        with contextlib.suppress(OSError):
            self._pid_file.write_text(str(self._process.pid))

    def _connected(self) -> QmpClient:
        deadline = time.monotonic() + START_SECONDS
        while True:
            asked_at = time.monotonic()
            try:
                return QmpClient(self._qmp_socket, GREETING_SECONDS)
            except errors.StorageDaemonGone:
                self._check_starting(deadline)
                if time.monotonic() - asked_at >= GREETING_SECONDS:
                    self.kill()
                    self._launch()
                time.sleep(0.01)

    def _check_starting(self, deadline: float) -> None:
        """Raises StorageDaemonGone if it has ended, or is not up in time."""
        process = self._process
        if process is not None and process.poll() is not None:
            self.kill()
            raise self.not_up(f"qemu-storage-daemon did not start: it ended with code {process.returncode}")
        if time.monotonic() > deadline:
            self.kill()
            raise self.not_up(f"qemu-storage-daemon gave no sign of life for {START_SECONDS:.0f} s")

    def _command_line(self) -> list[str]:
        """`wait=on`: QEMU takes our connection before there is a thread for its monitor. Taken while that
        thread begins, it may be read by two at once, and commands lose characters."""
        qmp, nbd = (str(path).replace(",", ",,") for path in (self._qmp_socket, self.nbd_socket))
        return [
            "qemu-storage-daemon",
            "--chardev", f"socket,id=qmp,path={qmp},server=on,wait=on",
            "--monitor", "chardev=qmp",
            "--nbd-server", f"addr.type=unix,addr.path={nbd},max-connections=0",
        ]  # fmt: skip


def _carries(pid: int, text: str) -> bool:
    try:
        return text.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
