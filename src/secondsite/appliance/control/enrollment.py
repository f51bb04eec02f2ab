"""Enrollment: how an appliance becomes known to its vault.

    check the CA's fingerprint > make a key > send the CSR with the registration key > keep certificate and
    settings

The operator brings the fingerprint, so a wrong vault is noticed before it sees the key.
"""

from __future__ import annotations

import hashlib
import os
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ValidationError

from ...domain import errors
from ...ground import durable, seams, tls
from ...ground.certificates import serves_at, signing_request
from ..shared import ApplianceConfig

if TYPE_CHECKING:
    # An appliance that runs speaks no REST: the shapes of all its answers took a seventh of its start.
    from ...wire.rest.places import EnrollAnswer, EnrollRequest

CA_PATH = "/api/ca"
ENROLL_PATH = "/api/enroll"


def fingerprint(ca_pem: str) -> str:
    """SHA-256 of the CA's certificate in DER form, 64 hexadecimal digits. Raises ValueError for anything but
    one certificate."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(alone(ca_pem))).hexdigest()


def alone(ca_pem: str) -> str:
    """The one certificate in this text, as PEM without anything else: TLS trusts every certificate in a file,
    and only one fingerprint was compared. Raises ValueError for none, and for several."""
    [certificate] = x509.load_pem_x509_certificates(ca_pem.encode())
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def enroll(
    vault_url: str, key: str, ca_fingerprint: str, name: str, home: Path, *, store: Path, scratch: Path,
    listen_port: int = 9445, advertised: tuple[str, ...] = (),
) -> ApplianceConfig:  # fmt: skip
    """Enroll with the vault at `vault_url` (https://host:port); saves the appliance's configuration and
    returns it.

    Raises CertificateRefused for a vault with another CA, RegistrationRefused, ApplianceUnreachable.
    """
    from ...wire.rest.places import EnrollRequest

    key_pem = private_key(home)
    request = EnrollRequest(key=key, name=name, csr_pem=signing_request(key_pem, name))
    answer = answered(vault_url, request, ca_fingerprint)
    seams.reach("appliance.enroll.answered")
    config = ApplianceConfig(
        appliance_id=answer.appliance_id, name=name, site=answer.site, home=home, store=store,
        scratch=scratch,
        listen_port=listen_port, advertised=advertised, control_url=answer.control_url,
    )  # fmt: skip
    keep(config, answer)
    config.save()
    return config


def answered(vault_url: str, request: EnrollRequest, ca_fingerprint: str) -> EnrollAnswer:
    """The answer of the vault whose CA has this fingerprint. Raises the same errors as `enroll`."""
    ca_pem = _trusted_ca(vault_url, ca_fingerprint)
    answer = ask(vault_url, request, ca_pem)
    if _alone_or_none(answer.ca_pem) != ca_pem:
        raise errors.CertificateRefused(
            (
                f"The vault at {vault_url} answered the enrollment with another CA than the one that was "
                "compared."
            ),
            do=(
                "Find out who answers at that address; delete the appliance that may have been enrolled, and "
                "make a new key."
            ),
        )
    _require_in_time(answer, datetime.now(UTC))
    return answer


def _require_in_time(answer: EnrollAnswer, now: datetime) -> None:
    """Raises CertificateRefused: nobody accepts a certificate that is not valid now."""
    certificate = x509.load_pem_x509_certificate(answer.certificate_pem.encode())
    if not serves_at(certificate, now):
        raise errors.CertificateRefused(
            "The vault's clock and the one here differ: its certificate is valid from "
            f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%SZ} to "
            f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%SZ}, and here it is "
            f"{now:%Y-%m-%d %H:%M:%SZ}. Nothing was kept here.",
            do=(
                f"Let both follow a time service, delete appliance '{answer.appliance_id}' at the vault, and "
                "enroll with a new key."
            ),
        )


def keep(config: ApplianceConfig, answer: EnrollAnswer) -> None:
    """Keep the vault's answer and the configuration, durably. Raises CertificateRefused unless the answer
    holds exactly one CA."""
    ca_pem = _alone_or_none(answer.ca_pem)
    if ca_pem is None:
        raise errors.CertificateRefused(
            "The vault's answer does not hold exactly one CA certificate.",
            do="Bring vault and appliance to the same release; then try again.",
        )
    durable.write(config.ca, ca_pem.encode(), 0o644)
    durable.write(config.certificate, answer.certificate_pem.encode(), 0o644)


def private_key(home: Path) -> bytes:
    """The appliance's key as PEM, which never leaves its home. It is made anew for each enrollment: an
    existing one may be known to others."""
    path = home / "tls" / "key.pem"
    home.mkdir(parents=True, exist_ok=True)
    os.chmod(home, 0o700)
    pem = new_key()
    durable.write(path, pem)
    return pem


def new_key() -> bytes:
    """A new private key as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _trusted_ca(vault_url: str, wanted: str) -> str:
    """The vault's CA certificate as PEM, if its fingerprint is the one that the operator was given."""
    unverified = tls.only_1_3(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    unverified.check_hostname = False
    unverified.verify_mode = (
        ssl.CERT_NONE
    )  # only the CA's public certificate is read, and its fingerprint is checked
    status, body = _http(vault_url, "GET", CA_PATH, None, unverified)
    ca_pem = _alone_or_none(body.decode(errors="replace"))
    plain = wanted.lower().replace(":", "").removeprefix("sha256")
    found = f"none, or several certificates (HTTP {status})" if ca_pem is None else fingerprint(ca_pem)
    if ca_pem is None or found != plain:
        raise errors.CertificateRefused(
            f"The vault at {vault_url} shows a CA with fingerprint {found}, not {plain}.",
            do="Check the address, and the fingerprint that was shown with the registration key.",
        )
    return ca_pem


def _alone_or_none(ca_pem: str) -> str | None:
    try:
        return alone(ca_pem)
    except ValueError:
        return None


def ask(vault_url: str, request: EnrollRequest, ca_pem: str) -> EnrollAnswer:
    from ...wire.rest import ErrorBody
    from ...wire.rest.places import EnrollAnswer

    context = tls.client_trusting(ca_pem)
    status, answer = _http(vault_url, "POST", ENROLL_PATH, request.model_dump_json().encode(), context)
    try:
        if status < 300:
            return EnrollAnswer.model_validate_json(answer)
        raise ErrorBody.model_validate_json(answer).error.raised()
    except ValidationError:
        raise errors.ApplianceUnreachable(
            f"{vault_url}{ENROLL_PATH} answered with HTTP {status} and nothing that is understood.",
            do="Check that this is the vault's address and that both are of the same release.",
        ) from None


def _http(url: str, method: str, path: str, body: bytes | None, context: ssl.SSLContext) -> tuple[int, bytes]:
    from . import https  # imported here: a running appliance never needs it

    return https.ask(url, method, path, body, context)
