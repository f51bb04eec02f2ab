"""An appliance's next certificate: issued over its own connection, for the same name; its expiry is recorded.

The key stays: a new one needs a registration key (ADR 53)."""

import dataclasses
from collections.abc import Callable
from datetime import datetime

import structlog

from ...domain import errors
from ...ground import certificates
from ..interfaces import Authority
from ..store import Store
from .admission import require_key

log = structlog.get_logger()


class Renewal:
    def __init__(self, store: Store, authority: Authority, now: Callable[[], datetime]) -> None:
        self._store = store
        self._authority = authority
        self._now = now

    def __call__(self, appliance_id: str, csr_pem: str) -> str:
        """The appliance's next certificate (PEM). Raises CertificateRefused for an appliance that is not
        enrolled (any more), and InvalidArgument for a bad request."""
        with self._store.transaction() as tx:
            appliance = tx.appliances.find(appliance_id)
            if appliance is None:
                raise errors.CertificateRefused(f"Appliance '{appliance_id}' is not enrolled at this vault.")
            require_key(appliance_id, tx.appliance_keys.find(appliance_id), _key(csr_pem))
            pem, expires_at = self._authority.issue_appliance(csr_pem, appliance_id, self._now())
            tx.appliances.put(dataclasses.replace(appliance, certificate_expires_at=expires_at))
        log.info("certificate.renewed", appliance=appliance_id, expires_at=expires_at.isoformat())
        return pem


def _key(csr_pem: str) -> str:
    try:
        return certificates.key_of_request(csr_pem)
    except ValueError as error:
        raise errors.InvalidArgument(f"The certificate request cannot be read: {error}") from error
