"""Bad luck: foreign certificates, a target or a vault that is gone, a full store. Nothing is lost, all
comes back."""

import json
import os
import socket
import ssl
import urllib.parse

import pytest
import trustme

from rig import small_store
from rig.eventually import eventually
from secondsite.ground.units import MiB
from tests.e2e.support_simulated_sites import (
    PROTECT,
    disk_digest,
    point_digest,
    simulated_sites,
    store,
    stored_points,
)
from tests.support import command_line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def rig():
    with simulated_sites() as rig:
        rig.simulated["web01"].write(0, os.urandom(4 * MiB))
        command_line.do(rig, *PROTECT)
        rig.new_points("web01")
        yield rig


# ---- foreign certificates
# --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def foreign(rig, tmp_path_factory):
    """A certificate for appliance a's own id, but of another authority."""
    folder = tmp_path_factory.mktemp("foreign")
    config = command_line.told(rig, "appliance", "list")
    appliance_id = next(each["id"] for each in config if each["name"] == "appliance-a")
    issued = trustme.CA().issue_cert("appliance.test", common_name=appliance_id)
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    (folder / "cert.pem").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    return folder


def test_both_ports_close_the_door_to_a_foreign_certificate(rig, foreign):
    config = json.loads((rig.home("appliance-a") / "appliance.json").read_text())
    data = next(each for each in command_line.told(rig, "appliance", "list") if each["name"] == "appliance-b")
    control_port = urllib.parse.urlparse(config["control_url"]).port
    data_port = int(data["data_addresses"][0].rpartition(":")[2])
    for port in (control_port, data_port):
        assert answer_to(port, rig.home("appliance-a") / "tls") != b""
        assert answer_to(port, foreign) == b""


def answer_to(port, certificate):
    """The first byte that a port says to a client with the certificate in this folder."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            context.wrap_socket(plain) as talk,
        ):
            talk.sendall(b"GET / HTTP/1.1\r\n\r\n")
            return talk.recv(1)
    except (ssl.SSLError, ConnectionResetError):
        return b""


def test_an_appliance_with_a_foreign_certificate_is_away_until_it_has_its_own_again(rig, foreign):
    tls = rig.home("appliance-a") / "tls"
    own = {name: (tls / name).read_bytes() for name in ("cert.pem", "key.pem")}
    rig.appliances["a"].stop()
    for name in own:
        (tls / name).write_bytes((foreign / name).read_bytes())
    rig.appliances["a"].start()
    eventually(lambda: "appliance-unreachable" in rig.codes("web01"), 30)
    points = stored_points(rig, "web01")
    rig.simulated["web01"].write(0, os.urandom(MiB))
    eventually(lambda: b"vault.unreachable" in rig.appliances["a"].log.read_bytes(), 30)
    assert stored_points(rig, "web01") == points
    rig.appliances["a"].stop()
    for name, content in own.items():
        (tls / name).write_bytes(content)
    rig.appliances["a"].start()
    eventually(lambda: stored_points(rig, "web01") - points, 60)
    eventually(lambda: rig.codes("web01") == {}, 30)


# ---- who does not answer
# ---------------------------------------------------------------------------------------------


def test_a_target_that_is_gone_is_a_finding_that_goes_by_itself(rig):
    rig.appliances["b"].kill()
    found = eventually(lambda: _both(rig.codes("web01"), "appliance-unreachable", "peer-unreachable"), 60)
    assert "appliance-b" in found["appliance-unreachable"]
    points = stored_points(rig, "web01")
    rig.simulated["web01"].write(MiB, os.urandom(MiB))
    rig.appliances["b"].start()
    eventually(lambda: stored_points(rig, "web01") - points, 60)
    eventually(lambda: rig.codes("web01") == {}, 60)


def _both(found, *wanted):
    return found if set(wanted) <= set(found) else None


def test_replication_does_not_need_the_vault_and_the_command_line_says_that_it_is_down(rig):
    points = stored_points(rig, "web01")
    rig.vault.kill()
    error = command_line.refused(rig, "machine", "list", exit_code=6)
    assert error["code"] == "vault-unreachable"
    small = store(rig)
    eventually(lambda: len(list(small.glob("replicas/*/points/*.json"))) > len(points) + 1, 60)
    rig.vault.start()
    eventually(lambda: rig.codes("web01") == {}, 60)
    assert rig.machine("web01").state == "protected"


def test_an_appliance_ends_when_its_state_is_replaced_under_it_and_goes_on_once_it_is_put_back(rig):
    state = rig.home("appliance-b") / "appliance.db"
    aside = state.with_suffix(".aside")
    points = stored_points(rig, "web01")
    state.rename(aside)
    eventually(lambda: not rig.appliances["b"].is_alive, 20)
    assert f"{state} was removed or replaced while the appliance ran." in rig.appliances["b"].log.read_text()
    aside.rename(state)
    rig.appliances["b"].start()
    eventually(lambda: stored_points(rig, "web01") - points, 60)
    eventually(lambda: rig.codes("web01") == {}, 60)


# ---- a full disk at the target
# ---------------------------------------------------------------------------------------


def test_a_full_store_is_a_finding_and_loses_nothing(rig):
    if not store(rig).is_mount():
        pytest.skip("no right to mount a small file system")
    machine_id = rig.machine("web01").id
    before = {id_: point_digest(rig, machine_id, id_) for id_ in sorted(stored_points(rig, "web01"))[-2:]}
    rig.simulated["web01"].write(8 * MiB, os.urandom(64 * MiB))
    what = eventually(lambda: rig.codes("web01").get("target-store-full"), 60)
    assert what
    assert rig.machine("web01").health == "critical"
    assert {id_: point_digest(rig, machine_id, id_) for id_ in before} == before


def test_it_recovers_by_itself_when_there_is_room_again(rig):
    small = store(rig)
    if not small.is_mount():
        pytest.skip("no right to mount a small file system")
    small_store.resize(small, 512 * MiB)
    rig.new_points("web01", 2, within_seconds=90)
    eventually(lambda: "target-store-full" not in rig.codes("web01"), 60)
    newest = rig.points("web01")[-1].id
    assert point_digest(rig, rig.machine("web01").id, newest) == disk_digest(rig, "web01")


def test_ending_protection_empties_the_store(rig):
    command_line.do(rig, "disable-protection", "web01")
    assert not list((store(rig) / "replicas").glob("*/points/*"))
    assert command_line.told(rig, "machine", "show", "web01", exit_code=3)["error"]["code"] == "not-found"
