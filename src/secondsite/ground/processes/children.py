"""Child processes that end with this one, even if it is killed.

The kernel sends the signal when the *thread* that made the child ends (prctl(2), PR_SET_PDEATHSIG). So one
thread, which lives as long as the process, makes them all. There is no signal if this process died before
the child asked for it, so a child looks then whether its parent is still this process."""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import IO

from .. import threads

Child = subprocess.Popen[bytes]
Expired = subprocess.TimeoutExpired
BINDING = ("setpriv", "--pdeathsig", "KILL", "sh", "-c", 'test "$PPID" = "$0" && exec "$@"')
"""Starts a command such that it dies with this process. Once an orphan took the sockets of the daemon that
the next process had started."""


class _Maker:
    """The thread that makes all children of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: queue.SimpleQueue[
            tuple[Future[Child], Sequence[str], IO[bytes], Mapping[str, str], IO[bytes] | None, Sequence[int]]
        ]
        self._owner = 0

    def make(
        self,
        command: Sequence[str],
        output: IO[bytes],
        environment: Mapping[str, str],
        stdin: IO[bytes] | None,
        passed: Sequence[int],
    ) -> Child:
        made: Future[Child] = Future()
        with self._lock:
            if self._owner != os.getpid():
                self._owner, self._wanted = os.getpid(), queue.SimpleQueue()
                threads.worker("children", self._run).start()
        self._wanted.put((made, command, output, environment, stdin, passed))
        return made.result()

    def _run(self) -> None:
        while True:
            made, command, output, environment, stdin, passed = self._wanted.get()
            try:
                child = subprocess.Popen(
                    [*BINDING, str(os.getpid()), *command], stdin=stdin or subprocess.DEVNULL, stdout=output,
                    stderr=output,
                    start_new_session=True, env=environment, pass_fds=passed,
                )  # fmt: skip
                made.set_result(child)
            except Exception as problem:
                made.set_exception(problem)


_maker = _Maker()


def start(
    command: Sequence[str],
    output: IO[bytes],
    environment: Mapping[str, str],
    stdin: IO[bytes] | None = None,
    passed: Sequence[int] = (),
) -> Child:
    """Start a program in a session of its own, with its output in a file, and with these descriptors of ours
    under their numbers. Raises OSError."""
    return _maker.make(command, output, environment, stdin, passed)
