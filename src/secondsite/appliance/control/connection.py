"""The connection to the vault: dialled from here, mutual TLS, one websocket for orders, reports and status.

After a break it is dialled again, with growing pauses. Replication does not need it. A vault with several
processes is dialled at the next one, without a pause until all have been tried.
"""

import ssl
import threading
import time
from collections.abc import Callable, Collection, Sequence

import structlog
from pydantic import ValidationError
from websockets.exceptions import ConnectionClosed, InvalidHandshake, WebSocketException
from websockets.sync.client import ClientConnection, connect

from ...datapath.channel import TlsFiles, client_context, is_distrust
from ...datapath.errors import DatapathError
from ...ground import bounded_json, threads
from ...ground.log_limit import LogLimit
from ...ground.tls import to_a_vault
from ...ground.units import MiB
from ...wire import control as wire
from ...wire.control.protocols import RELEASES_APART, SPOKEN, ProtocolVersions
from ...wire.control.reports import first_of
from ..shared import KnownVaults
from .order_desk import OrderDesk
from .redial_delay import RedialDelay
from .renewal import Renewal
from .reporter import Reporter

OPEN_SECONDS = 10.0
PING_SECONDS = 5.0
STATUS_SECONDS = 0.5
SEVERAL_PING_SECONDS, SEVERAL_GONE_SECONDS, SEVERAL_OPEN_SECONDS = 2.0, 4.0, 3.0
"""Pings and timeouts while the vault has another process to turn to: a dead one is then noticed early."""
LONGEST_STATUS_SECONDS = 5.0
STATUS_REST = 60
"""After a status is sent, nothing is sent for this many times as long as making it took: with many machines,
changes are sent less often."""
PORTION_SECONDS = 0.1
PORTION_REST = 4
"""The same between two portions, while more machines wait to be sent whole."""

LONGEST, MOST_PARTS = 32 * MiB, 500_000
"""Limits for a message from the vault, which is an order: its size in bytes, and its JSON parts."""

AGAIN = "Compare the fingerprint, then enroll again: 'secondsite appliance enroll-again --help'."

log = structlog.get_logger(__name__)


class Control:
    """Keeps one connection to the vault. `hello` and `reporter` are called for each connection, `reporter`
    with whether its vault understands messages of changes only."""

    def __init__(
        self, vaults: KnownVaults, tls: TlsFiles, desk: OrderDesk, renewal: Renewal,
        hello: Callable[[], wire.Hello],
        reporter: Callable[[bool], Reporter],
    ) -> None:  # fmt: skip
        self._vaults = vaults
        self._tls = tls
        self._desk = desk
        self._renewal = renewal
        self._hello = hello
        self._reporter = reporter
        self._redialling = RedialDelay()
        self._seldom = LogLimit()
        self._stopping = threading.Event()
        self._socket: ClientConnection | None = None
        self._thread = threads.worker("control", self._run)
        self.connected = threading.Event()

    def start(self) -> None:
        self._thread.start()

    def stop(self, within_seconds: float) -> None:
        self._stopping.set()
        self.dial_again()
        if self._thread.is_alive():
            self._thread.join(within_seconds)

    def dial_again(self) -> None:
        """End the connection; the next one is dialled at once."""
        socket = self._socket
        if socket is not None:
            threads.worker("control-close", socket.close).start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._redialling.dials()
            nobody_listens = False
            try:
                with self._dial() as socket:
                    self._socket = socket
                    welcome = self._greet(socket)
                    self._redialling.connected()
                    self._talk(socket, self._reporter(welcome.takes_changes))
            except (OSError, ssl.SSLError, WebSocketException, ValueError, DatapathError) as problem:
                nobody_listens = isinstance(problem, ConnectionRefusedError)
                self._tell_unreachable(problem, nobody_listens)
            except Exception:
                log.exception("vault.connection-failed")
            finally:
                self._socket = None
            self._vaults.turn()
            self._stopping.wait(self._pause_seconds(nobody_listens))

    def _pause_seconds(self, nobody_listens: bool) -> float:
        return self._redialling.pause_seconds(self._vaults.count, nobody_listens)

    def _tell_unreachable(self, problem: Exception, nobody_listens: bool) -> None:
        if not self._redialling.is_told(nobody_listens):
            return
        distrusted = _distrust(problem)
        tell = log.warning if distrusted else log.info
        tell(
            "vault.unreachable",
            url=self._vaults.dialled,
            problem=str(problem),
            again_in_seconds=self._pause_seconds(nobody_listens),
            do=distrusted,
        )

    def _dial(self) -> ClientConnection:
        context = to_a_vault(client_context(self._tls))
        limits = (PING_SECONDS, 4 * PING_SECONDS, OPEN_SECONDS)
        if self._vaults.count > 1:
            limits = (SEVERAL_PING_SECONDS, SEVERAL_GONE_SECONDS, SEVERAL_OPEN_SECONDS)
        ping_seconds, gone_seconds, open_seconds = limits
        return connect(
            self._vaults.dialled, ssl=context, open_timeout=open_seconds, ping_interval=ping_seconds,
            ping_timeout=gone_seconds, close_timeout=2, max_size=LONGEST, proxy=None,
        )  # fmt: skip

    def _greet(self, socket: ClientConnection) -> wire.Welcome:
        socket.send(self._hello().model_dump_json())
        answer = _understood(socket.recv(timeout=OPEN_SECONDS))
        if isinstance(answer, wire.Refusal):
            raise InvalidHandshake(f"{answer.problem.message} {answer.problem.do}")
        if not isinstance(answer, wire.Welcome):
            raise InvalidHandshake(f"the vault answered with {answer.type} instead of welcome")
        require_common(answer)
        self._desk.generations.vault_says(answer.vault_time)
        self._desk.generations.vault_is_at(answer.vault_number)
        log.info("vault.connected", url=self._vaults.dialled)
        return answer

    def _talk(self, socket: ClientConnection, reporter: Reporter) -> None:
        """Receive orders in this thread, send status from another; reports come from the order workers."""
        done, voice = threading.Event(), _Voice(socket, reporter)
        teller = threads.worker("status", self._tell, voice, done)
        self._renewal.look_soon()
        self._desk.connected(voice.say)
        self.connected.set()
        teller.start()
        try:
            for text in socket:
                self._hear(text, voice)
        finally:
            self.connected.clear()
            self._desk.connected(None)
            self._redialling.ended()
            done.set()
            teller.join(5)

    def _hear(self, text: str | bytes, voice: "_Voice") -> None:
        try:
            message = _understood(text)
        except ValueError as problem:
            untold = self._seldom.untold("message.not-understood")
            if untold is not None:
                said = first_of(problem) if isinstance(problem, ValidationError) else str(problem)
                log.warning("message.not-understood", problem=said, untold=untold)
            return
        if isinstance(message, wire.Order):
            self._desk.take(message)
        elif isinstance(message, wire.FullReportRequest):
            voice.start_over(message.machine_ids)
        elif isinstance(message, wire.RenewAnswer):
            self._renewal.answered(message)
        elif isinstance(message, wire.Refusal):
            log.warning("vault.refused", problem=message.problem.message, do=message.problem.do)

    def _tell(self, voice: "_Voice", done: threading.Event) -> None:
        while not done.is_set():
            began = time.thread_time()
            try:
                voice.tell_status()
                request = self._renewal.request()
                if request is not None:
                    voice.say(request)
            except ConnectionError:
                return
            except Exception:
                log.exception("status.not-sent")
            done.wait(_rest_seconds(time.thread_time() - began, voice.is_behind))


def _understood(text: str | bytes) -> wire.Message:
    """The message that this text holds. Raises ValueError, before anything is parsed, for more parts than
    vaults send."""
    if not isinstance(text, str):
        raise ValueError("it is no text")
    bounded_json.require_few_parts(text, MOST_PARTS)
    return wire.parse(text)


def require_common(welcome: wire.Welcome) -> None:
    """Raises InvalidHandshake for a vault whose release is too far from this one for the two to understand
    each other."""
    theirs = ProtocolVersions.said(welcome.protocol, welcome.oldest_protocol)
    if SPOKEN.common(theirs) is None:
        raise InvalidHandshake(
            f"the vault, release {welcome.version or 'of 2026-11-20'}, understands protocol {theirs}, this "
            f"appliance {SPOKEN}: they are more than {RELEASES_APART} releases apart. Upgrade the "
            f"{'vault' if theirs.newest < SPOKEN.newest else 'appliance'}."
        )


def _rest_seconds(took_seconds: float, is_behind: bool) -> float:
    """How long to wait after a status that took `took_seconds` to make."""
    shortest, share = (PORTION_SECONDS, PORTION_REST) if is_behind else (STATUS_SECONDS, STATUS_REST)
    return min(max(shortest, took_seconds * share), LONGEST_STATUS_SECONDS)


def _distrust(problem: BaseException | None) -> str | None:
    """What to do if one of the two ends does not trust the other's certificate; None if that is not the
    problem."""
    while problem is not None:
        if isinstance(problem, ssl.SSLError) and is_distrust(problem):
            return (
                "The vault does not take this appliance's certificate: its CA was rotated, or the "
                "certificate has ended. "
            ) + AGAIN
        if isinstance(problem, ssl.SSLCertVerificationError):
            return (
                "The vault shows a certificate of a CA that is not known here: it may have been rotated. "
                + AGAIN
            )
        problem = problem.__cause__ or problem.__context__
    return None


class _Voice:
    """Sends over one connection. The status that an order changed is sent before the order's report: whoever
    is told of a commit and then lists the points sees the remaining ones. Invariant: an older status never
    follows a newer one."""

    def __init__(self, socket: ClientConnection, reporter: Reporter) -> None:
        self._socket = socket
        self._reporter = reporter
        self._lock = threading.Lock()

    @property
    def is_behind(self) -> bool:
        """Whether more is waiting to be sent soon."""
        return self._reporter.is_behind

    def tell_status(self) -> None:
        """Send what changed since the last status."""
        with self._lock:
            self._tell(self._reporter.next)

    def start_over(self, machine_ids: Collection[str]) -> None:
        """Send these machines, or all if none is named, whole with the next status."""
        with self._lock:
            self._reporter.start_over(machine_ids)

    def say(self, message: wire.Report | wire.Progress | wire.Renew) -> None:
        if isinstance(message, wire.Report) and message.machine_id is not None:
            self._tell_of(message.machine_id)
        _send(self._socket, message)

    def _tell_of(self, machine_id: str) -> None:
        with self._lock:
            try:
                self._tell(lambda: self._reporter.of_machine(machine_id))
            except ConnectionError:
                raise
            except Exception:
                log.exception("status.not-sent")

    def _tell(self, statuses: Callable[[], Sequence[wire.Status]]) -> None:
        """A status that was made and not sent must not count as sent."""
        try:
            for status in statuses():
                _send(self._socket, status)
        except Exception:
            self._reporter.start_over()
            raise


def _send(socket: ClientConnection, message: wire.Report | wire.Progress | wire.Status | wire.Renew) -> None:
    """Send; raises ConnectionError when the connection is gone."""
    try:
        socket.send(message.model_dump_json())
    except ConnectionClosed as closed:
        raise ConnectionError(str(closed)) from None
