"""The digest of a public key: who shows a certificate is known by its key, whatever the certificate says."""

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import serialization


def of_certificate(der: bytes) -> str:
    """sha256 of the key in a certificate (DER), 64 hex digits."""
    return _digest(x509.load_der_x509_certificate(der))


def of_request(csr_pem: str) -> str:
    """The same of a certificate request (PEM). Raises ValueError for what is none."""
    return _digest(x509.load_pem_x509_csr(csr_pem.encode()))


def _digest(holder: x509.Certificate | x509.CertificateSigningRequest) -> str:
    encoding, layout = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(holder.public_key().public_bytes(encoding, layout)).hexdigest()
