"""Carries what appliances report from the network's thread to the code that records it.

The network's thread must never wait for a database, so another thread handles what came, for each appliance
in the order in which it came, and writes it. Handling is quick, writing waits for the database: so statuses
are written together, soon after they came, or when a report comes, which waits only for those of its own
machine (docs/design/a-thousand-machines.md).
"""

import queue
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Generic, ParamSpec, TypeVar

import structlog

from ....ground import threads
from ...interfaces import Signals, WriteResult
from .signal_delivery import SignalDelivery, is_delivered

log = structlog.get_logger()

What = ParamSpec("What")
SOON_SECONDS = 0.1
"""Statuses that come within this time are written together."""
AGAIN_SECONDS = 1.0
"""The wait after a write that the database refused, in seconds."""
MOST_BESIDE = 16
"""Statuses of other machines that are written with those that a report waits for: so that those that nobody
waits for get written as well."""
MOST_AT_ONCE = 200
HEARD_SECONDS = 0.05
"""How long new messages are handled before it is time for a write that somebody waits for, in seconds."""
REST = 3
"""After a write for reports of several orders the next one waits this many times as long as it took: writing
the statuses of ten machines takes hardly longer than those of one."""
LONGEST_REST_SECONDS = 0.025


@dataclass(frozen=True, slots=True)
class OrderEnd:
    """An order of this machine has ended; `tell` informs those who wait for it."""

    machine_id: str | None
    tell: Callable[[], None]


class Delivery:
    """The thread that handles and writes what came. `write` is that of `interfaces.FactSink`; `tell` gives
    signals and never blocks."""

    def __init__(
        self,
        write: Callable[[Collection[str], int], WriteResult],
        signals: Signals,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write_down = write
        self.tell = SignalDelivery(signals)
        self._clock = clock
        self._posted: FairQueue[Callable[[], None] | OrderEnd] = FairQueue()
        self._write_at: float | None = None
        self._rests_until = 0.0
        self._ends: list[OrderEnd] = []
        """Ends that have not been told yet."""
        self._is_ending = False
        self._thread = threads.worker("gateway-facts", self._run)

    def start(self) -> None:
        self._thread.start()
        self.tell.start()

    def post(self, by: str, receive: Callable[What, None], *what: What.args, **named: What.kwargs) -> None:
        """Handle what this appliance reported, later; a failure of `receive` is logged, and the next one
        follows."""
        self._posted.put(by, partial(receive, *what, **named))

    def post_end(self, by: str, machine_id: str | None, tell: Callable[[], None]) -> None:
        """Tell that an order has ended, once what its appliance reported of the machine before is written."""
        self._posted.put(by, OrderEnd(machine_id, tell))

    def close(self, deadline_seconds: float) -> None:
        """Handle what was posted, then end. At the deadline, what still waits is dropped: appliances report
        it again to the next vault. A vault that had been flooded went on for minutes, and opened its database
        again."""
        self._posted.end()
        if not threads.have_ended([self._thread], deadline_seconds):
            log.warning("delivery.given-up", said=self._posted.drop())
            threads.have_ended([self._thread], deadline_seconds)
        self.tell.close(deadline_seconds)

    def _run(self) -> None:
        while not self._is_ending:
            self._round(self._next())

    def _next(self) -> Callable[[], None] | OrderEnd | None:
        """What came next; `_nothing` if it is time to write."""
        wait = None if self._write_at is None else max(0.0, self._write_at - self._clock())
        try:
            return self._posted.get(timeout=wait)
        except queue.Empty:
            return _nothing

    def _round(self, came: Callable[[], None] | OrderEnd | None) -> None:
        """Handle what is there, for a moment; then write."""
        ends: list[OrderEnd] = []
        until = self._clock() + HEARD_SECONDS
        while came is not None:
            if isinstance(came, OrderEnd):
                ends.append(came)
            else:
                is_delivered(came)
            now = self._clock()
            rest_seconds = max(0.0, self._rests_until - now) if ends else 0.0
            if now > until or (self._posted.empty() and not rest_seconds):
                break
            try:
                came = self._posted.get(timeout=rest_seconds or None)
            except queue.Empty:
                break
        self._is_ending = came is None
        self._write(ends)

    def _write(self, came: Collection[OrderEnd]) -> None:
        self._ends.extend(came)
        now = self._clock()
        if self._write_at is None:
            self._write_at = now + SOON_SECONDS
        if came or self._is_ending or now >= self._write_at:
            self._write_at = now + AGAIN_SECONDS
            if self._is_recorded():
                ends, self._ends = self._ends, []
                self._rest_after(self._clock() - now, len(ends))
                for each in ends:
                    is_delivered(each.tell)

    def _rest_after(self, took_seconds: float, ends: int) -> None:
        is_crowd = ends > 1
        self._rests_until = (
            self._clock() + min(REST * took_seconds, LONGEST_REST_SECONDS) if is_crowd else 0.0
        )

    def _is_recorded(self) -> bool:
        """Write; gives False while the database is away: a step that learned of an end before would act on
        earlier reports once the database answers."""
        machine_ids = {each.machine_id for each in self._ends if each.machine_id is not None}
        at_most = MOST_BESIDE if self._ends else MOST_AT_ONCE
        return is_delivered(partial(self._record, machine_ids, at_most))

    def _record(self, machine_ids: Collection[str], at_most: int) -> None:
        written = self._write_down(machine_ids, at_most)
        self._write_at = self._clock() if written.is_behind else None
        for key in written.signals:
            self.tell(key)


def _nothing() -> None:
    """Stands for an event when nothing came."""


# A queue in which senders take turns: what each sent comes out in its order, and none waits until another's
# is all done. One hostile appliance, with messages that could not even be read, kept the vault from all
# others for minutes.

T = TypeVar("T")


class FairQueue(Generic[T]):
    """A queue with turns by sender. Filled from any thread, emptied by one."""

    def __init__(self) -> None:
        self._said: OrderedDict[str, deque[T]] = OrderedDict()
        """What waits, by sender; the sender whose turn it is comes first."""
        self._has_ended = False
        self._changed = threading.Condition()

    def put(self, speaker: str, said: T) -> None:
        with self._changed:
            self._said.setdefault(speaker, deque()).append(said)
            self._changed.notify()

    def end(self) -> None:
        """Nothing more will be put in."""
        with self._changed:
            self._has_ended = True
            self._changed.notify()

    def drop(self) -> int:
        """Drop what waits; gives how much that was."""
        with self._changed:
            dropped = sum(map(len, self._said.values()))
            self._said.clear()
            return dropped

    def empty(self) -> bool:
        return not self._said

    def get(self, timeout: float | None = None) -> T | None:
        """What comes next; None once all was given after `end`. Raises queue.Empty if nothing comes in
        time."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._said or self._has_ended, timeout):
                raise queue.Empty
            return self._next() if self._said else None

    def _next(self) -> T:
        speaker, waiting = next(iter(self._said.items()))
        found = waiting.popleft()
        if waiting:
            self._said.move_to_end(speaker)
        else:
            del self._said[speaker]
        return found
