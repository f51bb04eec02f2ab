"""Moves bytes between a reader at a unix socket and the agent's connection, both ways, in one thread.

TLS is what costs: the buffers are large, so that little is left beside it."""

from __future__ import annotations

import contextlib
import select
import socket
from typing import Final

from .stream import PIECE, Ended, Stream

BUFFER: Final = 1024 * 1024
LOOK_MILLISECONDS: Final = 30_000
TAKES: Final = select.POLLIN | select.POLLHUP | select.POLLERR


class Splice:
    """Ends when either side does; what one said last is still given to the other."""

    def __init__(self, stream: Stream, local: socket.socket) -> None:
        local.setblocking(False)
        with contextlib.suppress(OSError):
            local.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        self._stream, self._local = stream, local
        self._raw = memoryview(bytearray(PIECE))
        self._plain = memoryview(bytearray(BUFFER))
        self._to_local = self._to_agent = memoryview(b"")

    def run(self) -> None:
        """Returns once it ended."""
        with contextlib.suppress(Ended, OSError):
            self._begin()
            while self._round():
                pass

    def cut(self) -> None:
        """By another thread; harmless when repeated."""
        self._stream.cut()
        with contextlib.suppress(OSError):
            self._local.shutdown(socket.SHUT_RDWR)

    def _begin(self) -> None:
        """What came behind the agent's first line is the reader's already."""
        early = self._stream.rest()
        self._plain[: len(early)] = early
        self._to_local = self._plain[: len(early)] if early else self._decrypted()
        self._give_local()

    def _round(self) -> bool:
        """Wait until something can be moved, and move it; False at the end."""
        agent, local = self._ready()
        if self._to_local and local:
            self._give_local()
        if self._to_agent and agent:
            self._give_agent()
        if agent & TAKES and not self._to_local:
            return self._take_from_agent()
        if local & TAKES and not self._to_agent:
            return self._take_from_local()
        return True

    def _ready(self) -> tuple[int, int]:
        """What each side is ready for. One of which nothing is wanted is not asked: if it has left, each
        answer would come at once."""
        poller = select.poll()
        for side, given, taken in (
            (self._stream.socket, self._to_agent, self._to_local),
            (self._local, self._to_local, self._to_agent),
        ):
            events = (0 if taken else select.POLLIN) | (select.POLLOUT if given else 0)
            if events:
                poller.register(side, events)
        ready = dict(poller.poll(LOOK_MILLISECONDS))
        return ready.get(self._stream.socket.fileno(), 0), ready.get(self._local.fileno(), 0)

    def _take_from_agent(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            n = self._stream.socket.recv_into(self._raw)
            if not n:
                return False
            self._stream.take_in(self._raw[:n])
            self._to_local = self._decrypted()
            self._give_local()
        return True

    def _give_local(self) -> None:
        """Once all is given, the rest of what was decrypted follows."""
        while self._to_local:
            try:
                self._to_local = self._to_local[self._local.send(self._to_local) :]
            except BlockingIOError:
                return
            if not self._to_local:
                self._to_local = self._decrypted()

    def _decrypted(self) -> memoryview:
        return self._plain[: self._stream.decrypt_into(self._plain)]

    def _take_from_local(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            n = self._local.recv_into(self._raw)
            if not n:
                return False
            self._to_agent = memoryview(self._stream.encrypted(self._raw[:n]))
            self._give_agent()
        return True

    def _give_agent(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._to_agent:
                self._to_agent = self._to_agent[self._stream.socket.send(self._to_agent) :]
