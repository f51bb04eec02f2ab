"""Renew the certificate: ask the vault when a third of its lifetime is left, or when another CA issues now.

The key stays, so only the certificate's file changes, and the two match even after a crash. Open
connections go on; new ones, in either direction, use the new certificate."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from ...datapath.channel import TlsFiles
from ...ground import durable, seams
from ...ground.certificates import issued, serves_at, signing_request
from ...wire.control import Renew, RenewAnswer
from ..shared import issuer_of

CHECK_SECONDS = 3600.0
LEFT_WHEN_DUE = 1 / 3

log = structlog.get_logger(__name__)


class Renewal:
    """Asks for new certificates and keeps them. `renewed` is called once a new one is durable, with whether
    another CA issued it than the last one."""

    def __init__(
        self,
        tls: TlsFiles,
        appliance_id: str,
        renewed: Callable[[bool], None],
        check_seconds: float = CHECK_SECONDS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._tls = tls
        self._appliance_id = appliance_id
        self._renewed = renewed
        self._check_seconds = check_seconds
        self._now = now
        self._next_check = 0.0
        self._lock = threading.Lock()

    def look_soon(self) -> None:
        """Ask at the next chance: a connection has just begun, since an answer may have been lost with the
        last one; or another CA issues now."""
        self._next_check = 0.0

    def request(self) -> Renew | None:
        """The request to send now; None if none is needed yet, or if it was sent recently."""
        if time.monotonic() < self._next_check:
            return None
        self._next_check = time.monotonic() + self._check_seconds
        own = _certificate(self._tls.certificate.read_bytes())
        if issued(self._cas()[0], own) and not is_due(own, self._now()):
            return None
        return Renew(csr_pem=signing_request(self._tls.key.read_bytes(), self._appliance_id))

    def answered(self, answer: RenewAnswer) -> None:
        """Keep what the vault sent, if it is a certificate of its CA for this appliance's id and key."""
        if answer.problem is not None:
            log.warning("certificate.not-renewed", problem=answer.problem.message, do=answer.problem.do)
            return
        pem = answer.certificate_pem.encode()
        reason = self._unfit(pem)
        if reason:
            log.warning("certificate.refused", problem=reason)
            return
        with self._lock:
            seams.reach("appliance.certificate.before-write")
            former = issuer_of(_certificate(self._tls.certificate.read_bytes()), self._cas())
            durable.write(self._tls.certificate, pem, 0o644)
            seams.reach("appliance.certificate.written")
            self._renewed(former is None or not issued(former, _certificate(pem)))
        log.info("certificate.renewed", expires_at=_certificate(pem).not_valid_after_utc.isoformat())

    def _cas(self) -> Sequence[x509.Certificate]:
        return x509.load_pem_x509_certificates(self._tls.authority.read_bytes())

    def _unfit(self, pem: bytes) -> str | None:
        """Why this certificate cannot be used; None if it can be used."""
        try:
            certificate = _certificate(pem)
        except ValueError as problem:
            return f"it is no certificate: {problem!r}"
        if issuer_of(certificate, self._cas()) is None:
            return "it is not a certificate of our CA"
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        if [name.value for name in names] != [self._appliance_id]:
            return "it is for another name"
        key = serialization.load_pem_private_key(self._tls.key.read_bytes(), password=None)
        if certificate.public_key() != key.public_key():
            return "it is for another key"
        return self._out_of_time(certificate)

    def _out_of_time(self, certificate: x509.Certificate) -> str | None:
        """Why the certificate is refused for its time. One that is valid now is kept until the new one is
        valid too. If neither is, this host's clock is wrong."""
        now, own = self._now(), _certificate(self._tls.certificate.read_bytes())
        if serves_at(certificate, now) or not serves_at(own, now):
            return None
        return (
            f"it is valid from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%SZ} to "
            f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%SZ}, and the clock here shows "
            f"{now:%Y-%m-%d %H:%M:%SZ}: let the clocks of this host and of the vault follow a time service"
        )


def is_due(certificate: x509.Certificate, now: datetime) -> bool:
    """True when less than a third of its lifetime is left, or when it is not valid now."""
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return certificate.not_valid_after_utc - now < lifetime * LEFT_WHEN_DUE or not serves_at(certificate, now)


def _certificate(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem)
