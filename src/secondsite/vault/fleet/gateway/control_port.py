"""The port that appliances dial: mutual TLS, one websocket per appliance, orders out and reports in.

The event loop runs in a thread of its own. `ask` never blocks: it hands the order to that loop and answers
with the report once it is there; `awaited` waits for it. When a link begins or ends, all steps that wait for
its orders wake and ask again, and the orders are handed over once more. The appliance recognizes a repeated
order by its id.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from .... import __version__
from ....domain import errors
from ....ground import threads
from ....ground.connection_limits import Visitors, listen, watch
from ....wire import control
from ....wire.common.base import Problem, Shape
from ....wire.control.orders import Kind
from ....wire.control.protocols import PROTOCOL_VERSION, SPOKEN
from ...interfaces import Admit, FactSink, Renew, Signals
from ..ways import Ways
from . import message_parser, ways
from .control_tls import ControlSettings, for_appliances
from .greeting import HELLO_WITHIN_SECONDS, LONGEST_HELLO, Greeting, kept
from .incoming import Delivery
from .link import FewFrames, Link, Room
from .order_delivery import OrderDelivery
from .other_processes import HANG_UP, OtherProcesses

log = structlog.get_logger()

PING_EVERY_SECONDS = 5.0
GONE_AFTER_SECONDS = 15.0
MOST_UNREAD = 2
"""The most messages of a connection that have arrived and are not read: each may have the full length."""
START_WITHIN_SECONDS = 10.0
MOST_WAITING = 512
TRY_AGAIN_LATER = 1013
NOT_RECORDED = "this vault process could not write down that you are connected; dial again"
NO_TEXT = "messages are texts"
RENEWAL_SECONDS = 1.0
"""The seconds that a certificate counts for: a signature of the CA, needed once in months."""
CUT_OFF = "this vault process has lost its database; dial another one"


class ControlPort:
    """The control port: interfaces.Gateway. Construct, `start`, `stop`."""

    def __init__(
        self,
        settings: ControlSettings,
        *,
        visitors: Visitors,
        admit: Admit,
        sink: FactSink,
        signals: Signals,
        renew: Renew,
        clock: Callable[[], datetime],
        number: Callable[[], int],
        hear_number: Callable[[str, int], None],
        others: OtherProcesses | None = None,
    ) -> None:
        """`number` gives the vault's number that appliances are told; `hear_number` takes the one that an
        appliance was told, before it is given any order. `others`: where the vault may have several
        processes."""
        self._settings = settings
        self._visitors = visitors
        self._greeting = Greeting(admit, hear_number)
        self._sink = sink
        self._renew = renew
        self._clock = clock
        self._number = number
        self._links: dict[str, Link] = {}
        self._lost_at: dict[str, float] = {}
        """By the monotonic clock, for those that were connected and are not."""
        self._rooms: dict[str, Room] = {}
        self._delivery = Delivery(sink.write, signals)
        self._giving = OrderDelivery(self._links, self._delivery.tell, others)
        self._others = others
        if others is not None:
            others.serve(self._giving.serve(), self._hang_up_here)
        self.ways = Ways()
        self._on_ways: dict[str, set[ServerConnection]] = {}
        """Connections that are ways into drills, by appliance."""
        self._is_cut = False
        self._loop = asyncio.new_event_loop()
        self._thread = threads.worker("control-port", self._loop.run_forever)
        self._server: Server | None = None
        self._watching: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    # -- interfaces.Gateway
    # ------------------------------------------------------------------------------------------

    def ask(
        self,
        appliance_id: str,
        order_id: str,
        kind: Kind,
        machine_id: str | None,
        payload: Shape,
        deadline_seconds: float,
        *,
        generation: int | None = None,
        drill_generation: int | None = None,
        given_at: datetime | None = None,
    ) -> control.Report | None:
        report = self._giving.report(appliance_id, order_id)
        if report is not None:
            return report
        order = control.Order(
            order_id=order_id,
            kind=kind.value,
            machine_id=machine_id,
            payload=payload.model_dump(mode="json"),
            deadline_seconds=deadline_seconds,
            generation=generation,
            drill_generation=drill_generation,
            vault_number=self._number(),
            given_at=given_at,
        )
        return self._giving.ask(appliance_id, order)

    def awaited(self, order_id: str, seconds: float) -> control.Report | None:
        return self._giving.awaited(order_id, seconds)

    def forget(self, order_id: str) -> None:
        self._giving.forget(order_id)

    def progress(self, order_id: str) -> tuple[float, str] | None:
        return self._giving.progress(order_id)

    def is_connected(self, appliance_id: str) -> bool:
        return self.holds(appliance_id) or self._giving.is_elsewhere(appliance_id)

    def holds(self, appliance_id: str) -> bool:
        return appliance_id in self._links

    def connection(self, appliance_id: str) -> object:
        return self._links.get(appliance_id)

    def lost_seconds(self, appliance_id: str) -> float:
        lost_at = self._lost_at.get(appliance_id)
        return 0.0 if lost_at is None or self._others is not None else time.monotonic() - lost_at

    def hang_up(self, appliance_id: str) -> None:
        """End the appliance's connection, if it has one, here or at another process. Nothing that it sends
        from now on counts."""
        self._hang_up_here(appliance_id)
        if self._others is not None:
            self._others.tell(HANG_UP + appliance_id)

    def _hang_up_here(self, appliance_id: str) -> None:
        self._loop.call_soon_threadsafe(self._hang_up, appliance_id)

    def _hang_up(self, appliance_id: str) -> None:
        self._end_ways(appliance_id)
        link = self._links.get(appliance_id)
        if link is not None:
            self._end(link, "this key of the appliance no longer counts")

    def cut(self) -> None:
        """This process has lost its lease: end all connections, and accept none until `mend`."""
        self._is_cut = True
        self._loop.call_soon_threadsafe(self._send_away)

    def mend(self) -> None:
        self._is_cut = False

    def _send_away(self) -> None:
        for appliance_id in self._on_ways:
            self._end_ways(appliance_id)
        for link in list(self._links.values()):
            self._end(link, CUT_OFF)

    def _end(self, link: Link, why: str) -> None:
        self._leave(link)
        self._close_link(link, why)

    def _close_link(self, link: Link, why: str) -> None:
        closing = asyncio.create_task(link.close(why))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    # -- life
    # ---------------------------------------------------------------------------------------------------

    def start(self) -> int:
        """Listen; gives the port. Raises OSError when the address is taken."""
        self._delivery.start()
        self._thread.start()
        future = asyncio.run_coroutine_threadsafe(self._listen(), self._loop)
        return future.result(START_WITHIN_SECONDS)

    def stop(self, deadline_seconds: float = 3.0) -> None:
        """Close the port and all links, deliver what came in, end the thread."""
        if self._thread.is_alive():
            future = asyncio.run_coroutine_threadsafe(self._close(deadline_seconds / 2), self._loop)
            try:
                future.result(deadline_seconds)
            except TimeoutError:
                log.warning("control-port.close-timed-out")
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(deadline_seconds)
        if not self._thread.is_alive():
            self._loop.close()
        self._delivery.close(deadline_seconds)

    async def _listen(self) -> int:
        self._watching = asyncio.create_task(watch(self._visitors))
        self._server = await serve(
            self._serve,
            sock=listen(self._settings.host, self._settings.port, self._visitors),
            ssl=for_appliances(self._settings),
            ssl_handshake_timeout=HELLO_WITHIN_SECONDS,
            open_timeout=HELLO_WITHIN_SECONDS,
            backlog=MOST_WAITING,
            ping_interval=PING_EVERY_SECONDS,
            ping_timeout=GONE_AFTER_SECONDS - PING_EVERY_SECONDS,
            close_timeout=2.0,
            max_size=4 * LONGEST_HELLO,  # a longer one is refused with the reason
            max_queue=MOST_UNREAD,
            compression=None,
            create_connection=FewFrames,
        )
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def _close(self, deadline_seconds: float) -> None:
        """Close the server. Appliances that are not read at the moment do not learn that it closes; at the
        deadline their connections are cut."""
        if self._watching is not None:
            self._watching.cancel()
        if self._server is None:
            return
        self._server.close()
        try:
            async with asyncio.timeout(deadline_seconds):
                await self._server.wait_closed()
        except TimeoutError:
            for each in list(self._server.all_connections):
                each.transport.abort()
            await self._server.wait_closed()

    # -- one appliance
    # ------------------------------------------------------------------------------------------

    async def _serve(self, connection: ServerConnection) -> None:
        peer = connection.remote_address
        try:
            await self._serve_one(connection)
        finally:
            if isinstance(connection, FewFrames) and connection.is_flooding and peer:
                self._visitors.tally.count("flooding", str(peer[0]))

    async def _serve_one(self, connection: ServerConnection) -> None:
        if self._is_cut:
            await connection.close(TRY_AGAIN_LATER, CUT_OFF)
            return
        try:
            hello = await self._greeting.hello(connection)
        except errors.SecondsiteError as problem:
            await self._refuse(connection, problem)
            return
        except (ConnectionClosed, TimeoutError):
            return
        self._visitors.know(connection.remote_address[:2], hello.appliance_id)
        if isinstance(hello, control.WayHello):
            await self._serve_way(connection, hello)
            return
        room = self._rooms.setdefault(hello.appliance_id, Room())
        link = Link(connection, hello.appliance_id, room)
        self._enter(link, hello)
        try:
            await self._greeting.again(connection)
            if self._is_cut:
                self._send_away()
            welcome = control.Welcome(
                vault_time=self._clock(),
                vault_number=self._number(),
                takes_changes=True,
                protocol=PROTOCOL_VERSION,
                oldest_protocol=SPOKEN.oldest,
                version=__version__,
            )
            connection.protocol.max_message_size = message_parser.LONGEST
            if isinstance(connection, FewFrames):
                connection.is_known = True
            await connection.send(welcome.model_dump_json())
            await link.run(self._received)
        except errors.SecondsiteError as problem:
            await self._refuse(connection, problem)
        except ConnectionClosed as end:
            log.info("appliance.lost", appliance=hello.appliance_id, problem=str(end))
        finally:
            self._leave(link)

    async def _serve_way(self, connection: ServerConnection, hello: control.WayHello) -> None:
        """A connection for one way into a drill. It ends with the appliance's own: one whose key no longer
        counts has no way open either."""
        here = self._on_ways.setdefault(hello.appliance_id, set())
        here.add(connection)
        try:
            await self._greeting.again(connection)
            if isinstance(connection, FewFrames):
                connection.is_known = True
            await ways.serve(self.ways, connection, hello)
        except errors.SecondsiteError as problem:
            await self._refuse(connection, problem)
        finally:
            here.discard(connection)

    def _end_ways(self, appliance_id: str) -> None:
        for each in self._on_ways.get(appliance_id, ()):
            each.transport.abort()

    async def _refuse(self, connection: ServerConnection, problem: errors.SecondsiteError) -> None:
        log.warning(
            "appliance.refused",
            code=problem.code,
            problem=problem.message,
            peer=str(connection.remote_address),
        )
        try:
            await connection.send(control.Refusal(problem=Problem.of(problem)).model_dump_json())
            await connection.close(1008, problem.code)
        except ConnectionClosed:
            pass

    def _enter(self, link: Link, hello: control.Hello) -> None:
        older = self._links.get(link.appliance_id)
        self._links[link.appliance_id] = link
        self._lost_at.pop(link.appliance_id, None)
        log.info("appliance.connected", appliance=link.appliance_id, site=hello.site)
        self._delivery.post(link.appliance_id, self._connected, link, hello)
        self._giving.wake(link.appliance_id)
        if older is not None:
            self._close_link(older, "replaced by a newer connection")

    def _connected(self, link: Link, hello: control.Hello) -> None:
        """Record the connection. If the vault has several processes, a connection that cannot be recorded is
        ended: other processes would take the appliance for disconnected, and its reports would not be
        written."""
        try:
            self._sink.connected(hello)
        except errors.StoreUnavailable:
            if self._others is not None:
                self._loop.call_soon_threadsafe(self._end, link, NOT_RECORDED)
            raise

    def _leave(self, link: Link) -> None:
        if self._links.get(link.appliance_id) is not link:
            return
        self._lost_at[link.appliance_id] = time.monotonic()
        del self._links[link.appliance_id]
        self._delivery.post(link.appliance_id, self._sink.disconnected, link.appliance_id)
        self._giving.wake(link.appliance_id)

    def _received(self, link: Link, text: str | bytes) -> None:
        """Take a message in. All appliances wait for this: nothing long is parsed here, and no report that
        nobody has asked for."""
        if self._links.get(link.appliance_id) is not link:
            return
        log = link.room.log
        if not isinstance(text, str):
            log.warning("message.no-text", appliance=link.appliance_id)
            self._end(link, NO_TEXT)
        elif (head := message_parser.heading(text)) is not None:
            self._report_came(link, text, head)
        elif message_parser.is_status(text):
            self._later(link, text, partial(self._said, link, text))
        else:
            self._short_came(link, text)

    def _report_came(self, link: Link, text: str, head: message_parser.ReportHeader) -> None:
        kind = self._giving.unanswered(link.appliance_id, head.order_id)
        if kind is None:
            return
        # after the machine's earlier statuses: a step that learns of the end has to see its effect
        told = partial(self._reported, link, text, head, kind)
        self._delivery.post_end(link.appliance_id, head.machine_id, self._heard(link, text, told))

    def _short_came(self, link: Link, text: str) -> None:
        log = link.room.log
        match message_parser.of_short(text):
            case control.Progress() as progress:
                self._giving.progressed(link.appliance_id, progress)
            case control.Renew() as wanted:
                link.room.attention.spend(RENEWAL_SECONDS)
                self._later(link, text, partial(self._renewed, link, wanted.csr_pem))
            case control.Report() as report:
                self._report_came(link, text, message_parser.ReportHeader(report.order_id, report.machine_id))
            case control.Status() | None:
                self._later(link, text, partial(self._said, link, text))
            case message:
                log.warning("message.out-of-place", appliance=link.appliance_id, type=message.type)

    def _later(self, link: Link, text: str, hear: Callable[[], None]) -> None:
        self._delivery.post(link.appliance_id, self._heard(link, text, hear))

    def _heard(self, link: Link, text: str, hear: Callable[[], None]) -> Callable[[], None]:
        """A call that parses the message later; until then its link may have that much less unread, and it is
        charged with the time that it took."""
        text_bytes = message_parser.held_bytes(text)
        link.room.took(text_bytes)

        def heard() -> None:
            began = time.thread_time()
            try:
                hear()
            finally:
                link.room.attention.spend(time.thread_time() - began)
                link.room.heard(text_bytes)

        return heard

    def _reported(self, link: Link, text: str, head: message_parser.ReportHeader, kind: str) -> None:
        report = message_parser.report(link.appliance_id, text, head, kind, link.room.log)
        self._giving.reported(link.appliance_id, report, kept(text) if report.problem is None else None)

    def _said(self, link: Link, text: str) -> None:
        self._giving.drop_forgotten()
        status = message_parser.status(link.appliance_id, text, link.room.log)
        if status is None:
            self._sink.missed(link.appliance_id)
            return
        again = self._sink.hear(link.appliance_id, status)
        if again is not None:
            link.send(again)

    def _renewed(self, link: Link, csr_pem: str) -> None:
        try:
            answer = control.RenewAnswer(certificate_pem=self._renew(link.appliance_id, csr_pem))
        except errors.SecondsiteError as problem:
            log = link.room.log
            log.warning("certificate.not-renewed", appliance=link.appliance_id, problem=problem.message)
            answer = control.RenewAnswer(problem=Problem.of(problem))
        link.send(answer)
