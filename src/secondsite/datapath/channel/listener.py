"""The listening end of the data channel: a thread per connection, strangers kept at bay, a clean stop.

Anybody may dial the port. A connection without a valid certificate is a stranger: it is closed after a while,
or for a newer one if there are too many (see ground.connection_limits). So no flood of strangers takes the
slots of peers."""

from __future__ import annotations

import contextlib
import math
import select
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import structlog

from ...ground import threads
from ...ground.connection_limits import Limits, Tally, Visitors
from ..errors import DatapathError, PeerRefused, PeerUnreachable
from .connection import Connection, Limiter
from .handshake import greet, secure
from .tls import TlsFiles, server_context

Handler = Callable[[Connection], None]

log = structlog.get_logger(__name__)

HANDSHAKE_SECONDS = 10
LOOK_MILLISECONDS = 1000
PAUSE_MILLISECONDS = 100
DATA_PORT = Limits(
    most=160,
    per_address=128,
    trusted_per_second=500.0,
    stranger_seconds=HANDSHAKE_SECONDS,
    idle_seconds=math.inf,
)
"""The most peers at once, with a thread each: each cycle of each machine may dial anew, and silent peers are
dropped by their own deadlines."""
MOST_OF_ONE_PEER = 64


class _Line:
    """A connection that another thread may cut at any time. Securing it takes its socket, and
    SSLSocket.shutdown would pull the TLS object away from under the thread that reads; so it has a handle
    of its own."""

    def __init__(self, plain: socket.socket) -> None:
        self.socket = plain
        self.peer: tuple[str, str] | None = None
        """The peer's name and the SHA-256 of its key, once they are known."""
        self._handle = plain.dup()

    def shutdown(self, how: int) -> None:
        self._handle.shutdown(how)

    def cut(self) -> None:
        with contextlib.suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.socket.close()
        self._handle.close()


class Listener:
    """Accepts peers on a port and gives each greeted connection to `handler`, in a thread of its own. A
    connection that is not admitted is closed at once, and counted; its peer tries again."""

    def __init__(
        self,
        host: str,
        port: int,
        tls: TlsFiles,
        handler: Handler,
        *,
        admits: Callable[[str, str], bool] = lambda _peer_name, _key_sha256: True,
        limits: Limits = DATA_PORT,
        most_of_one_peer: int = MOST_OF_ONE_PEER,
        idle_seconds: float = 30,
        limiter: Limiter | None = None,
    ) -> None:
        """Bind; port 0 takes a free one. `admits` says whether a certificate with this name and key is still
        accepted. Raises PeerUnreachable if the address is taken."""
        self._context = server_context(tls)
        self._handler = handler
        self._admits = admits
        self._most_of_one_peer = most_of_one_peer
        self._idle_seconds = idle_seconds
        self._limiter = limiter
        self._lock = threading.Lock()
        self._lines: dict[threads.Worker, _Line] = {}
        self._peers: Counter[str] = Counter()
        self._visitors = Visitors(limits, Tally(self._tell))
        self._stopping = False
        self._socket = _bind(host, port)
        self._visitors.barrier.guard(self._socket)
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

    def look_again(self) -> None:
        """Cut the connections of peers that are no longer admitted."""
        with self._lock:
            for line in self._lines.values():
                if line.peer is not None and not self._admits(*line.peer):
                    line.cut()

    def stop(self, within_seconds: float = 10) -> None:
        """Stop accepting, cut every connection, wait for the threads."""
        self._stopping = True
        self._wake.send(b"x")
        if self._thread.is_alive():
            self._thread.join(within_seconds)
        self._socket.close()
        with self._lock:
            open_now = dict(self._lines)
        for line in open_now.values():
            line.cut()
        for thread in open_now:
            thread.join(within_seconds)
        self._wake.close()
        self._woken.close()

    # -- who comes in ----------------------------------------------------------------------------------

    def _accept(self) -> None:
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        poller.register(self._woken, select.POLLIN)
        while not self._stopping:
            ready = poller.poll(LOOK_MILLISECONDS)
            with self._lock:
                self._visitors.look()
            if ready and not self._stopping:
                self._accept_one()

    def _accept_one(self) -> None:
        try:
            plain, address = self._socket.accept()
            line = _Line(plain)
        except OSError:  # the peer went away between poll and accept, or we are out of descriptors
            pause = select.poll()
            pause.register(self._woken, select.POLLIN)
            pause.poll(PAUSE_MILLISECONDS)
            return
        self._admit(line, address[:2])

    def _admit(self, line: _Line, peer: tuple[str, int]) -> None:
        thread = threads.worker("data-peer", self._serve, line, peer)
        with self._lock:
            if not self._visitors.enter(line, peer):
                line.close()
                return
            self._lines[thread] = line
        try:
            thread.start()
        except RuntimeError:  # the host has no thread to give now
            log.warning("connection.not-served", port=self.port)
            self._end(thread, line, peer)

    def _tell(self, reasons: Mapping[str, int], most_from: str) -> None:
        log.warning("visitors.refused", port=self.port, reasons=reasons, most_from=most_from)

    # -- one connection --------------------------------------------------------------------------------

    def _serve(self, line: _Line, peer: tuple[str, int]) -> None:
        try:
            connection = self._secure(line, peer)
            if connection is not None:
                with connection, self._counted(connection.peer_name):
                    greet(connection, self._idle_seconds)
                    self._handler(connection)
        except DatapathError as error:
            log.info("connection.ended", port=self.port, problem=str(error))
        except Exception:
            log.exception("connection.crashed", port=self.port)
        finally:
            self._end(threading.current_thread(), line, peer)

    def _end(self, thread: threads.Worker, line: _Line, peer: tuple[str, int]) -> None:
        line.close()
        with self._lock:
            self._visitors.leave(peer, line)
            self._lines.pop(thread, None)

    def _secure(self, line: _Line, peer: tuple[str, int]) -> Connection | None:
        """The connection of a peer; None for a stranger. Strangers are only counted, not logged: anybody may
        be one as often as they like."""
        try:
            connection = secure(
                line.socket,
                self._context,
                server_side=True,
                idle_seconds=HANDSHAKE_SECONDS,
                limiter=self._limiter,
            )
        except DatapathError as problem:
            with self._lock:
                self._visitors.tally.count(problem.code, peer[0])
            return None
        with self._lock:
            line.peer = connection.peer_name, connection.peer_key
            if self._admits(*line.peer):
                self._visitors.know(peer)
                return connection
            self._visitors.tally.count("not-enrolled", peer[0])
        connection.close()
        return None

    @contextlib.contextmanager
    def _counted(self, peer_name: str) -> Iterator[None]:
        """While one more connection of this peer is served; raises PeerRefused if it has too many."""
        with self._lock:
            if self._peers[peer_name] >= self._most_of_one_peer:
                raise PeerRefused(
                    f"{peer_name} has {self._most_of_one_peer} connections", do="nothing: it tries again"
                )
            self._peers[peer_name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._peers[peer_name] -= 1


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as problem:
        raise PeerUnreachable(
            f"the data port {host}:{port} cannot be opened: {problem}",
            do="choose another port, or stop the program that uses it",
        ) from None
