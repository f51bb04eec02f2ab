"""The connection to the vault: dialled from here, mutual TLS, one websocket for orders, reports and status.

When it breaks it is dialled again with a growing pause. Replication does not need it.
"""

import ssl
import threading
from collections.abc import Callable

import structlog
from pydantic import ValidationError
from websockets.exceptions import ConnectionClosed, InvalidHandshake, WebSocketException
from websockets.sync.client import ClientConnection, connect

from ..datapath.channel_tls import TlsFiles, client_context
from ..datapath.errors import DatapathError
from ..wire import control as wire
from .order_desk import OrderDesk
from .renewal import Renewal
from .status import Reporter

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
OPEN_SECONDS = 10.0
PING_SECONDS = 5.0
STATUS_SECONDS = 0.5

log = structlog.get_logger(__name__)


class Control:
    """Keeps one connection to the vault. `hello` and `reporter` are asked for at every connection."""

    def __init__(
        self, url: str, tls: TlsFiles, desk: OrderDesk, renewal: Renewal, hello: Callable[[], wire.Hello],
        reporter: Callable[[], Reporter],
    ) -> None:  # fmt: skip
        self._url = url
        self._tls = tls
        self._desk = desk
        self._renewal = renewal
        self._hello = hello
        self._reporter = reporter
        self._stopping = threading.Event()
        self._socket: ClientConnection | None = None
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)
        self.connected = threading.Event()

    def start(self) -> None:
        self._thread.start()

    def stop(self, within_seconds: float) -> None:
        self._stopping.set()
        socket = self._socket
        if socket is not None:
            threading.Thread(target=socket.close, name="control-close", daemon=True).start()
        if self._thread.is_alive():
            self._thread.join(within_seconds)

    def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            try:
                with self._dial() as socket:
                    self._socket = socket
                    self._greet(socket)
                    pause = FIRST_PAUSE_SECONDS
                    self._talk(socket)
            except (OSError, ssl.SSLError, WebSocketException, ValidationError, DatapathError) as problem:
                log.info("vault.unreachable", url=self._url, problem=str(problem), again_in_seconds=pause)
            except Exception:
                log.exception("vault.connection")
            finally:
                self._socket = None
            self._stopping.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _dial(self) -> ClientConnection:
        context = client_context(self._tls)
        # Appliances hold certificates of the same CA; only the vault's bears the name that we dial.
        context.check_hostname = True
        return connect(
            self._url, ssl=context, open_timeout=OPEN_SECONDS, ping_interval=PING_SECONDS,
            ping_timeout=4 * PING_SECONDS, close_timeout=2, max_size=64 * 1024 * 1024, proxy=None,
        )  # fmt: skip

    def _greet(self, socket: ClientConnection) -> None:
        socket.send(self._hello().model_dump_json())
        answer = wire.parse(socket.recv(timeout=OPEN_SECONDS))
        if isinstance(answer, wire.Refusal):
            raise InvalidHandshake(f"{answer.problem.message} {answer.problem.do}")
        if not isinstance(answer, wire.Welcome):
            raise InvalidHandshake(f"the vault answered with {answer.type} instead of welcome")
        log.info("vault.connected", url=self._url)

    def _talk(self, socket: ClientConnection) -> None:
        """Orders in this thread, status in another; reports come from the order workers."""
        done, voice = threading.Event(), _Voice(socket, self._reporter())
        teller = threading.Thread(target=self._tell, args=(voice, done), name="status", daemon=True)
        self._renewal.connected()
        self._desk.connected(voice.say)
        self.connected.set()
        teller.start()
        try:
            for text in socket:
                self._hear(text)
        finally:
            self.connected.clear()
            self._desk.connected(None)
            done.set()
            teller.join(5)

    def _hear(self, text: str | bytes) -> None:
        try:
            message = wire.parse(text)
        except ValidationError as problem:
            log.warning("vault.unknown-message", problem=str(problem))
            return
        if isinstance(message, wire.Order):
            self._desk.take(message)
        elif isinstance(message, wire.Renewed):
            self._renewal.answered(message)
        elif isinstance(message, wire.Refusal):
            log.warning("vault.refused", problem=message.problem.message, do=message.problem.do)

    def _tell(self, voice: "_Voice", done: threading.Event) -> None:
        while not done.is_set():
            try:
                voice.tell_status()
                request = self._renewal.request()
                if request is not None:
                    voice.say(request)
            except ConnectionError:
                return
            except Exception:
                log.exception("status")
            done.wait(STATUS_SECONDS)


class _Voice:
    """What is said over one connection. Before the end of an order goes what it changed: who hears of a commit and
    then lists the points sees those that are left. Invariant: no status overtakes a newer one."""

    def __init__(self, socket: ClientConnection, reporter: Reporter) -> None:
        self._socket = socket
        self._reporter = reporter
        self._lock = threading.Lock()

    def tell_status(self) -> None:
        """Say what changed since the last time."""
        with self._lock:
            status = self._reporter.next()
            if status is not None:
                _send(self._socket, status)

    def say(self, message: wire.Report | wire.Progress | wire.Renew) -> None:
        if isinstance(message, wire.Report) and message.machine_id is not None:
            self._tell_of(message.machine_id)
        _send(self._socket, message)

    def _tell_of(self, machine_id: str) -> None:
        with self._lock:
            try:
                status = self._reporter.of_machine(machine_id)
            except Exception:
                log.exception("status")
                return
            if status is not None:
                _send(self._socket, status)


def _send(socket: ClientConnection, message: wire.Report | wire.Progress | wire.Status | wire.Renew) -> None:
    """Send; raises ConnectionError when the connection is gone."""
    try:
        socket.send(message.model_dump_json())
    except ConnectionClosed as closed:
        raise ConnectionError(str(closed)) from None
