"""The vault's certificate authority."""

import contextlib
import hashlib
import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from secondsite.domain import errors
from secondsite.ground import tls
from secondsite.vault.fleet.gateway.certificate_authority import (
    VaultAuthority,
    create_authority,
    ensure_server_certificate,
    load_authority,
)
from tests.support.vault import request_for


@pytest.fixture
def now():
    return datetime.now(UTC)


def test_an_authority_is_made_once_and_comes_back_the_same(tmp_path, now):
    made = create_authority(tmp_path / "pki", "test CA", now)
    assert load_authority(tmp_path / "pki").ca_pem == made.ca_pem
    der = ssl.PEM_cert_to_DER_cert(made.ca_pem)
    assert made.fingerprint == hashlib.sha256(der).hexdigest()
    assert stat.S_IMODE((tmp_path / "pki" / "ca.key").stat().st_mode) == 0o600
    with pytest.raises(errors.AlreadyExists):
        create_authority(tmp_path / "pki", "test CA", now)


def test_an_appliance_gets_its_id_as_common_name_for_90_days_whatever_it_asked_for(tmp_path, now):
    authority = create_authority(tmp_path, "test CA", now)
    _, csr = request_for("I am the vault")
    pem, expires_at = authority.issue_appliance(csr, "appliance-1", now)
    certificate = x509.load_pem_x509_certificate(pem.encode())
    assert certificate.subject.rfc4514_string() == "CN=appliance-1"
    assert abs(expires_at - now - timedelta(days=90)) < timedelta(seconds=2)
    usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usages) == {x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH, x509.oid.ExtendedKeyUsageOID.SERVER_AUTH}
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_a_request_that_is_none_is_refused(tmp_path, now):
    authority = create_authority(tmp_path, "test CA", now)
    with pytest.raises(errors.InvalidArgument):
        authority.issue_appliance("no request", "appliance-1", now)


def test_the_server_certificate_is_renewed_when_names_change_or_its_end_is_near(tmp_path, now):
    authority = create_authority(tmp_path, "test CA", now)
    path, key = ensure_server_certificate(authority, tmp_path, ["127.0.0.1"], now)
    first = path.read_text()
    ensure_server_certificate(authority, tmp_path, ["127.0.0.1"], now)
    assert path.read_text() == first
    ensure_server_certificate(authority, tmp_path, ["127.0.0.1"], now + timedelta(days=380))
    second = path.read_text()
    assert second != first
    ensure_server_certificate(authority, tmp_path, ["127.0.0.1", "vault.example"], now)
    assert path.read_text() != second
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_an_init_that_died_between_key_and_certificate_is_repaired(tmp_path, now):
    authority = create_authority(tmp_path, "test CA", now)
    path, _key = ensure_server_certificate(authority, tmp_path, ["127.0.0.1"], now)
    path.unlink()
    path, key = ensure_server_certificate(authority, tmp_path, ["127.0.0.1"], now)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path, key)


def test_both_ends_of_a_tls_connection_accept_what_the_authority_issued(tmp_path, now):
    authority = create_authority(tmp_path, "test CA", now)
    certificate, key = ensure_server_certificate(authority, tmp_path, ["127.0.0.1", "localhost"], now)
    private, csr = request_for("x")
    (tmp_path / "client.pem").write_text(authority.issue_appliance(csr, "appliance-1", now)[0] + private)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.verify_mode = ssl.CERT_REQUIRED
    server_context.load_verify_locations(tmp_path / "ca.pem")
    server_context.load_cert_chain(certificate, key)
    client_context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    client_context.verify_flags |= ssl.VERIFY_X509_STRICT
    client_context.load_cert_chain(tmp_path / "client.pem")
    ours, theirs = socket.socketpair()
    seen = {}

    def serve():
        with server_context.wrap_socket(theirs, server_side=True) as tls:
            certificate = tls.getpeercert()
            assert certificate is not None
            seen["peer"] = certificate["subject"]
            tls.sendall(b"x")

    thread = threading.Thread(target=serve)
    thread.start()
    with client_context.wrap_socket(ours, server_hostname="localhost") as tls:
        assert tls.recv(1) == b"x"
    thread.join(10)
    assert seen["peer"] == ((("commonName", "appliance-1"),),)


@pytest.mark.parametrize("days", [10, 400, -10])
def test_a_clock_that_was_wrong_at_one_start_leaves_a_certificate_that_is_trusted_when_it_is_right(
    tmp_path, now, days
):
    names, wrong = ["127.0.0.1"], now + timedelta(days=days)
    ensure_server_certificate(create_authority(tmp_path, "test CA", wrong), tmp_path, names, wrong)
    path, _key = ensure_server_certificate(load_authority(tmp_path), tmp_path, names, now)
    chain = x509.load_pem_x509_certificate(path.read_bytes()), load_authority(tmp_path).trusted[0]
    assert all(each.not_valid_before_utc <= now < each.not_valid_after_utc for each in chain)


HOST = "drvault"


def shown(authority, tmp_path, now, *, old):
    """Certificate and key of an appliance whose id is a host's name, as earlier releases let one have it."""
    private, csr = request_for("x")
    leaf = VaultAuthority._leaf  # noqa: SLF001
    with pytest.MonkeyPatch.context() as patched:
        if old:
            bare = lambda ca, key, name, at, lasts, _names, usages: leaf(  # noqa: E731
                ca, key, name, at, lasts, [x509.DNSName(name)], usages
            )
            patched.setattr(VaultAuthority, "_leaf", bare)
        pem, _ends = authority.issue_appliance(csr, HOST, now)
    (tmp_path / "appliance.pem").write_text(pem + private)
    return tmp_path / "appliance.pem"


def handshake(client, chain):
    """In memory; raises what the client raises. True once its certificate is taken."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*chain)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(back, there, server_hostname=HOST)
    theirs = server.wrap_bio(there, back, server_side=True)
    for end in (ours, theirs):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    ours.do_handshake()
    return True


@pytest.mark.parametrize("old", [False, True], ids=["of this release", "of an earlier one"])
def test_no_appliances_certificate_is_the_vaults_whatever_its_id(tmp_path, now, old):
    authority = create_authority(tmp_path / "pki", "test CA", now)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tls.client_trusting(authority.ca_pem), [shown(authority, tmp_path, now, old=old)])
    made = ensure_server_certificate(authority, tmp_path, [HOST], now)
    assert handshake(tls.client_trusting(authority.ca_pem), made)


def test_an_appliances_certificate_is_for_no_name_that_can_be_dialled(tmp_path, now):
    """A program that is not ours checks the name alone."""
    authority = create_authority(tmp_path / "pki", "test CA", now)
    other = ssl.create_default_context(cadata=authority.ca_pem)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(other, [shown(authority, tmp_path, now, old=False)])
    assert handshake(other, ensure_server_certificate(authority, tmp_path, [HOST], now))


@pytest.mark.parametrize("old", [False, True], ids=["of this release", "of an earlier one"])
def test_over_a_socket_no_word_is_said_to_an_appliance_in_the_vaults_place(tmp_path, now, old):
    authority = create_authority(tmp_path / "pki", "test CA", now)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(shown(authority, tmp_path, now, old=old))
    ours, theirs = socket.socketpair()
    heard = []

    def listen():
        with contextlib.suppress(OSError), server.wrap_socket(theirs, server_side=True) as stream:
            heard.append(stream.recv(100))

    thread = threading.Thread(target=listen)
    thread.start()
    with pytest.raises(ssl.SSLCertVerificationError):
        with tls.client_trusting(authority.ca_pem).wrap_socket(ours, server_hostname=HOST) as stream:
            stream.sendall(b"token")
    thread.join(10)
    assert not thread.is_alive()
    assert b"token" not in heard
