"""TLS 1.3 contexts in which both ends must show a certificate of the same CA; and detection of dead
connections."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ...ground.tls import only_1_3
from ..errors import PeerUntrusted


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of PEM files: our certificate, its key, and the CA that signs both ends."""

    certificate: Path
    key: Path
    authority: Path


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """The TLS context of the end that dials. Appliances are identified by common name, not by host name."""
    return _context(ssl.PROTOCOL_TLS_CLIENT, files)


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """The TLS context of the end that listens; it asks for a certificate as well."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, files)
    # A session ticket makes the socket readable although the peer said nothing; we never resume sessions.
    context.num_tickets = 0
    return context


def is_distrust(problem: ssl.SSLError) -> bool:
    """Whether the peer's alert rejects our identity. Alerts caused by damaged bytes do not count."""
    reason = problem.reason or ""
    return "ALERT" in reason and "BAD_RECORD_MAC" not in reason


def _context(protocol: int, files: TlsFiles) -> ssl.SSLContext:
    context = only_1_3(ssl.SSLContext(protocol))
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(files.certificate, files.key)
        context.load_verify_locations(files.authority)
    except (OSError, ssl.SSLError) as problem:
        raise PeerUntrusted(
            (
                f"certificate files {files.certificate}, {files.key}, {files.authority} cannot be used: "
                f"{problem}"
            ),
            do="enroll the appliance again",
        ) from None
    return context


def common_name(certificate: dict[str, Any] | None) -> str:
    """The common name in a peer's certificate; raises PeerUntrusted if it has none."""
    for part in (certificate or {}).get("subject", ()):
        for key, value in part:
            if key == "commonName":
                return str(value)
    raise PeerUntrusted("the peer's certificate has no common name", do="issue it with one")


# Whether the network or one of its ends slows a stream down, from kernel counters (TCP_INFO, Linux 4.10 and
# later).

_FIELDS: Final = struct.Struct("=168x3Q")
"""tcpi_busy_time, tcpi_rwnd_limited and tcpi_sndbuf_limited of include/uapi/linux/tcp.h, in microseconds."""


class Pressure:
    """The counters of one connected TCP socket, from one `share` to the next."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._before = self._look()

    def share(self) -> float | None:
        """The share (0..1) of the time since the last call in which the network was the limit: bytes were in
        flight, and neither the receiver's window nor our buffer was full. None if the kernel does not say."""
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


# A network that drops everything in silence: the kernel notices it and ends the connection.


def notice_dead_line(plain: socket.socket, seconds: float) -> None:
    """End the connection when bytes stay unacknowledged, or the host silent, for about `seconds`, even
    while a slower answer is awaited (tcp(7): TCP_USER_TIMEOUT, SO_KEEPALIVE)."""
    probe_seconds = max(1, int(seconds / 3))
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, probe_seconds)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, probe_seconds)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, max(1, int(seconds * 1000)))
