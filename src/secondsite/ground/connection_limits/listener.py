"""A listening socket for asyncio that accepts only connections that the limits allow.

Refusing happens where connections are accepted, before TLS: that is the only place that costs a stranger's
flood less than the stranger, and the same for every library that serves on the socket.
"""

import math
import socket
import time

from .connection_limits import Peer, Visitors

BACKLOG = 512
PAUSE_SECONDS = 0.5
MOST_REFUSED_AT_ONCE = 64
"""After this many refusals in a row the event loop does something else first."""


def listen(host: str, port: int, visitors: Visitors) -> socket.socket:
    """A listening socket with these limits. Raises OSError if the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.create_server((host, port), family=family, backlog=BACKLOG)
    # Made again from its descriptor, the socket knows that it is TCP. Only then does asyncio set TCP_NODELAY
    # on what it accepts; without it every answer on a kept connection waits 40 ms for a delayed
    # acknowledgement.
    listener = _Listener(fileno=made.detach())
    listener.visitors = visitors
    visitors.barrier.guard(listener)
    return listener


class _Connection(socket.socket):
    """A connection that reports when it is closed."""

    visitors: Visitors
    peer: Peer

    def close(self) -> None:
        self.visitors.leave(self.peer, self)
        super().close()


class _Listener(socket.socket):
    visitors: Visitors
    failed_at: float = -math.inf

    def accept(self) -> tuple[socket.socket, tuple[str, int]]:
        """The next one that may come in; raises BlockingIOError when there is none, or none for now."""
        for _ in range(MOST_REFUSED_AT_ONCE):
            plain, address = self._accepted()
            connection = _Connection(fileno=plain.detach())
            connection.visitors, connection.peer = self.visitors, address[:2]
            if self.visitors.enter(connection, connection.peer):
                return connection, address
            connection.close()
        raise BlockingIOError

    def _accepted(self) -> tuple[socket.socket, tuple[str, int]]:
        try:
            return super().accept()
        except BlockingIOError:
            raise
        except OSError as error:
            # Without descriptors asyncio pauses for a second, but first it tries, and logs, as often as the
            # backlog is long.
            now = time.monotonic()
            if now - self.failed_at < PAUSE_SECONDS:
                raise BlockingIOError from error
            self.failed_at = now
            raise
