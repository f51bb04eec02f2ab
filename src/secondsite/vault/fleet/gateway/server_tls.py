"""The certificate of the vault's own ports, which is renewed while they are open."""

import ssl
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import structlog

from ....ground.periodic import Periodic
from ....ground.tls import only_1_3
from .certificate_authority import VaultAuthority, ensure_server_certificate

log = structlog.get_logger()

LOOK_EVERY_SECONDS = 60.0
"""Short: a certificate that was issued while the clock was ahead lets nobody in until it is replaced."""


class ServerTls(Periodic):
    """Renews the certificate of the vault's ports. `certificate` and `key` are files, valid for `names`."""

    def __init__(
        self, authority: VaultAuthority, directory: Path, names: Sequence[str], now: Callable[[], datetime]
    ) -> None:
        super().__init__(
            "server-certificate", lambda error: log.error("server-certificate.not-renewed", exc_info=error)
        )
        self._authority = authority
        self._directory = directory
        self._names = names
        self._now = now
        self.certificate, self.key = ensure_server_certificate(authority, directory, names, now())
        self._shown = self.certificate.read_bytes()
        self._newest: ssl.SSLContext | None = None

    def follow(self, context: ssl.SSLContext) -> None:
        """Let this server's context show the newest certificate from now on; which clients it accepts does
        not change."""
        context.sni_callback = self._show_newest

    def look(self) -> None:
        """Issue the next certificate if the present one ends soon, and show it."""
        ensure_server_certificate(self._authority, self._directory, self._names, self._now())
        found = self.certificate.read_bytes()
        if found != self._shown:
            newest = only_1_3(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
            newest.load_cert_chain(self.certificate, self.key)
            # OpenSSL looks up a client's CA in the context that shows the certificate, not in the first one.
            newest.load_verify_locations(cadata=self._authority.trusted_pem)
            self._newest, self._shown = newest, found
            log.info("server-certificate.renewed")

    def _show_newest(
        self, tls: ssl.SSLSocket | ssl.SSLObject, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        # A context that is in use is not changed: handshakes in other threads may be reading it.
        if self._newest is not None:
            tls.context = self._newest

    def pause_seconds(self) -> float:
        return LOOK_EVERY_SECONDS
