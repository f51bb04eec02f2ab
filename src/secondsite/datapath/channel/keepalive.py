"""A network that drops everything in silence: the kernel notices it and ends the connection."""

import socket


def notice_dead_line(plain: socket.socket, seconds: float) -> None:
    """End the connection when bytes stay unacknowledged, or the host silent, for about `seconds`, even while a
    slower answer is awaited (tcp(7): TCP_USER_TIMEOUT, SO_KEEPALIVE)."""
    probe_seconds = max(1, int(seconds / 3))
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, probe_seconds)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, probe_seconds)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, max(1, int(seconds * 1000)))
