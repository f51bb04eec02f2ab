"""Calls to Proxmox VE: who is believed, who is asked, for how long, and what is said of what goes wrong."""

import json
import socket
import ssl
import threading

import pytest
import trustme
from structlog.testing import capture_logs

from secondsite.domain import errors
from secondsite.fabrics.pve import access
from secondsite.fabrics.pve import connection as connections
from secondsite.fabrics.pve.errors import MachineMoved, PveAway, PveLocked, PveRefused
from tests.fabrics.pve.support_pve import SECRET, connected

NOBODY = "127.0.0.1:1"
VM = "/nodes/pve1/qemu/100"


def test_what_is_asked_is_answered_and_asking_changes_nothing(cluster, connection):
    cluster.pve.add_vm(100, "web01")
    (found,) = connection.get("/cluster/resources", {"type": "vm"})
    assert (found["vmid"], found["name"]) == (100, "web01")
    assert cluster.changes() == []


def test_the_next_node_is_asked_when_one_is_away_and_it_is_asked_first_from_then_on(cluster):
    with connected(cluster.reached_at(NOBODY, cluster.address)) as connection, capture_logs() as logged:
        assert connection.get("/version")["release"] == "9.0"
        assert connection.get("/version")["release"] == "9.0"
        assert [each["node"] for each in logged] == [NOBODY]
        cluster.pve.add_vm(100, "web01")
        connection.put(f"{VM}/config", {"onboot": "1"})
    assert cluster.changes() == [("PUT", f"/api2/json{VM}/config")]


def test_when_no_node_answers_each_is_named(cluster):
    with connected(cluster.reached_at(NOBODY, "127.0.0.1:2")) as connection:
        with pytest.raises(PveAway) as away:
            connection.get("/version")
    assert NOBODY in away.value.message
    assert "127.0.0.1:2" in away.value.message


def test_a_change_that_may_have_arrived_is_not_repeated_at_another_node(cluster):
    cluster.pve.add_vm(100, "web01")
    cluster.pve.flaky_network(drop_rate=1.0)
    with connected(cluster.reached_at(cluster.address, NOBODY)) as connection:
        with pytest.raises(PveAway, match="It may have been done"):
            connection.post(f"{VM}/status/start")


def test_a_node_that_is_silent_is_not_waited_for(cluster):
    cluster.pve.flaky_network(hang_rate=1.0, hang_secs=5)
    with connected(cluster.reached_at(), seconds=0.3) as connection:
        with pytest.raises(PveAway, match="did not answer GET /version within 0 s"):
            connection.get("/version")


def test_a_node_that_answers_a_byte_now_and_then_has_one_deadline_for_all(cluster, trickling):
    with connected(cluster.reached_at(trickling), seconds=0.5) as connection:
        with pytest.raises(PveAway, match="did not answer"):
            connection.get("/version")


@pytest.fixture
def trickling(cluster):
    """The address of a server that never ends its answer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cluster.folder / "fakepve.crt", cluster.folder / "fakepve.key")
    ended = threading.Event()

    def answer(listening):
        raw, _ = listening.accept()
        with context.wrap_socket(raw, server_side=True) as peer:
            peer.recv(4096)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while not ended.wait(0.05):
                try:
                    peer.sendall(b" ")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer, args=(listening,))
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        ended.set()
        thread.join(10)


def test_a_certificate_that_is_not_the_pinned_one_gets_no_token(cluster):
    trustme.CA().cert_pem.write_to_path(cluster.access.ca_file)
    with connected(cluster.reached_at()) as connection:
        with pytest.raises(PveAway, match=r"(?i)certificate verify failed"):
            connection.get("/version")
    assert cluster.pve.requests == []


def test_a_certificate_for_another_name_gets_no_token(cluster):
    with connected(cluster.reached_at(f"127.0.0.2:{cluster.pve.port}", NOBODY)) as connection:
        with pytest.raises(PveAway):
            connection.get("/version")
    assert cluster.pve.requests == []


@pytest.mark.parametrize("text", ["", "no certificate"])
def test_without_a_certificate_to_know_nodes_by_none_is_dialled(cluster, text):
    cluster.access.ca_file.write_text(text)
    with pytest.raises(errors.NotPossibleNow, match="holds no certificate"):
        connections.Connection(cluster.reached_at())


@pytest.mark.parametrize("text", ["", "secret", "root@pam=secret", "a@b!c=short"])
def test_a_token_file_that_holds_none_is_refused_without_its_content(cluster, text):
    cluster.access.token_file.write_text(text)
    with pytest.raises(errors.NotPossibleNow, match="holds no API token") as refused:
        access.token(cluster.access.token_file)
    assert "short" not in str(refused.value)


def test_a_token_file_that_others_can_read_is_refused(cluster):
    cluster.access.token_file.chmod(0o640)
    with pytest.raises(errors.NotPossibleNow, match="by others"):
        access.token(cluster.access.token_file)


def test_a_token_that_was_replaced_counts_from_the_next_call_on(cluster, connection):
    cluster.pve.apitokens.clear()
    with pytest.raises(PveRefused, match="does not accept the API token") as refused:
        connection.get("/version")
    assert SECRET not in str(refused.value)
    cluster.pve.apitokens["other@pve!new"] = "another-secret"
    cluster.access.token_file.write_text("other@pve!new=another-secret")
    assert connection.get("/version")


@pytest.mark.parametrize("address", ["", "a b", "user@node", "node/path", "node:port", "https://node"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(errors.InvalidArgument):
        access.base_urls([address])


def test_addresses_get_the_usual_port():
    assert access.base_urls(["pve1", "[fd00::1]:443"]) == (
        "https://pve1:8006/api2/json",
        "https://[fd00::1]:443/api2/json",
    )


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (403, "Permission check failed (/vms/100, VM.PowerMgmt)", PveRefused),
        (500, "VM is locked (backup)", PveLocked),
        (500, "cluster not ready - no quorum?", PveAway),
        (595, "No route to host", PveAway),
        (500, "Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist", MachineMoved),
        (500, "boom", PveRefused),
    ],
)
def test_an_error_says_what_and_what_to_do(cluster, connection, status, said, kind):
    cluster.pve.fail("GET", "/version", status, said)
    with pytest.raises(kind) as told:
        connection.get("/version")
    assert said in told.value.message
    assert "GET /version" in told.value.message
    assert told.value.do


def test_what_pve_says_cannot_steer_a_terminal_or_fill_it(cluster, connection):
    said = json.dumps({"data": None, "message": "\x1b[2J" + "x" * 10_000})
    cluster.pve.fail("GET", "/version", 500, said, html=True)
    with pytest.raises(PveRefused) as told:
        connection.get("/version")
    assert "\x1b" not in told.value.message
    assert len(told.value.message) < 500


def test_an_error_that_stands_in_the_status_line_alone_is_told_too(cluster, connection):
    cluster.pve.fail("GET", "/version", 503, '{"data":null}', html=True)
    with pytest.raises(PveRefused, match="Service Unavailable"):
        connection.get("/version")


def test_a_parameter_that_pve_refuses_is_named(cluster, connection):
    cluster.pve.add_vm(100, "web01")
    with pytest.raises(PveRefused, match="net0"):
        connection.put(f"{VM}/config", {"net0": "virtio,bridge=vmbr0,nonsense=1"})


def test_a_page_of_a_proxy_is_no_answer(cluster, connection):
    cluster.pve.fail("GET", "/version", 200, "<html>welcome</html>", html=True)
    with pytest.raises(PveRefused, match="cannot be taken"):
        connection.get("/version")


def test_an_answer_that_has_no_end_or_too_many_parts_is_refused(cluster, connection, monkeypatch):
    cluster.pve.fail("GET", "/version", 200, "[" * 1000, html=True)
    with pytest.raises(PveRefused, match="levels"):
        connection.get("/version")
    monkeypatch.setattr(connections, "MOST_BYTES", 100)
    with pytest.raises(PveRefused, match="more than 0 MiB"):
        connection.get("/version")
