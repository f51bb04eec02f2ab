"""Our processes: started in sessions of their own, watched by their log, killed as a power cut would."""

import contextlib
import fcntl
import functools
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rig.forking import Forked, ForkServer

ROOT = Path(__file__).resolve().parents[1]
PORTS = (10000, 32000)
_taken: set[int] = set()


class DidNotStart(Exception):
    """A process ended, or did not say that it is ready, within its deadline; the end of its log is in the
    text."""


@dataclass(slots=True)
class Process:
    """One `secondsite` process, which can be started again and again."""

    name: str
    arguments: Sequence[str]
    log: Path
    ready_line: str
    environment: Mapping[str, str] = field(default_factory=dict)
    module: str = "secondsite.entry.main"
    forks: ForkServer | None = None
    """Where it is forked instead of being started anew."""
    inside: Sequence[str] = ()
    """Words before the command, such as those that enter a namespace; they must replace themselves by it."""
    _running: subprocess.Popen[bytes] | Forked | None = None

    def start(self, within_seconds: float = 60) -> None:
        """Starts it and waits until its log says that it is ready."""
        if self.is_alive:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        seen = self.log.stat().st_size if self.log.exists() else 0
        if self.forks is not None:
            self._running = self.forks.fork(self.arguments, self.log, environment() | dict(self.environment))
        else:
            self._running = self._spawn()
        self._wait_until_ready(seen, within_seconds)

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as out:
            return subprocess.Popen(
                [*self.inside, sys.executable, "-m", self.module, *self.arguments],
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env=environment() | dict(self.environment),
            )

    def _wait_until_ready(self, seen: int, within_seconds: float) -> None:
        deadline = time.monotonic() + within_seconds
        while not self._has_said(self.ready_line, seen):
            if not self.is_alive or time.monotonic() > deadline:
                tail = b"\n".join(self.log.read_bytes()[seen:].splitlines()[-30:]).decode(errors="replace")
                raise DidNotStart(
                    f"{self.name} is not ready after {within_seconds} s; its log {self.log} ends:\n{tail}"
                )
            time.sleep(0.02)

    def _has_said(self, line: str, since: int) -> bool:
        return self.log.exists() and line.encode() in self.log.read_bytes()[since:]

    @property
    def is_alive(self) -> bool:
        return self._running is not None and self._running.poll() is None

    @property
    def pid(self) -> int:
        assert self._running is not None, f"{self.name} was never started"
        return self._running.pid

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Asks it to end; kills it after ten seconds."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._running is None:
            return
        if self._running.poll() is None:
            self._running.send_signal(how)
        try:
            self._running.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._running.kill()
            self._running.wait(timeout=10)

    def rss_bytes(self) -> int:
        """Resident memory now."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0


def environment() -> dict[str, str]:
    """This process's environment, with the source found."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def free_port() -> int:
    """A loopback port that nobody has now, below those that the kernel gives to connections: a process
    that is started again would not get such a one back. No other process of tests takes it as long as this
    one lives: seen once, a vault that was started again found its port with another rig's."""
    while True:
        port = random.SystemRandom().randrange(*PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in _taken and _take(port):
                return port


@functools.cache
def _ledger() -> int:
    """One open file: to close another one of it would give back all that is locked in it. The same for all
    of a user, whatever folder of their own they have for what they leave behind."""
    return os.open(f"/tmp/secondsite-ports-{os.geteuid()}", os.O_RDWR | os.O_CREAT, 0o600)


def _take(port: int) -> bool:
    """Whether no other process had taken it. The lock goes with this process."""
    try:
        fcntl.lockf(_ledger(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)  # noqa: TID251 - a byte for each port, of one file
    except OSError:
        return False
    _taken.add(port)
    return True


def of_folder(folder: Path) -> list[int]:
    """Processes that name the folder in their command line: QEMUs, storage daemons, our own; never who
    asks."""
    found, spared = [], _ourselves()
    named = re.compile(re.escape(str(folder).encode()) + rb"(?![0-9A-Za-z])")  # not b2's for b's
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in spared:
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if named.search(command):
                found.append(int(entry.name))
    return found


def _ourselves() -> set[int]:
    """This process and those that started it: a wrapper such as `timeout ... --remove FOLDER` names the
    folder too."""
    pids = set()
    pid = os.getpid()
    while pid > 1:
        pids.add(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return pids


def kill_all(pids: Sequence[int]) -> None:
    """kill -9 to each, and wait until none is left (they may be children of others)."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    deadline = time.monotonic() + 10
    while any(_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)


def kill_folder(folder: Path, within_seconds: float = 10) -> int:
    """kill -9 to all that name the folder, and to what they began meanwhile; how many those were."""
    killed, deadline = 0, time.monotonic() + within_seconds
    while left := of_folder(folder):
        assert time.monotonic() < deadline, f"processes of {folder} are left: {left}"
        kill_all(left)
        killed += len(left)
    return killed


def _alive(pid: int) -> bool:
    """One whose first thread has ended lives on as long as the others: they hold its files and locks."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] != "Z" or int(fields[17]) > 1
