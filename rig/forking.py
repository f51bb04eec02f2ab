"""A process that has imported the product and forks our processes on request: milliseconds instead of a
second each.

It speaks lines of JSON over its standard streams and ends, with all that it forked, when its input is closed.
It never imports libvirt, whose threads do not survive a fork: it is for simulated sites.
"""

import atexit
import ctypes
import functools
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from rig import preset

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.005


class Forked:
    """One forked process, with as much of Popen as a rig uses."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._born = _born(pid)
        self.returncode: int | None = None if self._born else -signal.SIGKILL

    def poll(self) -> int | None:
        """None while it lives; which way it ended only the fork server knew."""
        if self.returncode is None and _born(self.pid) != self._born:
            self.returncode = -signal.SIGKILL
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float) -> int:
        """Raises subprocess.TimeoutExpired."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(POLL_SECONDS)
        return code


class ForkServer:
    """Starts with the first use; `close` ends it and what it forked."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        """Without it two keepers that start processes at the same moment get each other's."""

    @property
    def pid(self) -> int | None:
        """None before the first use."""
        return None if self._process is None else self._process.pid

    def fork(self, arguments: Sequence[str], log: Path, environment: Mapping[str, str]) -> Forked:
        """`secondsite ARGUMENTS` in a session of its own and in this environment, its output appended to
        `log`."""
        return self._fork(arguments, environment, log, log)

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], timeout_seconds: float
    ) -> subprocess.CompletedProcess[str]:
        """`secondsite ARGUMENTS` to its end. Raises subprocess.TimeoutExpired, and then nothing of it is
        left."""
        with tempfile.TemporaryDirectory() as folder:
            out, err, ended = (Path(folder) / name for name in ("out", "err", "ended"))
            forked = self._fork(arguments, environment, out, err, ended)
            try:
                forked.wait(timeout_seconds)
            finally:
                forked.kill()
            code = int(ended.read_text()) if ended.exists() else -signal.SIGKILL
            return subprocess.CompletedProcess(arguments, code, out.read_text(), err.read_text())

    def _fork(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        out: Path,
        err: Path,
        ended: Path | None = None,
    ) -> Forked:
        wish = {"arguments": list(arguments), "environment": dict(environment)}
        wish |= {"out": str(out), "err": str(err), "ended": str(ended or "")}
        with self._lock:
            server = self._process = self._process or self._start(environment)
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write(json.dumps(wish).encode() + b"\n")
            server.stdin.flush()
            return Forked(int(server.stdout.readline()))

    def _start(self, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", "from rig.forking import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(environment),
        )

    def close(self) -> None:
        if self._process is None:
            return
        self._process.communicate(timeout=10)
        self._process = None


@functools.cache
def shared() -> ForkServer:
    """The one of this process; what it forked ends with this process at the latest."""
    server = ForkServer()
    atexit.register(server.close)
    return server


def _born(pid: int) -> str | None:
    """When the process started, so that a reused pid is not taken for it; None when it is gone. One whose
    first thread has ended is not gone yet: the others still hold its files and locks."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    state, threads, born = fields[0], int(fields[17]), fields[19]
    return None if state in "ZX" and threads <= 1 else born


def serve() -> None:
    """The fork server's own process."""
    from secondsite.entry import appliance_main, commands, main, vault_main  # noqa: F401
    from secondsite.entry import fabrics as _fabrics  # noqa: F401
    from secondsite.fabrics import simulated as _simulated  # noqa: F401

    preset.make()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.freeze()  # else each child copies all pages with its first collection
    for line in sys.stdin.buffer:
        wish = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(wish)
            _act(wish["ended"])
        print(pid, flush=True)


def _become(wish: dict[str, Any]) -> None:
    """Nothing of the fork server's is left in the child but what it imported."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    out, err = (os.open(wish[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for name in ("out", "err"))
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (out, 1), (err, 2)):
        os.dup2(source, target)
    os.closerange(3, 64)
    os.environ.clear()
    os.environ.update(wish["environment"])
    sys.argv = ["secondsite", *wish["arguments"]]


def _act(ended: str) -> None:
    """As the interpreter would; it does not return. The exit code is written to `ended`, if that names a
    file."""
    from secondsite.entry import main

    leave = os._exit

    def noted(status: int) -> NoReturn:
        """A service leaves without a word to those who called it."""
        if ended:
            Path(ended).write_text(str(status))
        leave(status)

    os._exit = noted
    code = 1
    try:
        with preset.in_use():
            main.main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    noted(code)
