"""Runs a script as a process with a deadline.

It ends with the appliance, with all that it has started: the supervisor sees to that. Its output is read
while it runs, so that a script which writes for hours fills no disk."""

import contextlib
import os
import select
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from ....ground.processes import children

ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
"""The whole environment of a script: it inherits nothing from the appliance."""
SUPERVISOR = (sys.executable, "-I", "-S", str(Path(__file__).with_name("supervisor.py")))
ENDS_SECONDS = 10.0
LOOK_SECONDS = 0.1
KEPT_BYTES = 16000


@dataclass(slots=True)
class ScriptExit:
    """How a script ended. `status` is its exit status; None if it was killed at its deadline."""

    status: int | None
    seconds: float
    output: bytes


@dataclass(slots=True)
class _Output:
    """Keeps the last part of what comes out of a pipe."""

    pipe: int
    kept: bytes = field(default=b"")

    def read(self, wait_seconds: float) -> bool:
        """Read what is there, waiting at most `wait_seconds`; False if nothing came, or nothing more can
        come."""
        if not select.select([self.pipe], [], [], wait_seconds)[0]:
            return False
        got = os.read(self.pipe, KEPT_BYTES)
        self.kept = (self.kept + got)[-KEPT_BYTES:]
        return bool(got)


def run(path: Path, said: bytes, timeout_seconds: float) -> ScriptExit:
    """Run the script, and kill it after `timeout_seconds`. `said` goes to its standard input. Raises OSError
    if it cannot be started."""
    began = time.monotonic()
    pipe, end = os.pipe()
    try:
        with os.fdopen(end, "wb") as write, tempfile.TemporaryFile() as stdin:
            stdin.write(said)
            stdin.seek(0)
            child = children.start([*SUPERVISOR, str(path)], write, ENVIRONMENT, stdin)
        output = _Output(pipe)
        status = _until_its_end(child, output, began + timeout_seconds)
        return ScriptExit(status, time.monotonic() - began, output.kept)
    finally:
        os.close(pipe)


def _until_its_end(child: children.Child, output: _Output, deadline: float) -> int | None:
    while child.poll() is None:
        if time.monotonic() >= deadline:
            _kill(child)
            return None
        if not output.read(LOOK_SECONDS):
            with contextlib.suppress(children.Expired):
                child.wait(LOOK_SECONDS)
    # what it left running in the background may hold the pipe open, so its end is not waited for
    for _ in range(100):
        if not output.read(0):
            break
    return child.returncode


def _kill(child: children.Child) -> None:
    """Kill the script with everything that it has started."""
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(signal.SIGTERM)
    try:
        child.wait(ENDS_SECONDS)
    except children.Expired:
        child.kill()  # the script itself ends with it
        child.wait()
