"""To compress or not: try both, keep what moves more.

What is faster depends on the link, on the cores of both ends, and on the data; no formula knows all of them,
the stream does. A stream begins compressed. On a link that is plainly slow it stays so; else each way is
tried over a window of some megabytes, the faster one is kept, and the other tried again once in a while, unless the
link is full either way: then fewer bytes are always faster.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from .units import MiB

WINDOW_BYTES: Final = 24 * MiB
"""Raw bytes over which a way is measured."""

SETTLE_BYTES: Final = 20 * MiB
"""Raw bytes after a change that are not measured: what was encoded before it, and what the kernel buffers."""

SLOW_LINK: Final = 60 * MiB
"""Bytes per second on the wire under which any core compresses faster than the link sends."""

SMALL_BYTES: Final = 32 * MiB
"""A cycle of so little costs no core its time, and its bytes count on a link that others share: always compressed."""

DELTA_BYTES: Final = 512 * MiB
"""The same for a cycle that carries only changes: its bytes are what a link between sites is paid for."""

RETRY_WINDOWS: Final = 16
"""So many windows after it lost, the other way is tried again; twice as many each time that it loses."""

LONGEST_RETRY_WINDOWS: Final = 128

FULL_SHARE: Final = 0.8
"""Of the time of a window in which the network alone held up compressed bytes: more bytes would only wait longer."""

FULL_LINK: Final = (0.85, 1.15)
"""Bytes on the wire, compressed by plain: between these the link was the limit both ways, and still is the same link."""


def nobody() -> None:
    """Nobody knows what holds the stream up."""


@dataclass(slots=True)
class Learnt:
    """What streams to one peer found out about the way to it, for those that begin after them: which way was kept, and
    what each moved, in bytes per second, raw and on the wire."""

    compress: bool = True
    speeds: dict[bool, float] = field(default_factory=dict)
    wire_speeds: dict[bool, float] = field(default_factory=dict)


class Choice:
    """The way of one stream. Kept for the next cycles to the same peer, it keeps what it learnt, and tells it to the
    streams of other machines. Those have other data, so they try the other way as soon as anyone.

    `wanted` may be called from any thread, the rest from the sending one.
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
        """A cycle of about `data_bytes` begins: what passed since the last one is not measured.

        `delta`: it carries only changes, no slice of a pass over the whole disk. `link` gives the share of the time since
        it was asked last in which the network was what kept the stream from going faster.
        """
        self._link = link
        self._small = data_bytes is not None and data_bytes <= (DELTA_BYTES if delta else SMALL_BYTES)
        self._settle_bytes = SETTLE_BYTES
        self._raw_bytes = self._wire_bytes = 0
        self._since = 0.0

    @property
    def bytes_per_second(self) -> float:
        """Raw bytes that the way which is kept moved of late; 0 while nothing is known."""
        return self._speeds.get(self._compress, 0.0)

    def wanted(self) -> bool:
        """Whether the next chunk is to be compressed."""
        return self._compress or self._small

    def sent(self, raw_bytes: int, wire_bytes: int) -> None:
        """A frame has left."""
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
        """A window is full: note its speed, and say which way the next one goes."""
        self._windows += 1
        speed = self._raw_bytes / seconds
        # one window is at the mercy of whatever else the cores did in its some 50 ms
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
        """A way was kept: streams that begin from now on begin with it."""
        self._learnt.compress = self._compress
        self._learnt.speeds = dict(self._speeds)
        self._learnt.wire_speeds = dict(self._wire_speeds)

    def _other_may_be_faster(self) -> bool:
        """Whether to try the other way, or to go back to it after having tried this one."""
        other = self._speeds.get(not self._compress)
        if other is None:
            return True
        if not self._trying:
            return self._windows >= self._retry_windows and not self._link_is_full()
        lost = other > 1.05 * self._speeds[self._compress]
        self._retry_windows = min(2 * self._retry_windows, LONGEST_RETRY_WINDOWS) if lost else RETRY_WINDOWS
        return lost

    def _link_is_full(self) -> bool:
        """Whether plain bytes cannot be faster: compressed ones fill the same link."""
        plain = self._wire_speeds.get(False)
        if not self._compress or not plain:
            return False
        return FULL_LINK[0] <= self._wire_speeds[True] / plain <= FULL_LINK[1]
