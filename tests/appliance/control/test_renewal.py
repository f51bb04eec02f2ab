"""Certificates renew themselves, and only the vault is taken for the vault."""

import contextlib
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from rig.eventually import eventually
from secondsite.appliance.control import enrollment, renewal
from secondsite.appliance.control.renewal import Renewal
from secondsite.datapath.channel import handshake as channel
from secondsite.domain import errors
from secondsite.ground import seams
from secondsite.ground.certificates import signing_request
from secondsite.vault.fleet.certificate_renewal import Renewal as VaultsRenewal
from secondsite.vault.fleet.gateway.certificate_authority import create_authority, load_authority
from secondsite.wire.control import RenewAnswer
from secondsite.wire.rest.places import EnrollAnswer, EnrollRequest
from tests.support.enrolled import enrolled as enrolled_site
from tests.support.vault import VaultInProcess

pytestmark = pytest.mark.slow

SECONDS = 1 / 86400


@pytest.fixture
def make_vault(tmp_path):
    with contextlib.ExitStack() as closing:

        def make(**changes):
            vault = VaultInProcess(tmp_path / "vault", **changes)
            closing.callback(vault.close)
            return vault

        yield make


@pytest.fixture
def enrolled(tmp_path):
    made = []

    def enrolled(vault, site, **changes):
        made.append(enrolled_site(vault, tmp_path, site, **changes))
        return made[-1]

    yield enrolled
    for each in made:
        each.end()


def certificate(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def shown_by_data_port(appliance):
    """The certificate that the data port shows to a peer."""
    context = ssl.create_default_context(cafile=str(appliance.config.ca))
    context.check_hostname = False
    context.load_cert_chain(appliance.config.certificate, appliance.config.key)
    address = ("127.0.0.1", appliance.config.listen_port)
    with socket.create_connection(address, timeout=5) as plain, context.wrap_socket(plain) as tls:
        shown = tls.getpeercert(binary_form=True)
        assert shown is not None
        return x509.load_der_x509_certificate(shown)


def test_a_certificate_is_renewed_before_its_end_and_used_by_both_ends(make_vault, enrolled):
    vault = make_vault(appliance_certificate_days=9 * SECONDS)
    a = enrolled(vault, "a", certificate_check_seconds=0.2)
    b = enrolled(vault, "b", certificate_check_seconds=0.2)
    first = certificate(a.config.certificate)
    a.start(), b.start()
    eventually(lambda: certificate(a.config.certificate) != first, 20)
    # a life later the first certificates are worth nothing; the two speak with each other and with the vault
    eventually(lambda: datetime.now(UTC) > first.not_valid_after_utc + timedelta(seconds=1), 20)
    assert shown_by_data_port(a).not_valid_after_utc > first.not_valid_after_utc
    port, files = b.config.listen_port, a.appliance.peers.tls
    with channel.dial("127.0.0.1", port, files, peer_name=b.appliance_id) as connection:
        assert connection.peer_name == b.appliance_id
    assert a.connected
    a.appliance.control._socket.close()  # noqa: SLF001 a connection that breaks
    eventually(lambda: not a.connected)
    eventually(lambda: a.connected)
    shown = vault.facade.appliances.show(a.appliance_id)
    assert shown.certificate_expires_at > first.not_valid_after_utc


def test_a_certificate_with_time_left_is_not_renewed(make_vault, enrolled):
    a = enrolled(make_vault(), "a", certificate_check_seconds=0.1).start()
    before = a.config.certificate.read_bytes()
    eventually(lambda: a.connected)
    assert a.appliance.renewal.request() is None
    assert a.config.certificate.read_bytes() == before


def test_an_appliance_that_was_removed_gets_no_new_certificate(make_vault, enrolled):
    vault = make_vault()
    a = enrolled(vault, "a").start()
    eventually(lambda: a.connected)
    request = signing_request(a.config.key.read_bytes(), a.appliance_id)
    renew = VaultsRenewal(vault.store, vault.running.authority, lambda: datetime.now(UTC))
    assert "BEGIN CERTIFICATE" in renew(a.appliance_id, request)
    vault.facade.appliances.delete(a.appliance_id)
    with pytest.raises(errors.CertificateRefused):
        renew(a.appliance_id, request)


# ---- what an appliance takes
# ------------------------------------------------------------------------------------


@pytest.fixture
def held(make_site, tmp_path):
    """A CA, and the files of an appliance 'id-1' that it enrolled."""
    site = make_site("a")
    authority = create_authority(tmp_path / "pki", "CA", datetime.now(UTC))
    site.config.key.unlink()
    key_pem = enrollment.private_key(site.config.home)
    csr = signing_request(key_pem, "id-1")
    site.config.certificate.write_text(authority.issue_appliance(csr, "id-1", datetime.now(UTC))[0])
    site.config.ca.write_text(authority.ca_pem)
    return authority, site.config, csr


def renewal_of(config, called=lambda _of_another_ca: None, **more):
    from secondsite.datapath.channel.tls import TlsFiles

    return Renewal(TlsFiles(config.certificate, config.key, config.ca), "id-1", called, **more)


def test_it_is_asked_for_when_a_third_of_the_lifetime_is_left(held):
    _authority, config, _csr = held
    now = datetime.now(UTC)
    assert renewal_of(config, now=lambda: now + timedelta(days=59)).request() is None
    due = renewal_of(config, now=lambda: now + timedelta(days=61))
    assert due.request() is not None
    assert due.request() is None
    due.look_soon()
    assert due.request() is not None


def test_only_a_certificate_of_our_ca_for_our_name_and_key_is_taken(held, tmp_path):
    authority, config, csr = held
    now, taken = datetime.now(UTC), []
    foreign = create_authority(tmp_path / "foreign", "CA", now)
    other_key = enrollment.private_key(tmp_path / "other")
    before = config.certificate.read_bytes()
    keeper = renewal_of(config, lambda _of_another_ca: taken.append(True))
    for pem in (
        foreign.issue_appliance(csr, "id-1", now)[0],
        authority.issue_appliance(csr, "id-2", now)[0],
        authority.issue_appliance(signing_request(other_key, "id-1"), "id-1", now)[0],
        "no certificate",
    ):
        keeper.answered(RenewAnswer(certificate_pem=pem))
    assert config.certificate.read_bytes() == before
    good = authority.issue_appliance(csr, "id-1", now)[0]
    keeper.answered(RenewAnswer(certificate_pem=good))
    assert config.certificate.read_text() == good
    assert taken == [True]


@pytest.mark.parametrize("days", [10, 400])
def test_a_certificate_that_is_valid_later_replaces_none_that_serves_now(held, days):
    authority, config, csr = held
    now, before = datetime.now(UTC), config.certificate.read_bytes()
    later = authority.issue_appliance(csr, "id-1", now + timedelta(days=days))[0]
    renewal_of(config).answered(RenewAnswer(certificate_pem=later))
    assert config.certificate.read_bytes() == before
    # a clock here that is further ahead than any certificate reaches is the wrong one itself
    far = renewal_of(config, now=lambda: now + timedelta(days=1000))
    far.answered(RenewAnswer(certificate_pem=later))
    assert config.certificate.read_text() == later


def test_one_that_is_not_valid_yet_is_asked_for_anew(held):
    authority, config, csr = held
    later = authority.issue_appliance(csr, "id-1", datetime.now(UTC) + timedelta(days=10))[0]
    config.certificate.write_text(later)
    assert renewal_of(config).request() is not None


@pytest.mark.parametrize("days", [10, -400])
def test_an_enrollment_whose_clocks_differ_by_days_keeps_nothing(held, days):
    authority, _config, csr = held
    pem, _expires = authority.issue_appliance(csr, "id-1", datetime.now(UTC) + timedelta(days=days))
    answer = EnrollAnswer(
        appliance_id="id-1", site="a", ca_pem=authority.ca_pem, certificate_pem=pem, control_url="wss://v"
    )
    with pytest.raises(errors.CertificateRefused, match="clock"):
        enrollment._require_in_time(answer, datetime.now(UTC))  # noqa: SLF001 the vault of a test has the same clock


def test_a_short_life_is_not_hidden_by_the_time_that_it_was_backdated(tmp_path):
    create_authority(tmp_path / "pki", "CA", datetime.now(UTC))
    authority = load_authority(tmp_path / "pki", timedelta(seconds=100))
    now = datetime.now(UTC).replace(microsecond=0)
    csr = signing_request(enrollment.private_key(tmp_path / "x"), "x")
    issued = x509.load_pem_x509_certificate(authority.issue_appliance(csr, "x", now)[0].encode())
    assert not renewal.is_due(issued, now + timedelta(seconds=60))
    assert renewal.is_due(issued, now + timedelta(seconds=65))


# ---- who is the vault
# -------------------------------------------------------------------------------------------


class Impostor:
    """Listens with another appliance's certificate; counts the bytes that it gets to read."""

    def __init__(self, appliance):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(appliance.config.certificate, appliance.config.key)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.read, self.refusals = 0, []
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                plain, _ = self.server.accept()
            except OSError:
                return
            plain.settimeout(3)
            try:
                with self.context.wrap_socket(plain, server_side=True) as tls:
                    self.read += len(tls.recv(100))
            except OSError as problem:
                self.refusals.append(problem)

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self.thread.join(5)


@pytest.fixture
def impostor(make_vault, enrolled):
    """Appliance b of the same vault plays the vault; gives (impostor, appliance a)."""
    vault = make_vault()
    a, b = enrolled(vault, "a"), enrolled(vault, "b")
    impostor = Impostor(b)
    yield impostor, a
    impostor.close()


def test_another_appliance_that_poses_as_the_vault_is_not_greeted(impostor):
    posing, a = impostor
    a.start(control_url=f"wss://127.0.0.1:{posing.port}")
    eventually(lambda: len(posing.refusals) > 1)
    assert not a.connected
    assert posing.read == 0


def test_another_appliance_that_poses_as_the_vault_is_not_shown_the_registration_key(impostor):
    posing, a = impostor
    request = EnrollRequest(key="secret", name="x", csr_pem="x")
    with pytest.raises(errors.CertificateRefused) as refused:
        enrollment.ask(f"https://127.0.0.1:{posing.port}", request, a.config.ca.read_text())
    assert "--host" in refused.value.do
    assert posing.read == 0


def test_a_certificate_is_whole_whenever_the_appliance_is_killed(held):
    authority, config, csr = held
    before = config.certificate.read_text()
    good = authority.issue_appliance(csr, "id-1", datetime.now(UTC))[0]
    seen = []

    def look(name):
        if name.startswith("appliance.certificate"):
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(config.certificate, config.key)
            seen.append(config.certificate.read_text())

    with seams.armed(look):
        renewal_of(config).answered(RenewAnswer(certificate_pem=good))
    assert seen == [before, good]
