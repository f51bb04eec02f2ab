"""Agents that were enrolled at another appliance, and are let in because their machine was started here.

Whose authority signed a certificate says which agent it is. That the machine is the one here, and not the one
at home whose disks it is a copy of, says its hardware: the hypervisor gave it that number."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from ....ground.certificates import fingerprint
from ...calling import ExpectedAgent
from .conversation import Peer
from .errors import Refused
from .words import Hello

NEVER: Final = datetime.max.replace(tzinfo=UTC)
"""The appliance that would renew such a certificate may be lost: its end does not count here."""
log = structlog.get_logger(__name__)


class Guests:
    """Those that are expected. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expected: Mapping[str, ExpectedAgent] = {}
        self._was_told = False
        self._authorities: Mapping[str, x509.Certificate] = {}

    def expect(self, expected: Iterable[ExpectedAgent]) -> bool:
        """From now on these and no others; whether that is news."""
        now = {each.agent_id: each for each in expected}
        with self._lock:
            if self._was_told and now == self._expected:
                return False
            self._was_told = True
            known = self._authorities
            found = {pem: known.get(pem) or _read(pem) for pem in {each.authority for each in now.values()}}
            self._authorities = {pem: each for pem, each in found.items() if each is not None}
            self._expected = now
            return True

    @property
    def authorities(self) -> Sequence[x509.Certificate]:
        """Those that signed theirs."""
        with self._lock:
            return tuple(self._authorities.values())

    def expects(self, agent_id: str) -> ExpectedAgent | None:
        with self._lock:
            return self._expected.get(agent_id)

    def peer(self, agent_id: str, certificate: x509.Certificate, address: str) -> Peer | None:
        """Who shows this certificate; None for one that is not expected, or was revoked."""
        expected = self.expects(agent_id)
        with self._lock:
            authority = None if expected is None else self._authorities.get(expected.authority)
        if expected is None or authority is None or not _is_signed(certificate, authority):
            return None
        if expected.until is not None and certificate.not_valid_after_utc < expected.until:
            return None
        return Peer(agent_id, "machine", fingerprint(certificate), NEVER, address, is_guest=True)

    def require_here(self, peer: Peer, hello: Hello) -> None:
        """Raises Refused for a machine that is not the one here."""
        expected = self.expects(peer.agent_id)
        if expected is None or hello.product_uuid.lower() != expected.hardware.lower():
            raise Refused(
                "elsewhere",
                "This machine is not the one that was started here, by its hardware. Nothing is to be done.",
            )


def _read(pem: str) -> x509.Certificate | None:
    """It came from another appliance."""
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError as problem:
        log.warning("agent.authority-unreadable", problem=str(problem))
        return None


def _is_signed(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
