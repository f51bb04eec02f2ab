"""Whether the network or one of its ends slows a stream down, from kernel counters (TCP_INFO, Linux 4.10 and
later)."""

from __future__ import annotations

import socket
import struct
import time
from typing import Final

_FIELDS: Final = struct.Struct("=168x3Q")
"""tcpi_busy_time, tcpi_rwnd_limited and tcpi_sndbuf_limited of include/uapi/linux/tcp.h, in microseconds."""


class Pressure:
    """The counters of one connected TCP socket, from one `share` to the next."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._before = self._look()

    def share(self) -> float | None:
        """The share (0..1) of the time since the last call in which the network was the limit: bytes were in
        flight, and neither the receiver's window nor our buffer was full. None where the kernel does not tell."""
        before, now = self._before, self._look()
        self._before = now
        if before is None or now is None or now[0] <= before[0]:
            return None
        return min(1.0, (now[1] - before[1]) / (now[0] - before[0]))

    def _look(self) -> tuple[float, float] | None:
        """(now, seconds so far in which the network was the limit)."""
        try:
            told = self._stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _FIELDS.size)
        except OSError:
            return None
        if len(told) < _FIELDS.size:
            return None
        busy, by_receiver, by_buffer = _FIELDS.unpack(told)
        return time.monotonic(), (busy - by_receiver - by_buffer) / 1e6
