"""The version of TLS that all our connections speak, whatever the configuration of a host's OpenSSL says."""

import ssl
from typing import Any


def only_1_3(context: ssl.SSLContext) -> ssl.SSLContext:
    """The same context, set to TLS 1.3 only. OPENSSL_CONF and /etc/ssl/openssl.cnf may allow only lower
    versions: a vault then answered nobody, without a message."""
    context.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def client_trusting(ca_pem: str) -> ssl.SSLContext:
    """For the client's side of a connection to a vault: it checks the name too, and does not accept an
    appliance's certificate. Unlike Python's default context it writes no keys to SSLKEYLOGFILE. Raises
    ssl.SSLError, ValueError."""
    context = only_1_3(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    context.load_verify_locations(cadata=ca_pem)
    return to_a_vault(context)


def to_a_vault(context: ssl.SSLContext) -> ssl.SSLContext:
    """The same context, for the client's side: a handshake raises ssl.SSLCertVerificationError unless the
    certificate is for the name that was dialled, and is not an appliance's. One CA signs both, and appliances
    once chose the name in theirs."""
    context.check_hostname = True
    context.sslsocket_class = _ToVault
    context.sslobject_class = _ToVaultInMemory
    return context


class _ToVault(ssl.SSLSocket):
    def do_handshake(self, *args: Any, **options: Any) -> None:
        super().do_handshake(*args, **options)
        _require_vaults(self.getpeercert(binary_form=True))


class _ToVaultInMemory(ssl.SSLObject):
    def do_handshake(self) -> None:
        super().do_handshake()
        _require_vaults(self.getpeercert(binary_form=True))


def _require_vaults(der: bytes | None) -> None:
    from . import certificates  # imported here: a third of the start of a command that asks nobody

    if der is None or certificates.is_appliances(der):
        why = "it is an appliance's certificate, and no vault's"
        problem = ssl.SSLCertVerificationError(1, f"[SSL: CERTIFICATE_VERIFY_FAILED] {why}")
        problem.verify_message = why
        raise problem
