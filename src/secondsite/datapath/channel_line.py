"""The line beneath a connection may swallow everything without a word: the kernel is asked to notice."""

import socket


def notice_dead_line(plain: socket.socket, seconds: float) -> None:
    """A line that swallows everything ends the connection within about `seconds`, also while a longer answer is awaited:
    what is sent and not acknowledged for so long, or a silent host, ends it (tcp(7): TCP_USER_TIMEOUT, SO_KEEPALIVE)."""
    probe_seconds = max(1, int(seconds / 3))
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, probe_seconds)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, probe_seconds)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, max(1, int(seconds * 1000)))
