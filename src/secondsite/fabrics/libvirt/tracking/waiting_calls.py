"""Finds out whether a call of another program waits in libvirt, such as the owner's snapshot or backup while
a view of ours is open.

libvirt tells nobody who waits for a machine. But a call that waits keeps a worker of the daemon busy, and the
daemon's administration socket tells how many are. An embedded driver serves no other program.
"""

import contextlib
import re
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from ..host import connection

PAUSE_SECONDS = 0.5
ANSWER_SECONDS = 5.0
FORGET_SECONDS = 1.0
"""After this time without a look, what was seen belongs to an earlier view."""
SOCKETS = ("libvirt-sock", "virtqemud-sock")
DAEMONS = {"virtqemud": "virtqemud-admin-sock", "libvirtd": "libvirt-admin-sock"}
"""The first that is there has the calls: where virtqemud is, `libvirt-sock` is a proxy's."""
RUN = Path("/run/libvirt")


class WaitingCalls:
    """Asks without waiting: each look starts a question or takes its answer. Thread-safe."""

    def __init__(self, uri: str) -> None:
        self._command = question(uri)
        self._lock = threading.Lock()
        self._asking: subprocess.Popen[str] | None = None
        self._asked_at = 0.0
        self._ours = 0
        self._since: float | None = None
        self._looked_at = 0.0
        self._usual = 0
        """How many calls go on although a view gave way: they wait for something else."""
        self._gave_way = False

    def seconds(self) -> float:
        """How long some call has been waiting without a pause, in seconds; 0 if none does, or if that cannot
        be found out."""
        if self._command is None:
            return 0.0
        with self._lock:
            now = time.monotonic()
            if now - self._looked_at > FORGET_SECONDS:
                self._give_up()
            self._looked_at = now
            self._step(self._command, now)
            return 0.0 if self._since is None else now - self._since

    def gave_way(self) -> None:
        """Note that a view gave way to the call. A call that still goes on afterwards is not waiting for
        views."""
        with self._lock:
            self._since, self._gave_way = None, True

    def opening(self) -> None:
        """Note that a view is about to be opened: calls that are in progress now do not wait for it. Asks
        only if a view gave way for nothing, or may have."""
        if self._command is None or not (self._gave_way or self._usual):
            return
        ours = connection.calls_now()
        said = ""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            said = subprocess.run(
                self._command, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False
            ).stdout
        with self._lock:
            self._usual, self._gave_way = max(0, _busy(said) - ours), False

    def close(self) -> None:
        with self._lock:
            self._give_up()

    def _step(self, command: list[str], now: float) -> None:
        if now - self._asked_at > ANSWER_SECONDS:  # it does not answer
            self._give_up()
        if self._asking is None:
            if now - self._asked_at >= PAUSE_SECONDS:
                self._ask(command, now)
        elif self._asking.poll() is not None:
            ours = min(self._ours, connection.calls_now())
            self._note(max(0, _busy(self._asking.communicate()[0]) - ours))
            self._asking = None

    def _ask(self, command: list[str], now: float) -> None:
        self._asked_at, self._ours = now, connection.calls_now()
        with contextlib.suppress(OSError):
            self._asking = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )

    def _note(self, busy: int) -> None:
        self._usual = min(self._usual, busy)
        if busy <= self._usual:
            self._since = None
        elif self._since is None:
            self._since = self._asked_at

    def _give_up(self) -> None:
        self._since = None
        if self._asking is not None:
            self._asking.kill()
            self._asking.communicate()
            self._asking = None


def question(uri: str) -> list[str] | None:
    """The command that asks; None if this hypervisor has no administration socket that can be reached."""
    parts = urlsplit(uri)
    if parts.scheme not in ("qemu", "qemu+unix") or parts.netloc or parts.path != "/system":
        return None
    asked = Path(parse_qs(parts.query).get("socket", [str(RUN / SOCKETS[0])])[0])
    for daemon, name in DAEMONS.items() if asked.name in SOCKETS else ():
        if asked.with_name(name).exists():
            admin = f"{daemon}+unix:///system?socket={asked.with_name(name)}"
            return ["virt-admin", "-c", admin, "server-threadpool-info", daemon]
    return None


def _busy(said: str) -> int:
    """How many of the daemon's workers have a call, and how many calls have none."""
    values = {key: int(value) for key, value in re.findall(r"(\w+)\s*:\s*(\d+)", said)}
    return max(0, values.get("nWorkers", 0) - values.get("freeWorkers", 0)) + values.get("jobQueueDepth", 0)
