"""The vault's own certificate authority: one root, which signs the vault's server and every appliance.

Invariant: whatever holds a certificate of this CA was enrolled by this vault; its common name is the
appliance's id. Peers compare the common name, not a host name, so an appliance may move. Only the vault's own
certificate names a host, and only it cannot be used as a client: by that all who dial the vault recognize it
(`ground.tls.to_a_vault`).
"""

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ....domain import errors
from ....ground import durable
from ....ground.certificates import APPLIANCES, fingerprint, issued, serves_at
from . import ca_key

CA_DAYS = 20 * 365
SERVER_DAYS = 397
APPLIANCE_LIFETIME = timedelta(days=90)
RENEW_BEFORE = timedelta(days=30)
# Clocks differ, by hours where a machine keeps local time, and a certificate that is not valid yet is of no
# use. Small compared with the lifetime: the appliance counts that from the certificate itself.
MOST_BACKDATED = timedelta(days=1)
CA_BACKDATED = timedelta(days=5 * 365)
"""A CA that was created while the clock was ahead is kept; certificates that it issued then are issued
again."""

CA_CERTIFICATE, CA_KEY, NEXT_KEY = "ca.pem", "ca.key", "next-ca.key"
SERVER_CERTIFICATE, SERVER_KEY = "server.pem", "server.key"


class VaultAuthority:
    """The vault's CA: an interfaces.Authority on a key and a certificate."""

    def __init__(
        self,
        certificate: x509.Certificate,
        key: ec.EllipticCurvePrivateKey,
        appliance_lifetime: timedelta = APPLIANCE_LIFETIME,
        others: Sequence[x509.Certificate] = (),
    ) -> None:
        """`others` are CAs that are trusted as well while the CA is rotated."""
        self.appliance_lifetime = appliance_lifetime
        self._certificate = certificate
        self._key = key
        self._trusted = (certificate, *others)

    @property
    def ca_pem(self) -> str:
        return _pem(self._certificate)

    @property
    def trusted_pem(self) -> str:
        """All trusted CAs as PEM, this one first."""
        return pem_of(*self._trusted)

    @property
    def trusted(self) -> Sequence[x509.Certificate]:
        """All trusted CAs, this one first."""
        return self._trusted

    @property
    def ends_at(self) -> datetime:
        return self._certificate.not_valid_after_utc

    @property
    def fingerprint(self) -> str:
        return fingerprint(self._certificate)

    def issued(self, certificate: x509.Certificate) -> bool:
        """Whether this CA signed it."""
        return issued(self._certificate, certificate)

    def issue_appliance(self, csr_pem: str, appliance_id: str, now: datetime) -> tuple[str, datetime]:
        """A certificate (PEM) for the request's key, and when it ends; nothing else that the request asks for
        is signed.

        Raises InvalidArgument for what is not a request, or is not signed by its own key.
        """
        request = _parse_request(csr_pem)
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        names: list[x509.GeneralName] = [x509.DNSName(f"{appliance_id}.{APPLIANCES}")]
        builder = self._leaf(request.public_key(), appliance_id, now, self.appliance_lifetime, names, usages)
        certificate = builder.sign(self._key, hashes.SHA256())
        return _pem(certificate), certificate.not_valid_after_utc

    def issue_server(self, names: Sequence[str], now: datetime) -> tuple[str, str]:
        """A certificate for the vault's own ports and its new key, both PEM. `names` are DNS names and
        addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.SERVER_AUTH]
        alternatives = [_general_name(name) for name in names]
        builder = self._leaf(
            key.public_key(), names[0], now, timedelta(days=SERVER_DAYS), alternatives, usages
        )
        return _pem(builder.sign(self._key, hashes.SHA256())), _key_pem(key)

    def _leaf(
        self,
        public_key: object,
        common_name: str,
        now: datetime,
        lifetime: timedelta,
        names: Sequence[x509.GeneralName],
        usages: Sequence[x509.ObjectIdentifier],
    ) -> x509.CertificateBuilder:
        lifetime = min(lifetime, self.ends_at - now)
        backdated = min(MOST_BACKDATED, lifetime / 10)
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            _builder(common_name, self._certificate.subject, public_key, now, lifetime, backdated)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(issuer_key, critical=False)
        )


def create_authority(directory: Path, name: str, now: datetime) -> VaultAuthority:
    """Create a CA in `directory`; raises AlreadyExists rather than replace one."""
    if (directory / CA_KEY).exists():
        raise errors.AlreadyExists(f"{directory} holds a certificate authority already.")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    certificate, key_pem = make(name, now)
    durable.write(directory / CA_CERTIFICATE, _pem(certificate), mode=0o644)
    durable.write(directory / CA_KEY, key_pem, mode=0o600)
    return load_authority(directory)


def make(name: str, now: datetime) -> tuple[x509.Certificate, str]:
    """A new CA and its key (PEM)."""
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    certificate = (
        _builder(name, _name(name), key.public_key(), now, timedelta(days=CA_DAYS), CA_BACKDATED)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate, _key_pem(key)


def load_authority(directory: Path, appliance_lifetime: timedelta = APPLIANCE_LIFETIME) -> VaultAuthority:
    """The CA that `create_authority` or a rotation has put into `directory`; its certificates for appliances
    last `appliance_lifetime`. Raises NotFound, and NotPossibleNow for a key that belongs to another user or
    another CA."""
    settle(directory)
    ca_key.require_private(directory / CA_KEY)
    issuing, *others = certificates(directory)
    if not key_fits(directory / CA_KEY, issuing):
        raise errors.NotPossibleNow(
            f"{directory / CA_KEY} is not the key of the first certificate in {CA_CERTIFICATE}.",
            do="Put both back from the same backup.",
        )
    return VaultAuthority(issuing, _key(directory / CA_KEY), appliance_lifetime, others)


def settle(directory: Path) -> None:
    """Finish what a crash interrupted: the key of the new CA that issues is put into place. Raises
    NotFound."""
    if not (directory / CA_KEY).exists():
        raise errors.NotFound(
            f"{directory} holds no certificate authority.", do="Run 'secondsite vault init' first."
        )
    issuing, *_ = certificates(directory)
    if (directory / NEXT_KEY).exists() and key_fits(directory / NEXT_KEY, issuing):
        (directory / NEXT_KEY).replace(directory / CA_KEY)
        durable.sync_folder(directory)


def certificates(directory: Path) -> Sequence[x509.Certificate]:
    """The CAs that are trusted; the first one issues."""
    return x509.load_pem_x509_certificates((directory / CA_CERTIFICATE).read_bytes())


def key_fits(path: Path, certificate: x509.Certificate) -> bool:
    return _key(path).public_key() == certificate.public_key()


def pem_of(*found: x509.Certificate) -> str:
    return "".join(map(_pem, found))


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def ensure_server_certificate(
    authority: VaultAuthority, directory: Path, names: Sequence[str], now: datetime
) -> tuple[Path, Path]:
    """Paths of a server certificate that is valid for `names` and for some time yet, and of its key; creates
    both if needed."""
    certificate_path, key_path = directory / SERVER_CERTIFICATE, directory / SERVER_KEY
    if not _serves(authority, certificate_path, key_path, names, now):
        certificate, key = authority.issue_server(names, now)
        certificate_path.unlink(missing_ok=True)
        durable.write(key_path, key, mode=0o600)
        durable.write(certificate_path, certificate, mode=0o644)
    return certificate_path, key_path


def _serves(
    authority: VaultAuthority, certificate_path: Path, key_path: Path, names: Sequence[str], now: datetime
) -> bool:
    if not (certificate_path.exists() and key_path.exists()):
        return False
    certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
    alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    lasts = now + min(RENEW_BEFORE, authority.ends_at - now) <= certificate.not_valid_after_utc
    lasts = lasts and serves_at(certificate, now)
    named = list(alternatives) == [_general_name(name) for name in names]
    return named and lasts and authority.issued(certificate)


def _builder(
    common_name: str,
    issuer: x509.Name,
    public_key: object,
    now: datetime,
    lifetime: timedelta,
    backdated: timedelta,
) -> x509.CertificateBuilder:
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - backdated)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _parse_request(csr_pem: str) -> x509.CertificateSigningRequest:
    try:
        request = x509.load_pem_x509_csr(csr_pem.encode())
    except ValueError as error:
        raise errors.InvalidArgument(f"The certificate request cannot be read: {error}") from error
    if not request.is_signature_valid or not isinstance(request.public_key(), ec.EllipticCurvePublicKey):
        raise errors.InvalidArgument("The certificate request must be signed by its own elliptic curve key.")
    return request


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
