"""The vault's certificate authority."""

import hashlib
import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from secondsite.domain import errors
from secondsite.vault.gateway.certificate_authority import (
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
