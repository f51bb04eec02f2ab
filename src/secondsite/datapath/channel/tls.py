"""Who may talk to whom: TLS 1.3 contexts in which both ends show a certificate of the same CA."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...ground.tls import only_1_3
from ..errors import PeerUntrusted


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: our certificate, its key, and the CA that signs both ends."""

    certificate: Path
    key: Path
    authority: Path


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """For the end that dials. Appliances are identified by common name, not by host name."""
    return _context(ssl.PROTOCOL_TLS_CLIENT, files)


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """For the end that listens; it asks for a certificate as well."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, files)
    # A session ticket makes the socket readable although the peer said nothing; we never resume sessions.
    context.num_tickets = 0
    return context


def is_distrust(problem: ssl.SSLError) -> bool:
    """Whether the peer's alert rejects our identity. Damage on the way raises alerts too, and they do not count."""
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
            f"certificate files {files.certificate}, {files.key}, {files.authority} cannot be used: {problem}",
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
