"""Carries out each order once: a new one gets a worker, one in progress goes on, and for one that has ended
the report is sent again. One that a later verb has overtaken, or that was given long ago, is refused. After a
restart a repeated order is carried out again: handlers can be repeated."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from ...datapath.errors import StorageDaemonGone, StoreFull
from ...domain import errors
from ...ground import seams
from ...wire.common.base import Problem, Shape
from ...wire.control import Order, Progress, Report
from ...wire.control.orders import ORDERS, Kind, Pace
from .. import orders
from ..orders import ApplianceParts, Context
from . import patience
from .generations import Generations

Send = Callable[[Report | Progress], None]
"""Sends a message to the vault; raises ConnectionError if the vault is not connected."""

PACES = {kind.value: each.pace for kind, each in ORDERS.items()}
UNRECORDED = frozenset({Kind.REPEAT_CHECKS.value})
"""Orders that are given each minute for days, and may be done again: their reports would be most of what an
appliance keeps."""
AT_ONCE = {Pace.GUEST: 64, Pace.LINK: 64, Pace.DISK: 2, Pace.WATCH: 16}
"""How many orders of each pace run at once. One that waits costs only a thread, made when needed; reading
more whole disks at once would not be faster."""

log = structlog.get_logger(__name__)


class OrderDesk:
    """Takes orders from the connection, and sends reports over whichever connection is open then."""

    def __init__(self, parts: ApplianceParts, workers: int) -> None:
        """`workers`: how many prompt orders are carried out at once."""
        self._parts = parts
        self.generations = Generations(parts.state)
        at_once = AT_ONCE | {Pace.PROMPT: workers}
        self._pools = {
            pace: ThreadPoolExecutor(count, thread_name_prefix=f"{pace}-order")
            for pace, count in at_once.items()
        }
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._unsent: dict[str, Report] = {}
        self._send: Send | None = None
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Take no more orders. An order that fails because of the stop gets no report, so the vault repeats
        it."""
        self._stopping.set()
        self.connected(None)
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)

    def connected(self, send: Send | None) -> None:
        """Use this connection from now on; send first what could not be sent before."""
        with self._lock:
            self._send = send
            waiting = list(self._unsent.values()) if send else []
        for report in waiting:
            self._deliver(report)

    def take(self, order: Order) -> None:
        """Begin the order, unless it runs, has ended or is stale."""
        self.generations.vault_is_at(order.vault_number)
        report = self._known(order)
        if report is None:
            with self._lock:
                if order.order_id in self._running:
                    return
                # The order may have ended since its report was looked for.
                report = self._parts.state.report(order.order_id)
                if report is None:
                    self._running.add(order.order_id)
        if report is not None:
            self._deliver(report)
            return
        # a kind that only a newer vault knows is refused at once
        pace = patience.pace(order) or PACES.get(order.kind, Pace.PROMPT)
        self._pools[pace].submit(self._run, order, time.monotonic())

    def _known(self, order: Order) -> Report | None:
        """The report that can be sent at once: that the order is stale, or how it ended."""
        try:
            self.generations.refuse_overtaken(order)
            report = self._parts.state.report(order.order_id)
            if report is None and not self._is_running(order):
                self.generations.refuse_ancient(order)
        except errors.StaleOrder as stale:
            log.warning("order.stale", order=order.order_id, kind=order.kind, problem=stale.message)
            return Report(order_id=order.order_id, machine_id=order.machine_id, problem=Problem.of(stale))
        return report

    def _is_running(self, order: Order) -> bool:
        with self._lock:
            return order.order_id in self._running

    def perform(self, order: Order) -> Report:
        """Do the order now, in this thread, and store its report."""
        context = Context(
            order,
            self._parts,
            lambda fraction, sentence: self._tell(order, fraction, sentence),
            lambda: self.generations.refuse_overtaken(order),
        )
        seams.reach("appliance.order.begun")
        try:
            self.generations.admit(order)
            sentence, facts = patience.perform(context, lambda: _perform(context), self._stopping)
            body = facts.model_dump(mode="json")
            report = Report(
                order_id=order.order_id, machine_id=order.machine_id, sentence=sentence, facts=body
            )
        except Exception as error:
            if self._stopping.is_set():
                raise
            report = Report(order_id=order.order_id, machine_id=order.machine_id, problem=Problem.of(error))
            if report.problem is not None and report.problem.code == "internal":
                log.exception("order.crashed", order=order.order_id, kind=order.kind)
        seams.reach("appliance.order.done")
        if order.kind not in UNRECORDED:
            self._parts.state.put_report(report)
        problem = report.problem.message if report.problem else None
        log.info("order.ended", order=order.order_id, kind=order.kind, machine=order.machine_id,
                 sentence=report.sentence, problem=problem)  # fmt: skip
        return report

    def _run(self, order: Order, taken_at: float) -> None:
        try:
            if order.kind in UNRECORDED and time.monotonic() - taken_at >= order.deadline_seconds:
                return  # it waited for its turn until the vault gave it up
            report = self.perform(order)
        except Exception:
            log.exception("order.not-recorded", order=order.order_id)
            return
        finally:
            with self._lock:
                self._running.discard(order.order_id)
        self._deliver(report)

    def _deliver(self, report: Report) -> None:
        with self._lock:
            self._unsent[report.order_id] = report
            send = self._send
        if send is None:
            return
        try:
            send(report)
        except ConnectionError:
            return
        with self._lock:
            self._unsent.pop(report.order_id, None)

    def _tell(self, order: Order, fraction: float, sentence: str) -> None:
        with self._lock:
            send = self._send
        if send is not None:
            try:
                send(Progress(order_id=order.order_id, fraction=fraction, sentence=sentence))
            except ConnectionError:
                pass


def _perform(context: Context) -> tuple[str, Shape]:
    """Perform an order; whenever its store is full, drop kept cycles and perform it again: starting a machine
    is worth more than instants between points."""
    while True:
        try:
            return _with_a_daemon(context)
        except StoreFull as full:
            if not _is_short(context, full) or not context.made_room():
                raise
            log.warning("order.retried", order=context.order.order_id, problem=full.message)


def _is_short(context: Context, full: StoreFull) -> bool:
    """Whether the store of the order's replica is what is full."""
    hosted = context.parts.host.find(context.order.machine_id or "")
    return hosted is not None and context.parts.work.is_short_of_room(hosted, full)


def _with_a_daemon(context: Context) -> tuple[str, Shape]:
    """Perform an order; once more if the storage daemon died, because the next use starts a new one."""
    try:
        return orders.perform(context)
    except StorageDaemonGone as gone:
        log.warning("order.retried", order=context.order.order_id, problem=gone.message)
        return orders.perform(context)
