"""The data channel: frames and JSON messages on one mutual TLS 1.3 stream between two appliances.

Each end sends HELLO with its protocol version first. Every read and write has a deadline: a peer that
neither sends nor takes a byte for `idle_seconds` is PeerSilent. One thread at a time may use a connection:
Python 3.11 lets two threads into one TLS object, and OpenSSL does not survive that.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

from ...ground import certificates
from ...ground.units import KiB
from ..errors import (
    DatapathError,
    FrameDamaged,
    PeerRefused,
    PeerSilent,
    PeerUnreachable,
    PeerUntrusted,
    ProtocolViolated,
)
from ..frames import Encoded
from ..frames import frame as frames
from ..granularity import CHUNK_BYTES
from . import messages
from .keepalive import notice_dead_line
from .messages import Message, Received
from .tls import TlsFiles, client_context, common_name, is_distrust

PROTOCOL: Final = 2
WRITE_BYTES: Final = 64 * KiB
"""Bytes in one write call. The idle deadline applies to each call, so a slow link that moves this much counts as
alive."""

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
        """The TLS socket beneath."""
        return self._tls

    def cut(self) -> None:
        """Wake a thread that waits on this connection, from another thread."""
        try:
            # SSLSocket.shutdown would pull the TLS object away from under that thread.
            socket.socket.shutdown(self._tls, socket.SHUT_RDWR)
        except OSError:
            pass

    def set_idle(self, seconds: float) -> None:
        """From now on the peer may be silent for `seconds`."""
        self._idle_seconds = seconds
        self._tls.settimeout(seconds)
        notice_dead_line(self._tls, seconds)

    # -- sending ---------------------------------------------------------------------------------------

    def send_message(self, name: str, **fields: Any) -> None:
        """Send a control message."""
        self.send(messages.encode(name, fields))

    def send(self, frame: Encoded) -> None:
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

    def receive(self, within_seconds: float | None = None, fresh: bool = False) -> Received:
        """The next frame. Its header is checked, its payload is not. Waits `within_seconds` for the first byte.
        The payload is valid until the next read; with `fresh` it has memory of its own."""
        head = bytes(self._read(frames.HEAD_BYTES, within_seconds))
        header = frames.unpack(head)
        return Received(header, head, self._read(header.payload_length, fresh=fresh))

    def receive_message(self, *expected: str, within_seconds: float | None = None) -> Message:
        """The next message, one of `expected`; raises PeerRefused if it is a refusal."""
        return messages.expect(self.receive(within_seconds), *expected)

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

    def _read(self, count: int, within_seconds: float | None = None, fresh: bool = False) -> memoryview:
        """`count` bytes, in the connection's buffer if they fit: valid until the next read."""
        fits = count <= CHUNK_BYTES and not fresh
        view = memoryview(self._buffer)[:count] if fits else memoryview(bytearray(count))
        try:
            self._fill(view, within_seconds)
        except OSError as problem:
            raise self._broken(problem) from None
        self.wire_bytes += count
        return view

    def _fill(self, view: memoryview, within_seconds: float | None) -> None:
        at = 0
        if within_seconds is not None:
            self._tls.settimeout(within_seconds)
        while at < len(view):
            got = self._tls.recv_into(view[at:])
            if got == 0:
                raise ConnectionResetError("it closed the connection")
            if at == 0 and within_seconds is not None:
                self._tls.settimeout(self._idle_seconds)
            at += got

    def _broken(self, problem: OSError) -> DatapathError:
        if isinstance(problem, TimeoutError):
            return PeerSilent(
                f"{self.peer_name} was silent for too long",
                do="check the peer appliance and the network between",
            )
        if isinstance(problem, ssl.SSLError) and is_distrust(problem):
            return _untrusted(problem)
        return PeerUnreachable(
            f"the connection to {self.peer_name} broke: {problem}", do="it is tried again; check the network"
        )


def dial(
    host: str,
    port: int,
    tls: TlsFiles,
    *,
    peer_name: str | None = None,
    connect_seconds: float = 10,
    idle_seconds: float = 30,
    limiter: Limiter | None = None,
) -> Connection:
    """Connect to a peer appliance. Raises PeerUnreachable, PeerUntrusted (we reject its certificate, it rejects ours,
    or its name is not `peer_name`), PeerSilent, PeerRefused (protocol version)."""
    context = client_context(tls)
    where = f"{host}:{port}"
    try:
        plain = socket.create_connection((host, port), timeout=connect_seconds)
    except OSError as problem:
        raise PeerUnreachable(
            f"{where} cannot be reached: {problem}", do="check the address, the port and the firewall"
        ) from None
    with contextlib.ExitStack() as unless_greeted:
        unless_greeted.callback(plain.close)
        connection = secure(plain, context, server_side=False, idle_seconds=connect_seconds, limiter=limiter)
        unless_greeted.callback(connection.close)
        greet(connection, idle_seconds)
        if peer_name is not None and connection.peer_name != peer_name:
            raise PeerUntrusted(
                f"{where} is {connection.peer_name}, not {peer_name}", do="check the address of the data port"
            )
        unless_greeted.pop_all()
    return connection


def secure(
    plain: socket.socket,
    context: ssl.SSLContext,
    *,
    server_side: bool,
    idle_seconds: float,
    limiter: Limiter | None = None,
) -> Connection:
    """TLS on a connected socket, within `idle_seconds` per step; raises PeerUntrusted, PeerSilent, PeerUnreachable."""
    plain.settimeout(idle_seconds)
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tls = context.wrap_socket(plain, server_side=server_side, do_handshake_on_connect=False)
    except OSError as problem:
        raise _handshake_failed(problem) from None
    try:
        tls.do_handshake()
    except OSError as problem:
        if server_side:
            _let_alert_arrive(tls)
        tls.close()
        raise _handshake_failed(problem) from None
    try:
        return Connection(tls, idle_seconds=idle_seconds, limiter=limiter)
    except BaseException:
        tls.close()
        raise


def _handshake_failed(problem: OSError) -> DatapathError:
    if isinstance(problem, TimeoutError):
        return PeerSilent("the peer did not finish the TLS handshake in time", do="check the peer appliance")
    if isinstance(problem, ssl.SSLError) and not isinstance(
        problem, ssl.SSLEOFError | ssl.SSLZeroReturnError
    ):
        return _untrusted(problem)
    return PeerUnreachable(
        f"the connection broke in the TLS handshake: {problem}",
        do="it is tried again; the peer may have too many connections",
    )


def _let_alert_arrive(tls: ssl.SSLSocket) -> None:
    """Wait until the peer closes. Closing with unread bytes would reset the stream, and the peer would lose the
    TLS alert that says why it was rejected."""
    deadline = time.monotonic() + 2
    try:
        while (left := deadline - time.monotonic()) > 0:
            tls.settimeout(left)
            if not socket.socket.recv(tls, WRITE_BYTES):
                return
    except OSError:
        return


def greet(connection: Connection, idle_seconds: float) -> None:
    """Exchange HELLO; then the idle deadline is `idle_seconds`. Raises PeerRefused if the versions differ."""
    try:
        connection.send_message("HELLO", protocol=PROTOCOL, takes_offers=True)
        said = connection.receive_message("HELLO").fields
    except FrameDamaged:
        raise ProtocolViolated("the peer speaks another protocol", do="check the address and port") from None
    theirs = said.get("protocol")
    if theirs != PROTOCOL:
        raise PeerRefused(
            f"{connection.peer_name} speaks protocol {theirs}, we speak {PROTOCOL}",
            do="bring both appliances to the same release",
            code="protocol-version",
        )
    connection.takes_offers = bool(said.get("takes_offers"))
    connection.set_idle(idle_seconds)


def _untrusted(problem: ssl.SSLError) -> PeerUntrusted:
    return PeerUntrusted(
        f"TLS failed: {problem.reason or problem}",
        do="check that both appliances are enrolled with the same vault",
    )
