"""The CAs that this appliance trusts, as the vault said last: one, or two while the vault's CA is rotated.
The first one issues new certificates."""

import threading
from collections.abc import Callable, Sequence

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ...datapath.channel import TlsFiles
from ...domain import errors
from ...ground import durable
from ...ground.certificates import fingerprint, issued


class TrustedCas:
    """The CAs to trust. `changed` is called after a change: open ports still use the former files."""

    def __init__(self, tls: TlsFiles) -> None:
        self._tls = tls
        self._lock = threading.Lock()
        self.changed: Callable[[], None] = lambda: None

    def set(self, pem: str) -> None:
        """Keep these CAs, as PEM; durable when it returns. Raises InvalidArgument if they cannot be read, or
        if the one that issued this appliance's certificate is missing: nobody would accept it any more."""
        found = _parsed(pem)
        if issuer_of(self._own(), found) is None:
            raise errors.InvalidArgument(
                "None of the CAs that the vault sent has issued this appliance's certificate.",
                do="Enroll the appliance again: 'secondsite appliance enroll-again --help'.",
            )
        with self._lock:
            if found == self.all():
                return
            text = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in found)
            durable.write(self._tls.authority, text, 0o644)
        self.changed()

    def all(self) -> Sequence[x509.Certificate]:
        return x509.load_pem_x509_certificates(self._tls.authority.read_bytes())

    @property
    def fingerprints(self) -> tuple[str, ...]:
        return tuple(map(fingerprint, self.all()))

    @property
    def issuer(self) -> str:
        """The fingerprint of the CA that issued our certificate; '' if it is not among the trusted ones."""
        found = issuer_of(self._own(), self.all())
        return "" if found is None else fingerprint(found)

    def _own(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self._tls.certificate.read_bytes())


def issuer_of(certificate: x509.Certificate, cas: Sequence[x509.Certificate]) -> x509.Certificate | None:
    return next((ca for ca in cas if issued(ca, certificate)), None)


def _parsed(pem: str) -> Sequence[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError as problem:
        raise errors.InvalidArgument(f"The vault's CAs cannot be read: {problem}") from problem
