"""Outstanding orders: which were asked for, and their reports.

Kept in memory only: a vault that starts again asks again, and the appliance answers a repeated order with its
first report.
"""

import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from ....wire.control import Progress, Report

FORGOTTEN_AFTER_SECONDS = 300.0
"""An order that no step has asked for in this time is abandoned, or its step has ended: steps ask at least
every half minute. If it is asked for after all, it is given again, and the appliance answers with its first
report."""
PROGRESS_EVERY_SECONDS = 2.0
LARGE_BYTES = 1024
LIGHTLY = 1


class ReportRecipient(Enum):
    """What happened to a report that arrived."""

    UNASKED = auto()
    """Nobody asked that appliance for the order; the report was dropped."""
    KEPT = auto()
    """It was kept; the step that waits for it has to be woken."""
    AWAITED = auto()
    """A waiting thread has got it already."""


@dataclass(slots=True)
class _Entry:
    """An order. `report` is compressed once it has been given: whoever asked for it has it, and it may be
    large. `said` is its text, as it came."""

    appliance_id: str
    order_id: str
    kind: str
    asked_at: float
    handed_to: object = None
    report: Report | bytes | None = None
    said: str | None = None
    progress: tuple[float, str] | None = None
    progress_told_at: float = 0.0
    awaited: threading.Event | None = None


class OutstandingOrders:
    """The outstanding orders. Thread-safe. `link` stands for one connection; it is compared by identity."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        """Sorted by when they were last asked for, the latest last."""
        self._lock = threading.Lock()

    def asked(self, appliance_id: str, order_id: str, kind: str = "") -> Report | None:
        """Note that somebody waits for this order; gives its report if it has arrived."""
        with self._lock:
            entry = self._entries.get(order_id)
            if entry is None:
                entry = self._entries[order_id] = _Entry(appliance_id, order_id, kind, 0.0)
            return self._asked_now(entry)

    def report(self, appliance_id: str, order_id: str) -> Report | None:
        """The report of an order that was asked for before, if it has arrived."""
        with self._lock:
            entry = self._entries.get(order_id)
            if entry is None or entry.appliance_id != appliance_id or entry.report is None:
                return None
            return self._asked_now(entry)

    def unanswered(self, appliance_id: str, order_id: str) -> str | None:
        """The kind of this order, if somebody asked that appliance for it and has no report yet."""
        with self._lock:
            entry = self._entries.get(order_id)
            is_open = entry is not None and entry.appliance_id == appliance_id and entry.report is None
            return entry.kind if entry is not None and is_open else None

    def awaited(self, order_id: str, seconds: float) -> Report | None:
        """Wait for the report of an order that was asked for; None if it does not come in time."""
        with self._lock:
            entry = self._entries.get(order_id)
            if entry is None:
                return None
            came = entry.awaited = entry.awaited or threading.Event()
            if entry.report is not None:
                came.set()
        came.wait(seconds)
        with self._lock:
            entry.awaited = None
            is_there = entry.report is not None and self._entries.get(order_id) is entry
            return self._asked_now(entry) if is_there else None

    def _asked_now(self, entry: _Entry) -> Report | None:
        entry.asked_at = self._clock()
        self._entries.move_to_end(entry.order_id)
        self._drop_forgotten()
        if entry.report is None or isinstance(entry.report, Report):
            report, entry.report = (
                entry.report,
                None if entry.report is None else _packed(entry.report, entry.said),
            )
            entry.said = None
            return report
        return _unpacked(entry.report)

    def hand_over(self, order_id: str, link: object) -> bool:
        """True for the first call with this order and link: the caller has to send it."""
        with self._lock:
            entry = self._entries.get(order_id)
            if entry is None or entry.report is not None or entry.handed_to is link:
                return False
            entry.handed_to = link
            return True

    def arrived(self, appliance_id: str, report: Report, said: str | None = None) -> ReportRecipient:
        """Keep the report, if this appliance was asked for that order. `said`: the text that it was read
        from."""
        with self._lock:
            entry = self._entries.get(report.order_id)
            if entry is None or entry.appliance_id != appliance_id:
                return ReportRecipient.UNASKED
            entry.report, entry.said = report, said
            if entry.awaited is None:
                return ReportRecipient.KEPT
            entry.awaited.set()
            return ReportRecipient.AWAITED

    def progressed(self, appliance_id: str, progress: Progress) -> bool:
        """Keep the progress; True when it is time to tell those who wait."""
        with self._lock:
            entry = self._entries.get(progress.order_id)
            if entry is None or entry.appliance_id != appliance_id:
                return False
            entry.progress = (progress.fraction, progress.sentence)
            now = self._clock()
            if now - entry.progress_told_at < PROGRESS_EVERY_SECONDS:
                return False
            entry.progress_told_at = now
            return True

    def progress(self, order_id: str) -> tuple[float, str] | None:
        with self._lock:
            entry = self._entries.get(order_id)
            return entry.progress if entry else None

    def forget(self, order_id: str) -> None:
        with self._lock:
            self._entries.pop(order_id, None)

    def of(self, appliance_id: str) -> list[str]:
        """Orders of this appliance that have no report yet."""
        with self._lock:
            entries = self._entries.items()
            return [key for key, e in entries if e.appliance_id == appliance_id and e.report is None]

    def drop_forgotten(self) -> None:
        """Drop orders that nobody asks for any more."""
        with self._lock:
            self._drop_forgotten()

    def _drop_forgotten(self) -> None:
        limit = self._clock() - FORGOTTEN_AFTER_SECONDS
        while self._entries and next(iter(self._entries.values())).asked_at < limit:
            self._entries.popitem(last=False)


def _packed(report: Report, text: str | None) -> bytes:
    said = (text or report.model_dump_json()).encode()
    return zlib.compress(said, LIGHTLY) if len(said) > LARGE_BYTES else said


def _unpacked(packed: bytes) -> Report:
    return Report.model_validate_json(packed if packed.startswith(b"{") else zlib.decompress(packed))
