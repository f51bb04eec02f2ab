"""Opens connections: TCP, TLS 1.3 with a certificate from both ends, and HELLO."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from typing import Final

from ..errors import (
    DatapathError,
    FrameDamaged,
    PeerRefused,
    PeerSilent,
    PeerUnreachable,
    PeerUntrusted,
    ProtocolViolated,
)
from .connection import WRITE_BYTES, Connection, Limiter, untrusted
from .tls import TlsFiles, client_context

PROTOCOL: Final = 2
"""The protocol version. It rises only for a change with which older peers cannot be spoken to."""
OLDEST: Final = 2
"""The oldest version that is understood too."""
WE_CAN: Final = (
    "takes_offers", "answers_whether_there", "notes_unchanged", "takes_common", "tells_held", "tells_digests",
)  # fmt: skip
"""Additions to the protocol, by name. One that a peer does not name in its HELLO is not used with it."""


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
    """Connect to a peer appliance. Raises PeerUnreachable, PeerUntrusted (we reject its certificate, it
    rejects ours, or its name is not `peer_name`), PeerSilent, PeerRefused (protocol version)."""
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
    """TLS on a connected socket, within `idle_seconds` per step; raises PeerUntrusted, PeerSilent,
    PeerUnreachable."""
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
        return untrusted(problem)
    return PeerUnreachable(
        f"the connection broke in the TLS handshake: {problem}",
        do="it is tried again; the peer may have too many connections",
    )


def _let_alert_arrive(tls: ssl.SSLSocket) -> None:
    """Wait until the peer closes. Closing with unread bytes would reset the stream, and the peer would
    lose the TLS alert that says why it was rejected."""
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
        connection.send_message("HELLO", protocol=PROTOCOL, oldest=OLDEST, **dict.fromkeys(WE_CAN, True))
        said = connection.receive_message("HELLO").fields
    except FrameDamaged:
        raise ProtocolViolated("the peer speaks another protocol", do="check the address and port") from None
    _require_common(connection, said.get("protocol"), said.get("oldest"))
    connection.takes_offers = bool(said.get("takes_offers"))
    connection.answers_whether_there = bool(said.get("answers_whether_there"))
    connection.notes_unchanged = bool(said.get("notes_unchanged"))
    connection.takes_common = bool(said.get("takes_common"))
    connection.tells_what_it_holds = bool(said.get("tells_held"))
    connection.tells_digests = bool(said.get("tells_digests"))
    connection.set_idle(idle_seconds)


def _require_common(connection: Connection, protocol: object, oldest: object) -> None:
    """Raises PeerRefused if no version is common. A release that names one version understands only that
    one."""
    newest = protocol if isinstance(protocol, int) else 0
    least = oldest if isinstance(oldest, int) else newest
    if not (newest >= OLDEST and least <= PROTOCOL):
        raise PeerRefused(
            f"{connection.peer_name} speaks protocol {newest}, we speak {PROTOCOL}",
            do=(
                f"upgrade {'the peer' if newest < PROTOCOL else 'this appliance'}: the two are too many "
                "releases apart"
            ),
            code="protocol-version",
        )
