"""The CAs that the vault tells an appliance to trust."""

from datetime import UTC, datetime

import pytest

from secondsite.appliance.control.enrollment import private_key
from secondsite.appliance.control.renewal import Renewal
from secondsite.appliance.shared import TrustedCas
from secondsite.datapath.channel import TlsFiles
from secondsite.domain import errors
from secondsite.ground.certificates import signing_request
from secondsite.vault.fleet.gateway import ca_rotation
from secondsite.vault.fleet.gateway.certificate_authority import create_authority, load_authority

NOW = datetime.now(UTC)


@pytest.fixture
def pki(tmp_path):
    create_authority(tmp_path / "pki", "CA", NOW)
    return tmp_path / "pki"


@pytest.fixture
def tls(tmp_path, pki):
    """The files of an appliance that enrolled before the rotation."""
    home, authority = tmp_path / "home", load_authority(pki)
    request = signing_request(private_key(home), "id-1")
    files = TlsFiles(home / "tls" / "cert.pem", home / "tls" / "key.pem", home / "tls" / "ca.pem")
    files.certificate.write_text(authority.issue_appliance(request, "id-1", NOW)[0])
    files.authority.write_text(authority.ca_pem)
    return files


def test_an_appliance_trusts_both_authorities_and_says_so(pki, tls):
    cas, old = TrustedCas(tls), load_authority(pki)
    changes: list[bool] = []
    cas.changed = lambda: changes.append(True)
    ca_rotation.rotate(pki, "vault", NOW)
    for _ in range(2):
        cas.set(load_authority(pki).trusted_pem)
    assert changes == [True]
    assert cas.fingerprints == ca_rotation.standing(pki).trusted
    assert cas.issuer == old.fingerprint


def test_a_certificate_is_asked_for_at_once_when_another_authority_issues(pki, tls):
    cas = TrustedCas(tls)
    ca_rotation.rotate(pki, "vault", NOW)
    cas.set(load_authority(pki).trusted_pem)
    renewal = Renewal(tls, "id-1", lambda _of_another_ca: None)
    assert renewal.request() is None
    ca_rotation.switch(pki)
    cas.set(load_authority(pki).trusted_pem)
    renewal.look_soon()
    assert renewal.request() is not None


@pytest.mark.parametrize("pem", ["", "no certificate"])
def test_what_is_no_authority_is_not_trusted(tls, pem):
    before = tls.authority.read_bytes()
    with pytest.raises(errors.InvalidArgument):
        TrustedCas(tls).set(pem)
    assert tls.authority.read_bytes() == before


def test_an_appliance_does_not_lock_itself_out_with_authorities_that_are_not_its_own(tls, tmp_path):
    foreign = create_authority(tmp_path / "foreign", "CA", NOW)
    with pytest.raises(errors.InvalidArgument, match="has issued"):
        TrustedCas(tls).set(foreign.ca_pem)
    assert foreign.ca_pem not in tls.authority.read_text()
