"""The port that agents dial: a thread for each connection, strangers kept at bay, a clean stop.

Anybody may dial it. Who shows no certificate of this CA may only enroll, is cut after a while, and gives way
to newer ones (`ground.connection_limits`), so that no flood of strangers takes the places of agents."""

from __future__ import annotations

import contextlib
import math
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from ....ground import threads
from ....ground.connection_limits import Limits, Tally, Visitors
from .errors import Refused
from .stream import Ended, Stream

LOOK_MILLISECONDS: Final = 500
PAUSE_MILLISECONDS: Final = 100
GREETING_SECONDS: Final = 10.0
KEEPALIVE: Final = ((socket.TCP_KEEPIDLE, 15), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3))
AGENTS_PORT: Final = Limits(
    most=1000,
    per_address=800,
    stranger_seconds=GREETING_SECONDS,
    per_credential=80,
    idle_seconds=math.inf,
)
"""An agent has one connection, and one for each of its readers; many may come from one address. Silent ones
are dropped by their own deadlines."""

log = structlog.get_logger(__name__)

Address = tuple[str, int]


class Caller:
    """One connection, secured; `certificate` is DER, None for a stranger."""

    def __init__(self, stream: Stream, address: Address, known: Callable[[str], None]) -> None:
        self.stream, self.address = stream, address
        self.certificate: bytes | None = None
        self.is_known = False
        self._known = known

    def know(self, who: str) -> None:
        """It is no stranger, by this credential: it stays."""
        self.is_known = True
        self._known(who)


class Listener:
    """Gives each secured connection to `handler`, in a thread of its own."""

    def __init__(
        self,
        listen: Address,
        context: Callable[[], ssl.SSLContext],
        handler: Callable[[Caller], None],
        limits: Limits = AGENTS_PORT,
    ) -> None:
        """Bind; port 0 takes a free one. Raises OSError if the address is taken."""
        family = socket.AF_INET6 if ":" in listen[0] else socket.AF_INET
        self._socket = socket.create_server(listen, family=family, backlog=512)
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self._context, self._handler = context, handler
        self._lock = threading.Lock()
        self._open: dict[threads.Worker, socket.socket] = {}
        self._visitors = Visitors(limits, Tally(self._tell))
        self._visitors.barrier.guard(self._socket)
        self._stopping = False
        self._thread = threads.worker(f"agents-port-{self.port}", self._accept)

    def start(self) -> None:
        self._thread.start()

    def stop(self, within_seconds: float = 10.0) -> None:
        """Stop accepting, cut every connection, wait for the threads."""
        self._stopping = True
        threads.have_ended([self._thread], within_seconds)
        self._socket.close()
        with self._lock:
            workers = list(self._open)
            for plain in self._open.values():
                _cut(plain)
        threads.have_ended(workers, within_seconds)

    def _accept(self) -> None:
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        while not self._stopping:
            ready = poller.poll(LOOK_MILLISECONDS)
            with self._lock:
                self._visitors.look()
            if ready and not self._stopping:
                self._accept_one()

    def _accept_one(self) -> None:
        try:
            plain, address = self._socket.accept()
        except BlockingIOError:
            return
        except OSError:  # out of descriptors: what waits is still there
            select.poll().poll(PAUSE_MILLISECONDS)
            return
        self._admit(plain, address[:2])

    def _admit(self, plain: socket.socket, address: Address) -> None:
        thread = threads.worker("agent-connection", self._serve, plain, address)
        with self._lock:
            if not self._visitors.enter(plain, address):
                plain.close()
                return
            self._open[thread] = plain
        try:
            thread.start()
        except RuntimeError:  # the host has no thread to give now
            log.warning("connection.not-served", port=self.port)
            self._end(thread, plain, address)

    def _serve(self, plain: socket.socket, address: Address) -> None:
        caller = None
        try:
            caller = self._secured(plain, address)
            self._handler(caller)
        except Refused as refused:
            self._count(refused.code, address)
        except Ended as ended:
            if caller is None or not caller.is_known:  # that an agent leaves is told elsewhere
                self._count(_short(ended), address)
        except Exception:
            log.exception("connection.crashed", port=self.port)
        finally:
            self._end(threading.current_thread(), plain, address)

    def _secured(self, plain: socket.socket, address: Address) -> Caller:
        """Raises Ended."""
        _keep_alive(plain)
        stream = Stream(plain, self._context())
        caller = Caller(stream, address, lambda who: self._know(address, who))
        caller.certificate = stream.shake_hands(GREETING_SECONDS)
        return caller

    def _know(self, address: Address, who: str) -> None:
        with self._lock:
            self._visitors.know(address, who)

    def _end(self, thread: threads.Worker, plain: socket.socket, address: Address) -> None:
        with self._lock:
            self._visitors.leave(address, plain)
            self._open.pop(thread, None)
            _cut(plain)
            plain.close()

    def _count(self, why: str, address: Address) -> None:
        """Told once in a while: anybody may cause it as often as they like."""
        with self._lock:
            self._visitors.tally.count(why, address[0])

    def _tell(self, reasons: Mapping[str, int], most_from: str) -> None:
        log.warning("visitors.refused", port=self.port, reasons=reasons, most_from=most_from)


def _keep_alive(plain: socket.socket) -> None:
    """A machine that lost its power is noticed, whoever waits for it."""
    with contextlib.suppress(OSError):
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for option, seconds in KEEPALIVE:
            plain.setsockopt(socket.IPPROTO_TCP, option, seconds)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000)


def _cut(plain: socket.socket) -> None:
    with contextlib.suppress(OSError):
        plain.shutdown(socket.SHUT_RDWR)


def _short(ended: Ended) -> str:
    """The reason without what differs each time."""
    return str(ended).partition(" (_ssl")[0].rpartition("] ")[2][:80] or "ended"


def first_line_by() -> float:
    """Until when a caller is to say what it wants (monotonic)."""
    return time.monotonic() + GREETING_SECONDS
