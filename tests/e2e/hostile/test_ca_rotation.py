"""The vault's CA is rotated while machines replicate: all come over without enrolling again, but one that
was away."""

import shutil

import pytest

from rig import Rig
from rig.eventually import eventually
from secondsite.client import connect
from secondsite.domain import errors
from tests.e2e.hostile.support_replicating import replicate
from tests.support import command_line

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    with Rig("simulated", tmp_path_factory.mktemp("rig"), forked=True) as rig:
        replicate(rig)
        yield rig


@pytest.fixture(scope="module")
def away(rig):
    """One more appliance, which does not hear of the whole rotation."""
    rig.add_host("b")
    rig.appliances["b2"].stop()
    return rig.appliances["b2"]


@pytest.fixture(scope="module")
def colleague(rig, away):
    """The CA file of a person at another host."""
    return shutil.copy(rig.home("vault") / "pki" / "ca.pem", rig.folder / "colleague.pem")


def ca(rig, *words, exit_code=0):
    return command_line.told(
        rig, "vault", "ca", *words, "--home", str(rig.home("vault")), exit_code=exit_code
    )


def stand(rig, what):
    """By name, of those that are connected."""
    return {
        each["name"]: each[what] for each in ca(rig, "show")["appliances"] if each["name"] != "appliance-b2"
    }


def asks(rig, file):
    with connect(rig.url, (rig.home("vault") / "token").read_text().strip(), file) as vault:
        return vault.show()


def fetch(rig, file):
    token = str(rig.home("vault") / "token")
    return rig.cli(
        "--url", rig.url, "--ca", str(file), "--token-file", token, "vault", "ca", "fetch", str(file)
    )


def issuers(rig):
    return {site: (rig.home(f"appliance-{site}") / "tls" / "cert.pem").read_bytes() for site in ("a", "b")}


def test_a_new_authority_is_trusted_beside_the_old_one_by_all_that_are_connected(rig, away, colleague):
    assert ca(rig, "rotate")["phase"] == "both-trusted"
    refused = ca(rig, "switch", exit_code=4)["error"]
    assert "appliance-a" in refused["message"]
    rig.vault.kill()
    rig.vault.start()
    eventually(lambda: all(stand(rig, "trusts_all").values()), 30)
    rig.new_points("web01")
    asks(rig, colleague)


def test_an_appliance_that_is_away_holds_the_rotation_up_until_it_is_left_behind(rig, colleague):
    refused = ca(rig, "switch", exit_code=4)["error"]
    assert "appliance-b2 (away)" in refused["message"]
    assert "appliance-a" not in refused["message"]
    done = fetch(rig, colleague)
    assert "2 CA certificates" in done.stdout + done.stderr
    assert ca(rig, "switch", "--leave-behind")["phase"] == "switched"


def test_all_that_are_connected_get_certificates_of_the_new_authority_by_themselves(rig, colleague):
    before = issuers(rig)
    stale = rig.folder / "stale.pem"
    stale.write_text((rig.home("appliance-b2") / "tls" / "ca.pem").read_text())
    rig.vault.kill()
    rig.vault.start()
    eventually(lambda: all(stand(rig, "has_new").values()), 30)
    assert all(before[site] != now for site, now in issuers(rig).items())
    rig.new_points("web01")
    asks(rig, colleague)
    with pytest.raises(errors.CertificateRefused, match="did not issue"):
        asks(rig, stale)


def test_the_old_authority_is_dropped_and_replication_goes_on(rig, colleague):
    assert "appliance-b2" in ca(rig, "drop", exit_code=4)["error"]["message"]
    done = ca(rig, "drop", "--leave-behind")
    assert (done["phase"], len(done["trusted"])) == ("resting", 1)
    rig.vault.kill()
    rig.vault.start()
    eventually(lambda: all(stand(rig, "connected").values()), 30)
    tls = [rig.home(f"appliance-{site}") / "tls" / "ca.pem" for site in ("a", "b")]
    eventually(lambda: all(path.read_text().count("BEGIN CERTIFICATE") == 1 for path in tls), 30)
    for site in ("a", "b"):
        rig.appliances[site].stop()
        rig.appliances[site].start()
    eventually(lambda: all(stand(rig, "connected").values()), 30)
    rig.new_points("web01")


def test_the_one_that_was_away_is_told_to_enroll_again_and_then_comes_back(rig, away):
    away.start()
    log = rig.folder / "appliance-b2.log"
    eventually(lambda: "enroll-again" in log.read_text(), 30)
    away.stop()
    made = command_line.told(rig, "appliance", "create-registration-key", "--replace", "appliance-b2")
    key_file = rig.folder / "replacement-key"
    key_file.write_text(made["key"])
    words = ["appliance", "enroll-again", "--vault", rig.url, "--fingerprint", made["ca_fingerprint"]]
    done = rig.cli(*words, "--key-file", str(key_file), "--home", str(rig.home("appliance-b2")))
    assert done.returncode == 0, done.stderr
    away.start()
    rig.wait_connected()
