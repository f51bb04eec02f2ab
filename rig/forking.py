"""A process that has imported the product and forks our processes on request: milliseconds instead of a second each.

It speaks lines of JSON over its standard streams and ends, with all that it forked, when its input is closed. It
never imports libvirt, whose threads do not survive a fork: it is for simulated sites.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

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

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None

    def fork(self, arguments: Sequence[str], log: Path, environment: Mapping[str, str]) -> Forked:
        """`secondsite ARGUMENTS` in a session of its own, its output appended to `log`."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-c", "from rig.forking import serve; serve()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=self._environment,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        wish = {"arguments": list(arguments), "log": str(log), "environment": dict(environment)}
        self._process.stdin.write(json.dumps(wish).encode() + b"\n")
        self._process.stdin.flush()
        return Forked(int(self._process.stdout.readline()))

    def close(self) -> None:
        if self._process is None:
            return
        self._process.communicate(timeout=10)
        self._process = None


def _born(pid: int) -> str | None:
    """When the process started, so that a reused pid is not taken for it; None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def serve() -> None:
    """The fork server's own process."""
    from secondsite.entry import appliance_main, main, vault_main  # noqa: F401
    from secondsite.entry import fabrics as _fabrics  # noqa: F401
    from secondsite.fabrics import simulated as _simulated  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin.buffer:
        wish = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(wish)
            main.main()
            os._exit(0)
        print(pid, flush=True)


def _become(wish: dict[str, object]) -> None:
    """Nothing of the fork server's is left in the child but what it imported."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    out = os.open(str(wish["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(source, target)
    os.closerange(3, 64)
    os.environ.update(wish["environment"])  # type: ignore[call-overload]
    sys.argv = ["secondsite", *wish["arguments"]]  # type: ignore[misc]
