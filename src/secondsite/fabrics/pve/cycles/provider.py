"""Where the plugin at a node dials when a backup to our storage begins.

Only a backup that is waited for here is answered: one that somebody else began, or that a dead process left
waiting, is refused, and ends."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ....domain import errors
from ....ground import threads
from ..errors import plain
from .line import Line
from .words import Begin, said

WAITING = 16
HEAR_SECONDS = 5.0
NOT_ASKED = "No cycle of this machine waits: only secondsite begins backups to this storage."


@dataclass(frozen=True, slots=True)
class Begun:
    """A backup that is about to fix its instant."""

    line: Line
    asked: Begin


@dataclass(frozen=True, slots=True)
class Expected:
    """A backup that was ordered."""

    _arrived: queue.SimpleQueue[Begun] = field(default_factory=queue.SimpleQueue)

    def take(self, seconds: float) -> Begun | None:
        """None if it has not dialled within this time."""
        with contextlib.suppress(queue.Empty):
            return self._arrived.get(timeout=seconds)
        return None

    def put(self, begun: Begun) -> None:
        self._arrived.put(begun)


class Provider:
    """Listens at a path that only its own user, and root, may reach. Thread-safe."""

    def __init__(self, path: Path) -> None:
        """Raises NotPossibleNow if it cannot listen there."""
        self._path = path
        self._lock = threading.Lock()
        self._expected: dict[int, Expected] = {}
        self._listening = _listening(path)
        self._worker = threads.worker("pve-provider", self._accept)
        self._worker.start()

    @contextlib.contextmanager
    def expecting(self, vmid: int) -> Iterator[Expected]:
        """The next backup of this machine, within the context. Raises NotPossibleNow while another one is
        waited for."""
        with self._lock:
            if vmid in self._expected:
                raise errors.NotPossibleNow(f"A view of machine {vmid} is being opened already.")
            self._expected[vmid] = expected = Expected()
        try:
            yield expected
        finally:
            with self._lock:
                del self._expected[vmid]
            late = expected.take(0.001)
            if late is not None:
                late.line.fail("The cycle does not wait any more.")
                late.line.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        threads.have_ended([self._worker], 2 * HEAR_SECONDS)
        self._listening.close()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            try:
                talk, _ = self._listening.accept()
            except OSError:
                return
            self._greet(Line(talk))

    def _greet(self, line: Line) -> None:
        try:
            asked = said(Begin, line.heard(HEAR_SECONDS))
        except errors.SecondsiteError as problem:
            line.fail(problem.message)
            line.close()
            return
        with self._lock:
            expected = self._expected.get(asked.vmid)
            if expected is not None:
                expected.put(Begun(line, asked))
                return
        line.fail(NOT_ASKED)
        line.close()


def _listening(path: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen(WAITING)
    except OSError as problem:
        listening.close()
        raise errors.NotPossibleNow(
            f"Nothing can listen at {path} for backups: {plain(problem)}.",
            do="Make its folder, for the appliance's user alone; the path has at most 107 letters.",
        ) from None
    return listening
