"""Passes bytes between a way's connection to the vault and the machine, both ways at once.

Neither side is read faster than the other takes what came: what waits is bounded by the buffers of two
sockets.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from ...fabrics.entering import Opened
from ...ground import threads
from ...wire.control.ways import END, LONGEST

LOOK_SECONDS = 5.0
"""How often it is looked whether a way has been idle, or open, for too long."""


class Way:
    """One open way. `begin` starts it, `close` ends it; `ended` is called once, whatever ends it."""

    def __init__(
        self, line: ClientConnection, opened: Opened, most_seconds: float, idle_seconds: float,
        ended: Callable[["Way"], None],
    ) -> None:  # fmt: skip
        self._line = line
        self._opened = opened
        self._ends_at = time.monotonic() + most_seconds
        self._idle_seconds = idle_seconds
        self._moved_at = time.monotonic()
        self._ended = ended
        self._closing = threading.Lock()
        self._is_closed = threading.Event()
        self._workers = (
            threads.worker("way-in", self._run, self._inwards),
            threads.worker("way-out", self._run, self._outwards),
            threads.worker("way-end", self._watch),
        )

    def begin(self) -> None:
        for each in self._workers:
            each.start()

    def close(self) -> None:
        """End the way, from any thread; does nothing the second time."""
        with self._closing:
            if self._is_closed.is_set():
                return
            self._is_closed.set()
        with contextlib.suppress(OSError):
            self._opened.line.shutdown(socket.SHUT_RDWR)
        self._opened.close()
        with contextlib.suppress(OSError):
            self._line.socket.shutdown(socket.SHUT_RDWR)  # a closing handshake waits for a peer that is busy
        self._ended(self)

    def _run(self, passes: Callable[[], None]) -> None:
        try:
            with contextlib.suppress(OSError, ConnectionClosed):
                passes()
        finally:
            self.close()

    def _inwards(self) -> None:
        for part in self._line:
            self._moved_at = time.monotonic()
            if isinstance(part, bytes):
                self._opened.line.sendall(part)
            elif part == END:
                self._opened.line.shutdown(socket.SHUT_WR)

    def _outwards(self) -> None:
        while part := self._opened.line.recv(LONGEST):
            self._moved_at = time.monotonic()
            self._line.send(part)
        self._line.close()  # what was sent arrives first

    def _watch(self) -> None:
        while not self._is_closed.wait(LOOK_SECONDS):
            now = time.monotonic()
            if now > self._ends_at or now - self._moved_at > self._idle_seconds:
                self.close()
