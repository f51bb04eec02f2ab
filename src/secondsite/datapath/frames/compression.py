"""Decides whether a stream is compressed: tries both ways, keeps the faster one.

Which mode is faster depends on the link, the cores of both ends and the data, so it is measured. A stream
begins compressed. On a slow link it stays so. Otherwise each mode is tried over a window of some
megabytes, the faster one is kept, and the other is retried now and then, unless the link is full in both
modes: then fewer bytes are always faster."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ...ground.units import MiB

WINDOW_BYTES: Final = 24 * MiB
"""Raw bytes over which a mode is measured."""

SETTLE_BYTES: Final = 20 * MiB
"""Raw bytes after a change that are not measured: those encoded before it, and those in kernel buffers."""

SLOW_LINK: Final = 60 * MiB
"""Bytes per second on the wire; below this any core compresses faster than the link sends."""

SMALL_BYTES: Final = 32 * MiB
"""Cycles up to this size are always compressed: they cost little processor time and save bytes on a shared
link."""

DELTA_BYTES: Final = 512 * MiB
"""The same limit for cycles that carry only changes: links between sites are paid for by the byte."""

RETRY_WINDOWS: Final = 16
"""Windows before the losing mode is retried; doubles after each loss."""

LONGEST_RETRY_WINDOWS: Final = 128

FULL_SHARE: Final = 0.8
"""Share of a window in which only the network delayed compressed bytes; from here on, more bytes would
only wait longer."""

FULL_LINK: Final = (0.85, 1.15)
"""Wire speed compressed divided by wire speed plain: between these the link was the limit in both modes."""


def nobody() -> None:
    """For callers that do not know what limits the stream."""


@dataclass(slots=True)
class Learnt:
    """Measurements of streams to one peer, for streams that begin later: the mode that was kept, and the
    speed of each mode in bytes per second, raw and on the wire."""

    compress: bool = True
    speeds: dict[bool, float] = field(default_factory=dict)
    wire_speeds: dict[bool, float] = field(default_factory=dict)


class Choice:
    """The mode of one stream. It is reused for later cycles to the same peer and shares its measurements with
    streams of other machines. Their data differs, so they still try the other mode themselves.

    `wanted` may be called from any thread, the rest only from the sending one.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic, learnt: Learnt | None = None) -> None:
        self._now = now
        self._learnt = learnt or Learnt()
        self._compress = self._learnt.compress
        self._speeds = dict(self._learnt.speeds)
        self._wire_speeds = dict(self._learnt.wire_speeds)
        self._windows = 0
        self._retry_windows = RETRY_WINDOWS
        self._trying = False
        self._small = False
        self.begin()

    def begin(
        self, data_bytes: int | None = None, *, delta: bool = False, link: Callable[[], float | None] = nobody
    ) -> None:
        """Begin a cycle of about `data_bytes`; the time since the last one is not measured.

        `delta`: it carries only changes, no slice of a pass over the whole disk. `link` gives the share of
        the time, since its last call, in which the network was the limit."""
        self._link = link
        self._small = data_bytes is not None and data_bytes <= (DELTA_BYTES if delta else SMALL_BYTES)
        self._settle_bytes = SETTLE_BYTES
        self._raw_bytes = self._wire_bytes = 0
        self._since = 0.0

    @property
    def bytes_per_second(self) -> float:
        """Recent speed of the mode that is kept, in raw bytes per second; 0 while unknown."""
        return self._speeds.get(self._compress, 0.0)

    def wanted(self) -> bool:
        """Whether to compress the next chunk."""
        return self._compress or self._small

    def sent(self, raw_bytes: int, wire_bytes: int) -> None:
        """Count a frame that was sent."""
        if self._small:
            return
        if self._settle_bytes > 0:
            self._settle_bytes -= raw_bytes
            self._since = self._now()
            if self._settle_bytes <= 0:
                self._link()
            return
        self._raw_bytes += raw_bytes
        self._wire_bytes += wire_bytes
        if self._raw_bytes >= WINDOW_BYTES:
            self._judge(max(self._now() - self._since, 1e-6))

    def _judge(self, seconds: float) -> None:
        """Note the speed of a full window, and choose the mode of the next."""
        self._windows += 1
        speed = self._raw_bytes / seconds
        # A window takes about 50 ms, and other work on the processor cores distorts it.
        self._speeds[self._compress] = (speed + self._speeds.get(self._compress, speed)) / 2
        self._wire_speeds[self._compress] = self._wire_bytes / seconds
        share = self._link()
        slow = self._wire_speeds[self._compress] < SLOW_LINK or (
            self._compress and (share or 0.0) >= FULL_SHARE
        )
        change = not self._compress if slow else self._other_may_be_faster()
        self._trying = change and not slow and not self._trying
        self._raw_bytes = self._wire_bytes = 0
        self._since = self._now()
        if change:
            self._compress = not self._compress
            self._settle_bytes = SETTLE_BYTES
            self._windows = 0
        if not self._trying:
            self._teach()

    def _teach(self) -> None:
        """Share the mode that was kept: new streams begin with it."""
        self._learnt.compress = self._compress
        self._learnt.speeds = dict(self._speeds)
        self._learnt.wire_speeds = dict(self._wire_speeds)

    def _other_may_be_faster(self) -> bool:
        """Whether to try the other mode, or to return to it after trying this one."""
        other = self._speeds.get(not self._compress)
        if other is None:
            return True
        if not self._trying:
            return self._windows >= self._retry_windows and not self._link_is_full()
        lost = other > 1.05 * self._speeds[self._compress]
        self._retry_windows = min(2 * self._retry_windows, LONGEST_RETRY_WINDOWS) if lost else RETRY_WINDOWS
        return lost

    def _link_is_full(self) -> bool:
        """Whether plain bytes cannot be faster, because compressed ones already fill the link."""
        plain = self._wire_speeds.get(False)
        if not self._compress or not plain:
            return False
        return FULL_LINK[0] <= self._wire_speeds[True] / plain <= FULL_LINK[1]
