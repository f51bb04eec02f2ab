"""A relay between two sites: it notes how many bytes pass when, and may alter them, hold them up or break
the line."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from secondsite.ground import threads

PIECE_BYTES = 256 * 1024


class Relay:
    """Listens on `port` of loopback and passes on to `target`, a port there, or the path of a unix socket.
    While `moving` is cleared it stands still; once it is cut, nobody gets through until `up` is true
    again."""

    def __init__(self, target: int | Path) -> None:
        self.passed: list[tuple[float, int, int]] = []
        """(monotonic time, connection, bytes) of what went forward."""
        self.moving = threading.Event()
        self.moving.set()
        self.up = True
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._sockets = [self._server]
        self._threads: list[threads.Worker] = []
        self._begin(self._accept)

    def close(self) -> None:
        self.moving.set()
        for each in self._sockets:
            _shut(each)
            each.close()
        for thread in self._threads:
            thread.join(5)

    def cut(self) -> None:
        """What passes is lost."""
        self.up = False
        for each in self._sockets[1:]:
            _shut(each)

    def passed_bytes(self) -> int:
        """All that ever went forward."""
        return sum(count for _, _, count in list(self.passed))

    def rate(self, begin: float, end: float) -> float:
        """Bytes per second that passed between the two moments."""
        return sum(self.shares(begin, end).values()) / (end - begin)

    def shares(self, begin: float, end: float) -> dict[int, int]:
        """Bytes of each connection between the two moments."""
        shares: dict[int, int] = {}
        for at, connection, count in list(self.passed):
            if begin <= at < end:
                shares[connection] = shares.get(connection, 0) + count
        return shares

    def altered(self, data: bytes) -> bytes:
        """What is passed on instead of `data`, which goes forward; an OSError breaks the line. For
        subclasses."""
        return data

    def _begin(self, run: Callable[..., None], *arguments: object) -> None:
        thread = threads.worker("relay", run, *arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            if not self.up:
                near.close()
                continue
            try:
                far = self._far()
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            self._sockets += [near, far]
            self._begin(self._pump, near, far, len(self._sockets))
            self._begin(self._pump, far, near, None)

    def _far(self) -> socket.socket:
        if isinstance(self._target, int):
            return socket.create_connection(("127.0.0.1", self._target), timeout=5)
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(str(self._target))
        except OSError:
            far.close()
            raise
        return far

    def _pump(self, source: socket.socket, sink: socket.socket, connection: int | None) -> None:
        try:
            while data := source.recv(PIECE_BYTES):
                if connection is not None:
                    self.passed.append((time.monotonic(), connection, len(data)))
                    data = self.altered(data)
                self.moving.wait()
                sink.sendall(data)
        except OSError:
            pass
        finally:
            _shut(source)
            _shut(sink)


def _shut(each: socket.socket) -> None:
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
