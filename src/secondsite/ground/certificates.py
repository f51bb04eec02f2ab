"""Reads certificates: what one says of itself, of its key, and of its issuer. And asks for one."""

import hashlib
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

APPLIANCES = "appliance.secondsite.invalid"
"""The domain of the DNS names in appliances' certificates, which nobody dials (RFC 6761). A certificate
without a DNS name would be matched by its common name."""


def key_of(der: bytes) -> str:
    """SHA-256 of the public key in a certificate (DER), 64 hex digits: a peer is known by its key, whatever
    its certificate says."""
    return _digest(x509.load_der_x509_certificate(der))


def key_of_request(csr_pem: str) -> str:
    """The same for a certificate request (PEM). Raises ValueError for anything else."""
    return _digest(x509.load_pem_x509_csr(csr_pem.encode()))


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of a certificate in DER form, 64 hex digits."""
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


def is_appliances(der: bytes) -> bool:
    """Whether a certificate (DER) is one that a vault's CA gives to appliances: valid for dialling too, and
    with no other name than the id. Those of earlier releases have the bare id as their name."""
    certificate = x509.load_der_x509_certificate(der)
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    known = {f"{each}{end}" for each in (str(name.value) for name in names) for end in ("", f".{APPLIANCES}")}
    named = {each.value for each in alternatives if isinstance(each, x509.DNSName)}
    return (
        ExtendedKeyUsageOID.CLIENT_AUTH in usages and len(named) == len(list(alternatives)) and named <= known
    )


def issued(ca: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Whether this CA signed it."""
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def serves_at(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether a certificate is valid at `now`. One that was issued by a clock that was ahead is not valid
    yet."""
    return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc


def _digest(holder: x509.Certificate | x509.CertificateSigningRequest) -> str:
    encoding, layout = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(holder.public_key().public_bytes(encoding, layout)).hexdigest()


def signing_request(key_pem: bytes, name: str) -> str:
    """A request for a certificate, as PEM, signed with the key (PEM) that it is for. The vault takes only the
    public key from it, and chooses the names itself."""
    key = serialization.load_pem_private_key(key_pem, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()
