"""The data channel: frames and JSON messages on one mutual TLS 1.3 stream between two appliances.

Each end sends HELLO with its protocol version first. Every read and write has a deadline: a peer that neither
sends nor takes a byte for `idle_seconds`, or too few, is PeerSilent. One thread at a time may use a
connection: Python 3.11 lets two threads into one TLS object, and OpenSSL does not survive that.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

from ...ground import certificates
from ...ground.units import KiB
from ..errors import DatapathError, PeerSilent, PeerUnreachable, PeerUntrusted
from ..extents import CHUNK_BYTES
from ..frames import EncodedFrame
from ..frames import frame as frames
from . import messages
from .messages import Message, ReceivedFrame
from .tls import common_name, is_distrust, notice_dead_line

WRITE_BYTES: Final = 64 * KiB
"""Bytes in one write call. The idle deadline applies to each call: a slow link that moves this much within it
counts as alive."""

LEAST_SECONDS: Final = 0.01
"""The shortest wait of a read: bytes that are here already are read, however late it is."""

Limiter = Callable[[int], None]


class Connection:
    """An authenticated stream. After any error but a refusal, only `close` may be called."""

    def __init__(
        self, tls: ssl.SSLSocket, *, idle_seconds: float = 30, limiter: Limiter | None = None
    ) -> None:
        self._tls = tls
        self._idle_seconds = idle_seconds
        self._limiter = limiter
        self._buffer = bytearray(CHUNK_BYTES)
        self._readable = select.poll()
        self._readable.register(tls.fileno(), select.POLLIN)
        self.wire_bytes = 0
        self.takes_offers = False
        """Whether the peer answers OFFER; older releases do not."""
        self.answers_whether_there = False
        """Whether the peer answers THERE; older releases do not."""
        self.notes_unchanged = False
        """Whether the peer takes UNCHANGED; older releases do not."""
        self.takes_common = False
        """Whether the peer takes COMMON; older releases do not."""
        self.tells_what_it_holds = False
        """Whether the peer answers HELD; older releases do not."""
        self.tells_digests = False
        """Whether the peer answers DIGESTS between cycles; older releases do not."""
        self.between_cycles = False
        """Whether the peer waits for the next cycle, so that the connection can be kept for it."""
        self._asked_within: float | None = None
        """Seconds within which the next awaited message must begin, because the peer was asked whether it is
        there; None if it was not asked."""
        self.made_at = time.monotonic()
        self.peer_name = common_name(tls.getpeercert())
        self.peer_key = certificates.key_of(tls.getpeercert(binary_form=True) or b"")
        self.set_idle(idle_seconds)

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close at once; harmless when repeated."""
        self._tls.close()

    @property
    def socket(self) -> ssl.SSLSocket:
        """The TLS socket."""
        return self._tls

    def cut(self) -> None:
        """Wake a thread that waits on this connection; called from another thread."""
        try:
            # SSLSocket.shutdown would pull the TLS object away from under that thread.
            socket.socket.shutdown(self._tls, socket.SHUT_RDWR)
        except OSError:
            pass

    def set_idle(self, seconds: float) -> None:
        """Set the idle deadline: from now on the peer may be silent for `seconds`."""
        self._idle_seconds = seconds
        self._tls.settimeout(seconds)
        notice_dead_line(self._tls, seconds)

    def unlimited(self) -> None:
        """Ignore the bandwidth limit from now on: what is sent is little, and machines are paused
        meanwhile."""
        self._limiter = None

    # -- sending ---------------------------------------------------------------------------------------

    def send_message(self, name: str, **fields: Any) -> None:
        """Send a control message."""
        self.send(messages.encode(name, fields))

    def send(self, frame: EncodedFrame) -> None:
        """Send a frame; raises PeerSilent, PeerUnreachable."""
        if len(frame.payload) < 16 * KiB:
            self._write(frame.head + bytes(frame.payload))
        else:
            self._write(frame.head)
            self._write(frame.payload)

    def _write(self, data: bytes | bytearray | memoryview) -> None:
        view = memoryview(data)
        for start in range(0, len(view), WRITE_BYTES):
            piece = view[start : start + WRITE_BYTES]
            if self._limiter is not None:
                self._limiter(len(piece))
            try:
                self._tls.sendall(piece)
            except OSError as problem:
                raise self._broken(problem) from None
        self.wire_bytes += len(view)

    # -- receiving -------------------------------------------------------------------------------------

    def has_input(self) -> bool:
        """Whether the peer has sent something that was not read yet."""
        return self._tls.pending() > 0 or bool(self._readable.poll(0))

    def receive(
        self, within_seconds: float | None = None, fresh: bool = False, until: float | None = None
    ) -> ReceivedFrame:
        """The next frame. Its header is checked, its payload is not. Waits `within_seconds` for the first
        byte; the whole frame must be here by `until` on the monotonic clock. The payload is valid until the
        next read; with `fresh` it has memory of its own."""
        head = bytes(self._read(frames.HEAD_BYTES, within_seconds, until=until))
        header = frames.unpack(head)
        return ReceivedFrame(header, head, self._read(header.payload_length, fresh=fresh, until=until))

    def receive_message(
        self, *expected: str, within_seconds: float | None = None, until: float | None = None
    ) -> Message:
        """The next message, one of `expected`; raises PeerRefused if it is a refusal. The limits are as in
        `receive`."""
        if self._asked_within is not None:
            asked_within, self._asked_within = self._asked_within, None
            messages.expect(self.receive(asked_within), "HERE")
        return messages.expect(self.receive(within_seconds, until=until), *expected)

    def is_there(self, within_seconds: float) -> bool:
        """Whether the peer, which waits for the next cycle, still has this connection. If not, only
        `close` may be called. Raises PeerSilent."""
        try:
            self.send_message("THERE")
            messages.expect(self.receive(within_seconds), "HERE")
        except PeerSilent:
            raise
        except DatapathError:
            return False
        return True

    def ask_whether_there(self, within_seconds: float) -> None:
        """As `is_there`, without waiting for the answer: the next message that is awaited comes after it, or
        its read raises. Raises PeerSilent, PeerUnreachable."""
        self.send_message("THERE")
        self._asked_within = within_seconds

    def drain(self, within_seconds: float) -> None:
        """Read and drop what the peer still sends, until it closes. Closing with unread bytes would reset the
        stream, and the peer would lose the refusal that it has yet to read."""
        deadline = time.monotonic() + within_seconds
        scratch = bytearray(WRITE_BYTES)
        try:
            while (left := deadline - time.monotonic()) > 0:
                self._tls.settimeout(left)
                if not self._tls.recv_into(scratch):
                    return
        except OSError:
            return

    def _read(
        self,
        count: int,
        within_seconds: float | None = None,
        fresh: bool = False,
        until: float | None = None,
    ) -> memoryview:
        """`count` bytes, in the connection's buffer if they fit: valid until the next read."""
        fits = count <= CHUNK_BYTES and not fresh
        view = memoryview(self._buffer)[:count] if fits else memoryview(bytearray(count))
        try:
            if until is None:
                self._fill(view, within_seconds)
            else:
                self._fill_until(view, until)
        except OSError as problem:
            raise self._broken(problem) from None
        self.wire_bytes += count
        return view

    def _fill(self, view: memoryview, within_seconds: float | None) -> None:
        """Fill `view`. The idle deadline applies to each WRITE_BYTES, as for writes: a peer that sent a
        message byte by byte once kept us waiting for days."""
        at, piece_ends, late_at = 0, 0, 0.0
        if within_seconds is not None:
            self._tls.settimeout(within_seconds)
        while at < len(view):
            got = self._some(view[at:])
            if at == 0 and within_seconds is not None:
                self._tls.settimeout(self._idle_seconds)
            at += got
            now = time.monotonic()
            if at > piece_ends:
                piece_ends, late_at = at + WRITE_BYTES, now + self._idle_seconds
            elif now > late_at and at < len(view):
                raise TimeoutError

    def _fill_until(self, view: memoryview, until: float) -> None:
        at = 0
        try:
            while at < len(view):
                self._tls.settimeout(max(LEAST_SECONDS, until - time.monotonic()))
                at += self._some(view[at:])
                if at < len(view) and time.monotonic() > until:
                    raise TimeoutError
        finally:
            self._tls.settimeout(self._idle_seconds)

    def _some(self, view: memoryview) -> int:
        got = self._tls.recv_into(view)
        if got == 0:
            raise ConnectionResetError("it closed the connection")
        return got

    def _broken(self, problem: OSError) -> DatapathError:
        if isinstance(problem, TimeoutError):
            return PeerSilent(
                f"{self.peer_name} was silent for too long",
                do="check the peer appliance and the network between",
            )
        if isinstance(problem, ssl.SSLError) and is_distrust(problem):
            return untrusted(problem)
        return PeerUnreachable(
            f"the connection to {self.peer_name} broke: {problem}", do="it is tried again; check the network"
        )


def untrusted(problem: ssl.SSLError) -> PeerUntrusted:
    return PeerUntrusted(
        f"TLS failed: {problem.reason or problem}",
        do="check that both appliances are enrolled with the same vault",
    )
