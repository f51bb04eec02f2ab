"""A stolen home of an appliance at both ends of the data ports: real TLS, two appliances, a vault that may
be gone."""

import shutil
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from rig import dying
from rig.eventually import eventually
from secondsite.appliance.control import enrollment, reenrollment
from secondsite.appliance.shared import EnrolledPeers
from secondsite.datapath.channel import Listener, TlsFiles, dial
from secondsite.datapath.errors import DatapathError, PeerUntrusted
from secondsite.ground import certificates, seams
from secondsite.ground.certificates import signing_request
from secondsite.wire.rest.places import EnrollRequest, ReplacementKeyCreate
from tests.support.enrolled import enrolled as enrolled_site
from tests.support.vault import VaultInProcess

pytestmark = pytest.mark.slow


@pytest.fixture
def vault(tmp_path):
    vault = VaultInProcess(tmp_path / "vault")
    yield vault
    vault.close()


@pytest.fixture
def sites(vault, tmp_path):
    """Two appliances that run, and are connected to the vault."""
    made = [enrolled_site(vault, tmp_path, name).start() for name in ("a", "b")]
    for site in made:
        eventually(lambda site=site: site.connected)
    yield made
    for site in made:
        site.end()


@pytest.fixture
def thief(sites, tmp_path):
    """The files of a copy of a's home."""
    home = tmp_path / "stolen"
    shutil.copytree(sites[0].config.home / "tls", home)
    return TlsFiles(home / "cert.pem", home / "key.pem", home / "ca.pem")


def replace(vault, site, refuse_now=False):
    """As a person does on the host that takes its place."""
    site.stop()
    wanted = ReplacementKeyCreate(refuse_now=refuse_now)
    key = vault.facade.appliances.replacement_key(site.appliance_id, wanted).key
    key_pem = enrollment.private_key(site.config.home)
    request = EnrollRequest(key=key, name="a", csr_pem=signing_request(key_pem, "a"))
    answer = vault.facade.appliances.enroll(request)
    assert answer.appliance_id == site.appliance_id
    enrollment.keep(site.config, answer)
    site.start()


def is_cut(connection):
    try:
        return not connection.socket.recv(1)
    except OSError as problem:
        return not isinstance(problem, TimeoutError)


def is_refused(thief, site):
    """Whether the data port closes the door: after the handshake it says nothing."""
    try:
        dial("127.0.0.1", site.config.listen_port, thief, connect_seconds=5).close()
    except DatapathError:
        return True
    return False


def knows(site, other):
    """Whether the vault has told it that the present key of `other` counts."""
    pem = x509.load_pem_x509_certificate(other.config.certificate.read_bytes())
    key = certificates.key_of(pem.public_bytes(serialization.Encoding.DER))
    peers = site.appliance.enrolled_peers
    return peers.admits(other.appliance_id, key) and not peers.admits(other.appliance_id, "another")


def test_a_stolen_key_is_refused_at_both_data_ports_also_once_the_vault_is_gone(vault, sites, thief):
    a, b = sites
    eventually(lambda: knows(b, a))
    with dial("127.0.0.1", b.config.listen_port, thief, peer_name=b.appliance_id) as open_one:
        replace(vault, a)
        assert is_cut(open_one)
    eventually(lambda: knows(b, a) and knows(a, a))
    assert is_refused(thief, b)
    assert is_refused(thief, a)
    vault.close()
    b.restart()
    a.restart()
    assert is_refused(thief, b)
    assert is_refused(thief, a)
    with a.appliance.peers.connect((f"127.0.0.1:{b.config.listen_port}",), b.appliance_id) as connection:
        assert connection.peer_name == b.appliance_id


def test_an_appliance_sends_nothing_to_a_thief_at_the_address_of_its_peer(vault, sites, thief):
    a, b = sites
    eventually(lambda: knows(b, a))
    ended = threading.Event()

    def hold(_connection):
        ended.wait(30)

    trap = Listener("127.0.0.1", 0, thief, hold).start()
    try:
        address = (f"127.0.0.1:{trap.port}",)
        with b.appliance.peers.connect(address, a.appliance_id) as open_one:
            replace(vault, a)
            open_one.socket.settimeout(10)
            assert is_cut(open_one)
        with pytest.raises(PeerUntrusted, match="does not count"):
            b.appliance.peers.connect(address, a.appliance_id)
    finally:
        ended.set()
        trap.stop()


def test_a_key_that_is_refused_at_once_is_refused_at_the_peers_data_port(vault, sites, thief):
    a, b = sites
    eventually(lambda: knows(b, a))
    vault.facade.appliances.replacement_key(a.appliance_id, ReplacementKeyCreate(refuse_now=True))
    eventually(lambda: is_refused(thief, b))


def test_what_an_earlier_release_kept_of_the_peers_is_understood(sites):
    _a, b = sites
    b.appliance.state.put_fact("enrolled-peers", '["one", "two"]')
    peers = EnrolledPeers(b.appliance.state)
    assert peers.admits("one", "any key")
    assert not peers.admits("three", "any key")


# ---- enrolling again
# -----------------------------------------------------------------------------------------------


@pytest.fixture
def stopped(vault, tmp_path, monkeypatch):
    """An appliance that is to enroll again; the vault's answer comes without a network."""
    site = enrolled_site(vault, tmp_path, "a")

    def answered(_url, request, _fingerprint):
        return vault.facade.appliances.enroll(request)

    monkeypatch.setattr(enrollment, "answered", answered)
    yield site
    site.end()


def files(site):
    return [path.read_bytes() for path in (site.config.key, site.config.certificate)]


def enroll_again(vault, site):
    key = vault.facade.appliances.replacement_key(site.appliance_id, ReplacementKeyCreate()).key
    return reenrollment.enroll_again(site.config, "https://vault", key, "fingerprint")


def test_an_appliance_that_enrolls_again_has_a_new_key_and_what_it_knew(vault, stopped):
    before = files(stopped)
    changed = enroll_again(vault, stopped)
    assert changed == stopped.config
    assert not set(before) & set(files(stopped))
    stopped.start()
    eventually(lambda: stopped.connected)


@pytest.mark.parametrize("seam", ["appliance.again.answered", "appliance.again.key-written"])
def test_an_appliance_that_is_killed_while_it_enrolls_again_has_the_new_key_at_its_next_start(
    vault, stopped, seam
):
    with seams.armed(dying.at(seam)), pytest.raises(dying.Killed):
        enroll_again(vault, stopped)
    reenrollment.finish(stopped.config.home)
    assert not (stopped.config.home / "tls" / "next.json").exists()
    stopped.start()
    eventually(lambda: stopped.connected)
