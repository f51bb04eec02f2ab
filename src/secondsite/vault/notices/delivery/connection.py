"""The connection of one delivery."""

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from types import TracebackType

DEADLINE_SECONDS = 60.0
"""The time for a whole delivery, in seconds: a server that answers a byte now and then gets no more."""
SILENCE_SECONDS = 15.0
MOST_SAID = 200
TRANSLATED = tuple(
    map(
        ipaddress.IPv6Network, ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
    )
)
"""IPv6 networks whose last 32 bits are an IPv4 address: mapped, compatible, and of translators (RFC 6052, RFC
8215)."""


class NotDelivered(Exception):
    """The message was not delivered; the text is a sentence for people."""


SECRETS_OF_CLOUDS = frozenset(
    map(
        ipaddress.ip_address,
        ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"),
    )
)
"""Addresses of metadata services that are not link-local: Alibaba, Azure, Oracle, Amazon and Google by
IPv6."""


class Line:
    """The connection of one delivery; opened once. `cut_if_late` is for another thread."""

    def __init__(self) -> None:
        self._ends_at = time.monotonic() + DEADLINE_SECONDS
        self._lock = threading.Lock()
        self._twin: socket.socket | None = None
        """Another handle of the same connection: it ends the connection whatever is wrapped around the first
        one."""
        self._is_cut = False

    def dial(self, host: str, port: int) -> socket.socket:
        """Open the connection. Raises OSError, or NotDelivered for an address that no receiver has."""
        opened = socket.create_connection((host, port), SILENCE_SECONDS)
        try:
            _refuse_own_network(opened)
            self._hold(opened)
        except BaseException:
            opened.close()
            raise
        return opened

    def _hold(self, opened: socket.socket) -> None:
        with self._lock:
            if self._is_cut:
                raise NotDelivered(self.why(TimeoutError()))
            self._twin = opened.dup()

    def cut_if_late(self) -> None:
        if time.monotonic() >= self._ends_at:
            self.cut()

    def cut(self) -> None:
        with self._lock:
            self._is_cut = True
            if self._twin is not None:
                with contextlib.suppress(OSError):
                    self._twin.shutdown(socket.SHUT_RDWR)

    def why(self, error: Exception) -> str:
        """What went wrong on the connection, as a sentence."""
        if self._is_cut:
            return f"It did not accept the message within {DEADLINE_SECONDS:.0f} s."
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"Its certificate is not trusted: {error.verify_message}."
        if isinstance(error, TimeoutError):
            return f"It did not answer within {SILENCE_SECONDS:.0f} s."
        return f"{type(error).__name__}: {plain(str(error))}"

    def __enter__(self) -> "Line":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        with self._lock:
            twin, self._twin = self._twin, None
        if twin is not None:
            twin.close()


def context(ca_pem: str | None) -> ssl.SSLContext:
    """A TLS context that trusts these certificates, or those that the host trusts. Raises NotDelivered."""
    try:
        return ssl.create_default_context(cadata=ca_pem)
    except (ssl.SSLError, ValueError) as error:
        raise NotDelivered(
            f"The CA certificates that it should be trusted by cannot be read: {error}."
        ) from error


def plain(said: str | bytes) -> str:
    """Text of the other side as one short line without characters that steer a terminal."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:MOST_SAID]


def _refuse_own_network(opened: socket.socket) -> None:
    require_receiver(opened.getpeername()[0])


def require_receiver(said: str) -> None:
    """Raises NotDelivered for link-local and some other addresses, at which clouds give machines their
    secrets; no receiver is there."""
    for address in reached(said):
        if address.is_link_local:
            raise NotDelivered(f"It is at {address}, a link-local address: nothing is sent there.")
        if address in SECRETS_OF_CLOUDS:
            raise NotDelivered(
                f"At {address} a cloud gives its machines their secrets: nothing is sent there."
            )


def reached(said: str) -> Iterator[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The address, and the IPv4 addresses that a translator or a tunnel may turn it into."""
    address = ipaddress.ip_address(said.partition("%")[0])
    yield address
    if isinstance(address, ipaddress.IPv4Address):
        return
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if any(address in each for each in TRANSLATED):
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
