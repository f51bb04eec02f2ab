"""The listening end of the data channel: a thread per connection, a cap on their number, a clean stop."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable

import structlog

from ...ground import threads
from ..errors import DatapathError, PeerUnreachable
from .connection import Connection, Limiter, greet, secure
from .tls import TlsFiles, server_context

Handler = Callable[[Connection], None]

log = structlog.get_logger(__name__)

HANDSHAKE_SECONDS = 10


class Listener:
    """Accepts peers on a port and gives each greeted connection to `handler`, in a thread of its own. A peer beyond
    `most_connections` is disconnected at once and tries again."""

    def __init__(
        self,
        host: str,
        port: int,
        tls: TlsFiles,
        handler: Handler,
        *,
        most_connections: int = 64,
        idle_seconds: float = 30,
        limiter: Limiter | None = None,
    ) -> None:
        """Bind; port 0 takes a free one. Raises PeerUnreachable if the address is taken."""
        self._context = server_context(tls)
        self._handler = handler
        self._most_connections = most_connections
        self._idle_seconds = idle_seconds
        self._limiter = limiter
        self._lock = threading.Lock()
        self._sockets: dict[threads.Worker, socket.socket] = {}
        self._stopping = False
        self._socket = _bind(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._wake, self._woken = socket.socketpair()
        self._thread = threads.worker(f"data-port-{self.port}", self._accept)

    def start(self) -> Listener:
        """Begin to accept."""
        self._thread.start()
        return self

    def renew(self, tls: TlsFiles) -> None:
        """Use these certificate files for new connections."""
        self._context = server_context(tls)

    def stop(self, within_seconds: float = 10) -> None:
        """Stop accepting, cut every connection, wait for the threads."""
        self._stopping = True
        self._wake.send(b"x")
        if self._thread.is_alive():
            self._thread.join(within_seconds)
        self._socket.close()
        with self._lock:
            open_now = dict(self._sockets)
        for plain in open_now.values():
            _cut(plain)
        for thread in open_now:
            thread.join(within_seconds)
        self._wake.close()
        self._woken.close()

    def _accept(self) -> None:
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        poller.register(self._woken, select.POLLIN)
        while not self._stopping:
            poller.poll()
            if self._stopping:
                return
            try:
                plain, _address = self._socket.accept()
            except OSError:  # the peer went away between poll and accept, or we are out of descriptors
                continue
            self._admit(plain)

    def _admit(self, plain: socket.socket) -> None:
        thread = threads.worker("data-peer", self._serve, plain)
        with self._lock:
            if len(self._sockets) >= self._most_connections:
                log.warning("connection.refused", port=self.port, open_connections=len(self._sockets))
                plain.close()
                return
            self._sockets[thread] = plain
        thread.start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            with self._secure(plain) as connection:
                greet(connection, self._idle_seconds)
                self._handler(connection)
        except DatapathError as error:
            log.info("connection.ended", port=self.port, problem=str(error))
        except Exception:
            log.exception("connection.crashed", port=self.port)
        finally:
            plain.close()
            with self._lock:
                self._sockets.pop(threading.current_thread(), None)

    def _secure(self, plain: socket.socket) -> Connection:
        connection = secure(
            plain, self._context, server_side=True, idle_seconds=HANDSHAKE_SECONDS, limiter=self._limiter
        )
        with self._lock:
            # wrapping detached the plain socket; from now on the TLS socket is the one to cut
            self._sockets[threading.current_thread()] = connection.socket
        if self._stopping:
            connection.cut()
        return connection


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as problem:
        raise PeerUnreachable(
            f"the data port {host}:{port} cannot be opened: {problem}",
            do="choose another port, or stop the program that uses it",
        ) from None


def _cut(plain: socket.socket) -> None:
    try:
        socket.socket.shutdown(plain, socket.SHUT_RDWR)
    except OSError:
        pass
