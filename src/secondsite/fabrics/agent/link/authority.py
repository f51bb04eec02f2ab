"""The appliance's own certificate authority for agents.

Invariant: what it signed for an agent can only dial, and what it signed for the appliance can only be
dialled. So an agent is sure of its appliance by the CA alone, whatever address it dials.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ....ground import durable
from ....ground.certificates import fingerprint
from ....ground.tls import only_1_3
from .errors import Refused

CA_LIFETIME: Final = timedelta(days=20 * 365)
CA_BACKDATED: Final = timedelta(days=5 * 365)
"""The appliance's own certificate is valid as long: a machine whose clock is years off still comes in, and
says so there. The certificates of agents are judged by the appliance's clock alone; they begin with the CA,
so that one that was issued while that clock was ahead serves when it is right again."""
AGENT_LIFETIME: Final = timedelta(days=90)
NAMES: Final = "agents.secondsite.invalid"
"""The domain of the names in these certificates, which nobody dials (RFC 6761)."""
NO_CHECK_TIME: Final = ssl.VerifyFlags(0x200000)
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which Python has no name for."""
CA, SERVER = "ca.pem", "server.pem"


class Authority:
    """Made in its folder when it is first needed; the CA's key never leaves it."""

    def __init__(self, folder: Path, now: datetime, lifetime: timedelta = AGENT_LIFETIME) -> None:
        """Raises OSError, ValueError for files that hold no key."""
        self._folder, self._lifetime = folder, lifetime
        if not (folder / CA).exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(folder / CA, *_made(now))
        self._key, self._certificate = _read(folder / CA)
        if not (folder / SERVER).exists():
            key = ec.generate_private_key(ec.SECP256R1())
            _write(folder / SERVER, key, self._server(key), self._certificate)

    @property
    def pem(self) -> str:
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the CA's certificate, which keys for registration carry."""
        return fingerprint(self._certificate)

    def context(self, others: Sequence[x509.Certificate] = ()) -> ssl.SSLContext:
        """For the port: who has no certificate comes in too, to enroll; whose certificate is not of this CA,
        or of one of the others, does not. Whether it is valid now is to be judged afterwards: a machine that
        was off for long is told at its boot whether it may work."""
        context = only_1_3(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        context.load_cert_chain(self._folder / SERVER)
        context.load_verify_locations(cadata=self.pem)
        if others:
            context.load_verify_locations(cadata="".join(map(pem_of, others)))
        context.verify_flags |= NO_CHECK_TIME
        context.verify_mode = ssl.CERT_OPTIONAL
        context.num_tickets = 0
        return context

    def has_signed(self, certificate: x509.Certificate) -> bool:
        try:
            certificate.verify_directly_issued_by(self._certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True

    def issue(self, request_pem: str, agent_id: str, now: datetime) -> x509.Certificate:
        """A certificate for the request's key; nothing else that it asks for is signed. Raises Refused for
        what is no request, or is not signed by its own key."""
        public_key = requested(request_pem)
        ca = self._certificate
        until = min(now + self._lifetime, ca.not_valid_after_utc)
        builder = _builder(agent_id, ca.subject, public_key, ca.not_valid_before_utc, until)
        return self._signed(builder, ExtendedKeyUsageOID.CLIENT_AUTH, f"{agent_id}.{NAMES}")

    def _server(self, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
        ca, name = self._certificate, f"appliance.{NAMES}"
        public_key = key.public_key()
        builder = _builder(name, ca.subject, public_key, ca.not_valid_before_utc, ca.not_valid_after_utc)
        return self._signed(builder, ExtendedKeyUsageOID.SERVER_AUTH, name)

    def _signed(
        self, builder: x509.CertificateBuilder, usage: x509.ObjectIdentifier, name: str
    ) -> x509.Certificate:
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )


def requested(request_pem: str) -> ec.EllipticCurvePublicKey:
    """The public key that a request is for, of the curve P-256. Raises Refused."""
    try:
        request = x509.load_pem_x509_csr(request_pem.encode())
        key, is_signed = request.public_key(), request.is_signature_valid
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm) as problem:
        raise Refused("no-request", f"The request for a certificate cannot be read: {problem}.") from problem
    if not is_signed or not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise Refused("no-request", "The request for a certificate must be signed by its own key, of P-256.")
    return key


def pem_of(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def agent_of(certificate: x509.Certificate) -> str:
    """The id of the agent that a certificate of this CA is for."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _made(now: datetime) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = NAMES
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    certificate = (
        _builder(name, _name(name), key.public_key(), now - CA_BACKDATED, now + CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def _builder(
    name: str,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    since: datetime,
    until: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _write(path: Path, key: ec.EllipticCurvePrivateKey, *certificates: x509.Certificate) -> None:
    """Key and certificates in one file: a power cut leaves both or none."""
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    durable.write(path, key_pem + "".join(map(pem_of, certificates)), mode=0o600)


def _read(path: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    content = path.read_bytes()
    key = serialization.load_pem_private_key(content, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key, x509.load_pem_x509_certificate(content)
