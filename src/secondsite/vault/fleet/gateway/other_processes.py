"""The other vault processes on the database: which appliances are connected to them, and the orders that are
passed on between them and this one.

An appliance has one connection, to one process; a job's step may run in any. So a process that has an order
for an appliance of another one writes it down, and the one that has the connection gives it and writes down
the report (ADR 60). The order's id and numbers are those of its step: an appliance recognizes a repeat, and
refuses an outdated order, whichever process gives it.

What is known of the other processes is a second old at most.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import structlog

from ....domain import errors
from ....ground.periodic import Periodic
from ....wire.common.base import Problem
from ....wire.control import Order, Progress, Report
from ...store import RelayedOrder, RelayedOrders, Store, Transaction
from .connection_reconciler import ConnectionReconciler

log = structlog.get_logger()

LOOK_EVERY_SECONDS = 1.0
BREATH_SECONDS = 0.01
SAID_AGAIN_AFTER_SECONDS = 10.0
WANTED_SECONDS = 30.0
"""After so many seconds without being asked for, nobody waits for an order any more: steps ask at least as
often."""
KEPT_SECONDS = 3600.0
"""How long an order is kept after it was last asked for."""
HANG_UP = "hang-up/"


@dataclass(slots=True)
class _Open:
    """An order that this process waits for; `said_at` is when that was last written down."""

    passed: RelayedOrder
    asked_at: float
    said_at: float | None = None

    @property
    def is_due(self) -> bool:
        return self.said_at is None or self.asked_at - self.said_at >= SAID_AGAIN_AFTER_SECONDS


@dataclass(slots=True)
class _PendingWrites:
    """What is to be written in the next round."""

    reports: dict[str, Report] = field(default_factory=dict)
    progress: dict[str, Progress] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)
    words: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Desk:
    """Functions that give an order here, and take what came of one that was passed on."""

    held_here: Callable[[], Sequence[str]]
    give: Callable[[str, Order], Report | None]
    reported: Callable[[str, Report], None]
    progressed: Callable[[str, Progress], None]


class OtherProcesses(Periodic):
    """The other processes, and the orders passed between them and this one. Safe from any thread; only `look`
    uses the database."""

    def __init__(
        self,
        store: Store,
        signalled: Callable[[str], None],
        dropped: Callable[[Transaction, Sequence[str]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`signalled` is called with the signals of other processes; `dropped` is called, in its transaction,
        with appliances whose process died, or whose connection here has ended without a record of that."""
        super().__init__("vault-processes", self._failed, BREATH_SECONDS)
        self._store = store
        self._signalled = signalled
        self._dropped = dropped
        self._desk: Desk | None = None
        self._hang_up: Callable[[str], None] = lambda _appliance_id: None
        self._lock = threading.Lock()
        self._elsewhere: Mapping[str, str] = {}
        self._open: dict[str, _Open] = {}
        self._for_others: dict[str, tuple[RelayedOrder, float]] = {}
        self._pending = _PendingWrites()
        self._clock = clock
        self._apart = ConnectionReconciler(clock)
        self._cleaned_at = clock()
        self._in_doubt = False
        """The last round failed: what it took from the database may be marked as taken, but was not given."""

    def serve(self, desk: Desk, hang_up: Callable[[str], None]) -> None:
        self._desk, self._hang_up = desk, hang_up

    def hold(self, appliance_id: str) -> bool:
        """Whether another living process has the appliance's connection."""
        return appliance_id in self._elsewhere

    def ask(self, appliance_id: str, order: Order) -> None:
        """Pass the order on, and keep waiting for its report."""
        now = self._clock()
        with self._lock:
            passed = RelayedOrder(order.order_id, appliance_id, order)
            entry = self._open.setdefault(order.order_id, _Open(passed, now))
            entry.asked_at = now
            is_due = entry.is_due
        if is_due:
            self.wake()

    def forget(self, order_id: str) -> None:
        with self._lock:
            if self._open.pop(order_id, None) is not None:
                self._pending.forgotten.add(order_id)

    def given_for(self, appliance_id: str) -> Sequence[Order]:
        """Orders for this appliance that were given here for other processes, and have no report yet."""
        with self._lock:
            given = [each for each, _ in self._for_others.values()]
        return [each.order for each in given if each.appliance_id == appliance_id]

    def reported(self, report: Report) -> None:
        with self._lock:
            if self._open.pop(report.order_id, None) is not None:  # its appliance connected here meanwhile
                self._pending.forgotten.add(report.order_id)
            if self._for_others.pop(report.order_id, None) is None:
                return
            self._pending.reports[report.order_id] = report
        self.wake()

    def progressed(self, progress: Progress) -> None:
        with self._lock:
            if progress.order_id in self._for_others:
                self._pending.progress[progress.order_id] = progress

    def tell(self, word: str) -> None:
        """Send a word to all other processes; they get it soon."""
        with self._lock:
            self._pending.words[word] = None
        self.wake()

    def hear(self, word: str | None) -> None:
        """Take a word of another process; None and '' only say that there may be something to read."""
        if not word:
            self.wake()
        elif word.startswith(HANG_UP):
            self._hang_up(word.removeprefix(HANG_UP))
        else:
            self._signalled(word)

    def look(self) -> None:
        assert self._desk is not None
        with self._lock:
            pending, self._pending = self._pending, _PendingWrites()
            due = [each for each in self._open.values() if each.is_due]
        here = self._desk.held_here()
        again, self._in_doubt = self._in_doubt, True
        try:
            with self._store.transaction() as tx:
                self._write(tx, pending, [each.passed for each in due])
                news = tx.passed_orders.news() if self._open else ()
                taken = tx.passed_orders.take(here, WANTED_SECONDS, again=again)
                elsewhere = tx.links.elsewhere()
                recorded = tx.links.mine()
                ended = [each for each in self._apart.ended(here, recorded) if tx.links.drop(each)]
                if dead := (*tx.links.drop_dead(), *ended):
                    self._dropped(tx, dead)
        except errors.StoreUnavailable:
            self._put_back(pending)
            raise
        except Exception:
            self._put_back(self._without_refused(self._desk, pending, due))
            raise
        except BaseException:
            self._put_back(pending)
            raise
        self._elsewhere = elsewhere
        for unrecorded in self._apart.unrecorded(here, recorded):
            self._hang_up(unrecorded)
        for each in due:
            each.said_at = each.asked_at
        for passed in news:
            self._hear_of(self._desk, passed)
        for passed in taken:
            self._give(self._desk, passed)
        self._in_doubt = False

    def pause_seconds(self) -> float:
        return LOOK_EVERY_SECONDS

    def _write(self, tx: Transaction, pending: _PendingWrites, due: Sequence[RelayedOrder]) -> None:
        orders = tx.passed_orders
        if due:
            orders.ask(due)
        if pending.forgotten:
            orders.forget(sorted(pending.forgotten))
        for order_id, progress in sorted(pending.progress.items()):
            orders.progressed(order_id, progress.fraction, progress.sentence)
        for _, report in sorted(pending.reports.items()):
            orders.reported(report)
        if due or pending.reports or pending.progress:
            pending.words.setdefault("")
        orders.tell(tuple(pending.words))
        if self._clock() - self._cleaned_at > KEPT_SECONDS / 60:
            orders.forget_old(KEPT_SECONDS)
            self._forget_old()

    def _forget_old(self) -> None:
        """Forget old orders: their steps may have got the reports in another process, or were given up."""
        now = self._cleaned_at = self._clock()
        with self._lock:
            self._open = {k: v for k, v in self._open.items() if now - v.asked_at < KEPT_SECONDS}
            self._for_others = {k: v for k, v in self._for_others.items() if now - v[1] < KEPT_SECONDS}

    def _without_refused(self, desk: Desk, pending: _PendingWrites, due: Sequence[_Open]) -> _PendingWrites:
        """What the database accepts of it. Else it would refuse everything again in each round, and nobody's
        orders would be passed on; whoever waits for a refused part is told why it does not come."""
        for order_id, said in list(pending.reports.items()):
            why = self._refused(f"report/{order_id}", partial(_reported, said))
            if why is not None:
                pending.reports[order_id] = Report(order_id=order_id, machine_id=said.machine_id, problem=why)
        pending.progress.clear()  # newer progress follows
        for each in due:
            why = self._refused(f"order/{each.passed.order_id}", partial(_asked, each.passed))
            if why is not None:
                report = Report(order_id=each.passed.order_id, problem=why)
                self._hear_of(desk, replace(each.passed, report=report))
        return pending

    def _refused(self, what: str, write: Callable[[RelayedOrders], None]) -> Problem | None:
        """Why the database does not accept it; None if it does. Raises StoreUnavailable."""
        try:
            with self._store.transaction() as tx:
                write(tx.passed_orders)
        except errors.StoreUnavailable:
            raise
        except Exception as problem:
            log.exception("vaults.not-written", what=what)
            return Problem.of(problem)
        return None

    def _put_back(self, pending: _PendingWrites) -> None:
        with self._lock:
            self._pending.reports = pending.reports | self._pending.reports
            self._pending.forgotten |= pending.forgotten
            self._pending.words = pending.words | self._pending.words

    def _hear_of(self, desk: Desk, passed: RelayedOrder) -> None:
        if passed.report is None:
            said = Progress(order_id=passed.order_id, fraction=passed.fraction, sentence=passed.sentence)
            desk.progressed(passed.appliance_id, said)
            return
        with self._lock:
            self._open.pop(passed.order_id, None)
        desk.reported(passed.appliance_id, passed.report)

    def _give(self, desk: Desk, passed: RelayedOrder) -> None:
        """Give the order, even if it was given before: so it is known here that somebody still waits for
        it."""
        with self._lock:
            self._for_others[passed.order_id] = (passed, self._clock())
        report = desk.give(passed.appliance_id, passed.order)
        if report is not None:
            self.reported(report)

    def _failed(self, problem: Exception) -> None:
        if isinstance(problem, errors.StoreUnavailable):
            log.warning("vaults.not-heard", problem=problem.message)
        else:
            log.error("vaults.not-heard", exc_info=problem)


def _reported(report: Report, orders: RelayedOrders) -> None:
    orders.reported(report)


def _asked(passed: RelayedOrder, orders: RelayedOrders) -> None:
    orders.ask([passed])
