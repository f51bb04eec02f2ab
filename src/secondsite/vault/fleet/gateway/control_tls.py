"""Which clients the control port accepts: TLS 1.3 and a certificate of the vault's own authority."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ....ground.tls import only_1_3


@dataclass(frozen=True, slots=True)
class ControlSettings:
    """`certificate` and `key` are the port's own; `ca` is the only authority whose clients are accepted."""

    host: str
    port: int
    ca: Path
    certificate: Path
    key: Path
    follow: Callable[[ssl.SSLContext], None] = lambda _context: None
    """Called with the port's TLS context, so that a renewed certificate can be shown there."""


def for_appliances(settings: ControlSettings) -> ssl.SSLContext:
    """A TLS context: TLS 1.3 only; a client must show a certificate of the vault's CA."""
    context = only_1_3(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    # An appliance reads in one thread and writes in another. With a session ticket to read, one connection of
    # 3,000 never sent its first message, and timed out. Nobody resumes sessions.
    context.num_tickets = 0
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(settings.ca)
    context.load_cert_chain(settings.certificate, settings.key)
    settings.follow(context)
    return context
