"""An appliance's home is gone, as after a theft; its store, or its machines, are still there. It is
replaced under its own id."""

import pytest

from rig import Rig, processes
from secondsite.wire import rest
from tests.e2e.hostile.support_replicating import replicate
from tests.support import command_line

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    options = {site: ["--store", str(tmp_path_factory.mktemp(f"store-{site}"))] for site in ("a", "b")}
    with Rig("simulated", tmp_path_factory.mktemp("rig"), appliance_options=options, forked=True) as rig:
        replicate(rig)
        yield rig


@pytest.fixture(scope="module")
def ids(rig):
    return {each["name"]: each["id"] for each in command_line.told(rig, "appliance", "list")}


def lose_home(rig, site):
    """All that the appliance wrote; the simulated hypervisor beside it stays, and so does the store."""
    rig.appliances[site].kill()
    home = rig.home(f"appliance-{site}")
    for path in [
        *home.glob("appliance.db*"),
        *home.glob("tls/*"),
        home / "appliance.json",
        home / "fabric.json",
    ]:
        path.unlink()


def replace(rig, site, *options):
    name, home = f"appliance-{site}", rig.home(f"appliance-{site}")
    key = command_line.told(rig, "appliance", "create-registration-key", "--replace", name, "--refuse-now")
    key_file = rig.folder / "replacement-key"
    key_file.write_text(key["key"])
    words = ["appliance", "enroll", "--vault", rig.url, "--fingerprint", key["ca_fingerprint"]]
    words += ["--key-file", str(key_file), "--home", str(home), "--name", name, "--fabric", "simulated"]
    words += ["--uri", str(home / "fabric"), "--listen", f"127.0.0.1:{processes.free_port()}", *options]
    done = rig.cli(*words)
    assert done.returncode == 0, done.stderr
    rig.appliances[site].start()
    rig.wait_connected()


def points(rig):
    return {point.id for point in rig.points("web01")}


@pytest.mark.parametrize("site", ["b", "a"])
def test_a_replaced_appliance_goes_on_with_all_points_under_its_own_id(rig, ids, site):
    before = points(rig)
    lose_home(rig, site)
    replace(rig, site, *rig._options[site])  # noqa: SLF001 where its store is
    assert {each["name"]: each["id"] for each in command_line.told(rig, "appliance", "list")} == ids
    command_line.do(rig, "resynchronize", "web01")
    rig.new_points("web01")
    assert before <= points(rig)
    rig.wait_for("web01", lambda machine: machine.state == "protected" and not machine.findings)


def test_a_point_from_before_boots_after_both_were_replaced(rig):
    oldest = rig.points("web01")[0].id
    command_line.do(rig, "test-failover", "web01", "--point", oldest)
    command_line.do(rig, "cleanup-test-failover", "web01")


def test_an_appliance_whose_home_is_still_there_enrolls_again_in_place(rig, ids):
    before = points(rig)
    key = command_line.told(rig, "appliance", "create-registration-key", "--replace", "appliance-b")
    home = rig.home("appliance-b")
    words = ["appliance", "enroll-again", "--vault", rig.url, "--fingerprint", key["ca_fingerprint"]]
    key_file = rig.folder / "replacement-key"
    key_file.write_text(key["key"])
    words += ["--key-file", str(key_file), "--home", str(home)]
    refused = rig.cli(*words)
    assert "runs in" in refused.stderr
    rig.appliances["b"].stop()
    old = (home / "tls" / "key.pem").read_bytes()
    done = rig.cli(*words)
    assert done.returncode == 0, done.stderr
    assert (home / "tls" / "key.pem").read_bytes() != old
    rig.appliances["b"].start()
    rig.wait_connected()
    rig.new_points("web01")
    assert before <= points(rig)
    assert {each["name"]: each["id"] for each in command_line.told(rig, "appliance", "list")} == ids


def test_the_answer_of_a_replacement_key_says_what_it_replaces(rig, ids):
    with rig.client() as vault:
        made = vault.appliances["appliance-a"].create_registration_key()
    assert isinstance(made, rest.RegistrationKey)
    assert made.replaces == ids["appliance-a"]
