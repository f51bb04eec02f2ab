"""The vault's CA is replaced by another one; it may be killed at any instant. Its key is nobody else's."""

import os
import stat
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from cryptography import x509

from rig import dying
from secondsite.domain import errors
from secondsite.ground import seams
from secondsite.vault.fleet.gateway import ca_rotation
from secondsite.vault.fleet.gateway.ca_rotation import Phase
from secondsite.vault.fleet.gateway.certificate_authority import (
    CA_KEY,
    create_authority,
    ensure_server_certificate,
    load_authority,
)
from tests.support.vault import request_for


@pytest.fixture
def now():
    return datetime.now(UTC)


@pytest.fixture
def pki(tmp_path, now):
    create_authority(tmp_path / "pki", "first", now)
    return tmp_path / "pki"


def issuer_of(authority, now):
    pem, _ends = authority.issue_appliance(request_for("x")[1], "id-1", now)
    return x509.load_pem_x509_certificate(pem.encode())


def test_a_rotation_goes_from_one_authority_over_both_to_the_other(pki, now):
    old = load_authority(pki)
    ca_rotation.rotate(pki, "vault", now)
    both = load_authority(pki)
    assert both.fingerprint == old.fingerprint
    assert both.trusted_pem.count("BEGIN CERTIFICATE") == 2
    assert old.issued(issuer_of(both, now))
    ca_rotation.switch(pki)
    new = load_authority(pki)
    assert new.fingerprint != old.fingerprint
    assert new.trusted_pem.count("BEGIN CERTIFICATE") == 2
    assert new.issued(issuer_of(new, now))
    assert not old.issued(issuer_of(new, now))
    ca_rotation.drop(pki)
    assert load_authority(pki).trusted_pem == new.ca_pem
    assert sorted(path.name for path in pki.iterdir()) == ["ca.key", "ca.pem"]


def test_the_acts_come_in_their_order(pki, now):
    for act in (ca_rotation.switch, ca_rotation.drop):
        with pytest.raises(errors.NotPossibleNow):
            act(pki)
    ca_rotation.rotate(pki, "vault", now)
    with pytest.raises(errors.NotPossibleNow):
        ca_rotation.rotate(pki, "vault", now)
    with pytest.raises(errors.NotPossibleNow):
        ca_rotation.drop(pki)
    ca_rotation.switch(pki)
    with pytest.raises(errors.NotPossibleNow):
        ca_rotation.rotate(pki, "vault", now)


def test_a_rotation_that_is_killed_before_it_commits_begins_anew(pki, now):
    old = load_authority(pki)
    with seams.armed(dying.at("vault.ca.key-made")), pytest.raises(dying.Killed):
        ca_rotation.rotate(pki, "vault", now)
    assert ca_rotation.standing(pki).phase is Phase.RESTING
    assert load_authority(pki).trusted_pem == old.trusted_pem
    ca_rotation.rotate(pki, "vault", now)
    ca_rotation.switch(pki)
    assert load_authority(pki).fingerprint != old.fingerprint


@pytest.mark.parametrize("goes_on_by", [load_authority, ca_rotation.standing])
def test_a_switch_that_is_killed_after_it_committed_is_finished(pki, now, goes_on_by):
    old = load_authority(pki)
    ca_rotation.rotate(pki, "vault", now)
    with seams.armed(dying.at("vault.ca.switched")), pytest.raises(dying.Killed):
        ca_rotation.switch(pki)
    goes_on_by(pki)
    new = load_authority(pki)
    assert new.issued(issuer_of(new, now))
    assert new.fingerprint != old.fingerprint
    assert ca_rotation.standing(pki).phase is Phase.SWITCHED


def test_a_server_certificate_of_a_former_authority_is_made_anew(pki, now):
    names = ["localhost"]
    path, _key = ensure_server_certificate(load_authority(pki), pki, names, now)
    ca_rotation.rotate(pki, "vault", now)
    before = path.read_bytes()
    ensure_server_certificate(load_authority(pki), pki, names, now)
    assert path.read_bytes() == before
    ca_rotation.switch(pki)
    ensure_server_certificate(load_authority(pki), pki, names, now)
    assert load_authority(pki).issued(x509.load_pem_x509_certificate(path.read_bytes()))


def test_no_certificate_outlives_its_authority(pki, now):
    authority = load_authority(pki)
    late = authority.ends_at - timedelta(days=10)
    _pem, ends_at = authority.issue_appliance(request_for("x")[1], "id-1", late)
    assert abs(ends_at - authority.ends_at) < timedelta(seconds=2)


# ---- the key
# -------------------------------------------------------------------------------------------------------


def test_an_authoritys_key_that_others_could_read_is_closed_and_that_is_said(pki):
    key = pki / CA_KEY
    key.chmod(0o644)
    with structlog.testing.capture_logs() as logs:
        load_authority(pki)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    [said] = [each for each in logs if each["event"] == "ca-key.was-open"]
    assert said["mode"] == "0644"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_an_authoritys_key_of_another_user_is_refused(pki):
    os.chown(pki / CA_KEY, 12345, 12345)
    with pytest.raises(errors.NotPossibleNow, match="belongs to user 12345"):
        load_authority(pki)


def test_a_key_that_is_not_the_authoritys_is_refused(pki, tmp_path, now):
    create_authority(tmp_path / "other", "other", now)
    (tmp_path / "other" / CA_KEY).replace(pki / CA_KEY)
    with pytest.raises(errors.NotPossibleNow, match="not the key"):
        load_authority(pki)
