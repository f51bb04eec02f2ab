"""Which appliances may connect to the vault: those that are enrolled, with the key that they enrolled
with."""

from collections.abc import Callable

import structlog

from ...domain import errors
from ..store import Store, Transaction
from . import settings_push

log = structlog.get_logger()

NO_KEY = ""
"""Stands for the key of an appliance that may not connect with any key until it has enrolled again."""


class Admission:
    """Decides whether an appliance may connect: interfaces.Admit."""

    def __init__(self, store: Store, signals: Callable[[str], None]) -> None:
        self._store = store
        self._signals = signals

    def __call__(self, appliance_id: str, key_sha256: str) -> None:
        """Raises CertificateRefused unless the appliance is enrolled with this key."""
        with self._store.reading() as tx:
            known = tx.appliance_keys.find(appliance_id)
            _require(tx, appliance_id)
        if known is None:
            known = self._keep_first(appliance_id, key_sha256)
        require_key(appliance_id, known, key_sha256)

    def _keep_first(self, appliance_id: str, key_sha256: str) -> str | None:
        """Keep the first key of an appliance that enrolled with an earlier release, which kept no keys."""
        with self._store.transaction() as tx:
            _require(tx, appliance_id)
            tx.appliance_keys.put_first(appliance_id, key_sha256)
            known = tx.appliance_keys.find(appliance_id)
        log.info("appliance.key-kept", appliance=appliance_id, key=known)
        self._signals(settings_push.SITE)
        return known


def require_key(appliance_id: str, known: str | None, key_sha256: str) -> None:
    """Raises CertificateRefused if an appliance's key is known, and differs."""
    if known is not None and known != key_sha256:
        raise errors.CertificateRefused(
            f"The key of appliance '{appliance_id}' is not the one that it enrolled with last.",
            do="If this is the appliance itself, enroll it again: 'secondsite appliance "
            "create-registration-key --replace APPLIANCE' makes the key for it. Otherwise somebody uses a "
            "copy of its old key: find out who.",
        )


def _require(tx: Transaction, appliance_id: str) -> None:
    if tx.appliances.find(appliance_id) is None:
        raise errors.CertificateRefused(f"Appliance '{appliance_id}' is not enrolled at this vault.")
