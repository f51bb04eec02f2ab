"""A bandwidth limit that several streams share: a token bucket."""

from __future__ import annotations

import threading
import time


class TokenBucket:
    """Lets through `bytes_per_second` on average and a burst of `burst_seconds`; None means no limit.

    Streams take turns of 64 KiB. The peer's idle deadline runs while a stream waits, so a limit below
    about 10 KiB/s per stream looks like silence."""

    def __init__(self, bytes_per_second: float | None = None, burst_seconds: float = 0.25) -> None:
        self._burst_seconds = burst_seconds
        self._free_at = 0.0
        self._lock = threading.Lock()
        self.set_rate(bytes_per_second)

    @property
    def rate(self) -> float | None:
        """The limit in bytes per second; None without a limit."""
        return self._rate

    def set_rate(self, bytes_per_second: float | None) -> None:
        """Change the limit now; those that already wait keep their turn. To stop altogether, begin no
        cycle."""
        if bytes_per_second is not None and bytes_per_second <= 0:
            raise ValueError("a bandwidth limit is more than zero, or None")
        with self._lock:
            self._rate = bytes_per_second

    def __call__(self, count: int) -> None:
        """Return when `count` more bytes may be sent."""
        wait_seconds = self._book(count)
        if wait_seconds > 0:
            time.sleep(wait_seconds)

    def _book(self, count: int) -> float:
        """Book the next turn; returns the seconds until it comes."""
        with self._lock:
            if self._rate is None:
                return 0.0
            now = time.monotonic()
            turn = max(self._free_at, now - self._burst_seconds)
            self._free_at = turn + count / self._rate
            return self._free_at - now
