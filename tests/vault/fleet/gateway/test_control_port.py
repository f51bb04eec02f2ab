"""The port that appliances dial: real TLS, real websockets."""

import contextlib
import json
import ssl
import time
from typing import Any

import pytest
from structlog.testing import capture_logs
from websockets.exceptions import ConnectionClosed, WebSocketException

from rig.eventually import eventually
from secondsite import __version__
from secondsite.domain import errors
from secondsite.vault.fleet.gateway.control_tls import for_appliances
from secondsite.wire import control
from secondsite.wire.control.orders import Kind, Nothing
from secondsite.wire.control.protocols import PROTOCOL_VERSION
from tests.support.vault import NOW, Dialler, machine, request_for, source_status

pytestmark = pytest.mark.slow


@pytest.fixture
def port(vault):
    return vault.running.control


@pytest.fixture
def heard(vault):
    """The keys that were signalled to the job engine."""
    keys: list[Any] = []
    vault.running.signals.connect(lambda key, of_one: keys.append(key))
    return keys


def ask(port, identity, order_id="o1"):
    return port.ask(identity.id, order_id, Kind.DISCOVER, None, Nothing(), 5)


def test_an_appliance_that_greets_is_connected_and_recorded(vault):
    identity = vault.enroll("a")
    with Dialler(identity) as dialler:
        assert isinstance(dialler.greeting, control.Welcome)
        shown = eventually(lambda: [each for each in vault.facade.appliances.list() if each.connected])
        assert shown[0].data_addresses == ("127.0.0.1:9445",)
    eventually(lambda: not vault.facade.appliances.show(identity.id).connected)
    assert vault.facade.appliances.show(identity.id).last_seen_at is not None


def test_an_order_goes_out_once_per_connection_and_its_report_wakes_who_waits(vault, port, heard):
    identity = vault.enroll("a")
    with Dialler(identity) as dialler:
        assert ask(port, identity) is None
        assert ask(port, identity) is None
        order = eventually(lambda: dialler.orders)[0]
        dialler.report("o1", sentence="found 3 machines")
        eventually(lambda: "order/o1" in heard)
        assert ask(port, identity).sentence == "found 3 machines"
        assert (len(dialler.orders), order.kind, order.deadline_seconds) == (1, "discover", 5)
        port.forget("o1")
        assert ask(port, identity) is None


def test_an_order_carries_the_number_of_its_verb_and_when_it_was_given(vault, port):
    identity = vault.enroll("a")
    with Dialler(identity) as dialler:
        port.ask(identity.id, "o1", Kind.DISCOVER, "m1", Nothing(), 5, generation=7, given_at=NOW)
        order = eventually(lambda: dialler.orders)[0]
        assert (order.machine_id, order.generation, order.given_at) == ("m1", 7, NOW)


def test_for_how_long_an_appliance_is_lost_counts_from_the_end_of_its_last_connection(vault, port):
    identity = vault.enroll("a")
    for _ in range(2):
        with Dialler(identity):
            assert port.is_connected(identity.id)
            assert port.lost_seconds(identity.id) == 0.0
        eventually(lambda: port.lost_seconds(identity.id) > 0.0)
        assert not port.is_connected(identity.id)
    assert port.lost_seconds("never connected") == 0.0


def test_an_order_that_waits_is_handed_over_again_after_a_reconnect(vault, port, heard):
    identity = vault.enroll("a")
    with Dialler(identity) as dialler:
        ask(port, identity)
        eventually(lambda: dialler.orders)
    eventually(lambda: heard.count("order/o1") == 1)
    assert not port.is_connected(identity.id)
    with Dialler(identity) as dialler:
        eventually(lambda: heard.count("order/o1") == 2)
        ask(port, identity)
        eventually(lambda: [order.order_id for order in dialler.orders] == ["o1"])


def test_progress_is_kept_and_told_at_most_every_two_seconds(vault, port, heard):
    identity = vault.enroll("a")
    with Dialler(identity) as dialler:
        ask(port, identity)
        for step in range(5):
            dialler.say(control.Progress(order_id="o1", fraction=step / 5, sentence=f"step {step}"))
        eventually(lambda: port.progress("o1") == (0.8, "step 4"))
        eventually(lambda: heard)
        assert heard.count("order/o1") == 1


def test_a_connection_that_one_of_several_processes_could_not_write_down_is_ended(vault, port, monkeypatch):
    monkeypatch.setattr(port, "_others", object())
    identity = vault.enroll("a")

    def away(_hello):
        raise errors.StoreUnavailable("The database is away.", do="Start it.")

    with monkeypatch.context() as database:
        database.setattr(vault.running.facts, "connected", away)
        with contextlib.suppress(ConnectionClosed), Dialler(identity) as dialler:
            eventually(lambda: dialler.ended)
    with Dialler(identity):
        eventually(lambda: vault.facade.appliances.show(identity.id).connected)


def test_a_newer_connection_replaces_the_older_one(vault, port):
    identity = vault.enroll("a")
    with Dialler(identity) as older, Dialler(identity) as newer:
        eventually(lambda: older.ended)
        assert port.is_connected(identity.id)
        ask(port, identity)
        eventually(lambda: newer.orders)
        assert older.orders == []


def test_a_certificate_of_another_appliance_is_refused_by_name(vault):
    mine, other = vault.enroll("a"), vault.enroll("b")
    with Dialler(mine, hello=mine.hello(appliance_id=other.id)) as dialler:
        assert dialler.greeting.problem.code == "certificate-refused"
        eventually(lambda: dialler.ended)
    assert not any(each.connected for each in vault.facade.appliances.list())


def test_an_appliance_that_was_removed_is_refused(vault):
    identity = vault.enroll("a")
    vault.facade.appliances.delete(identity.id)
    with Dialler(identity) as dialler:
        assert "not enrolled" in dialler.greeting.problem.message


def test_nothing_is_heard_of_an_appliance_once_it_was_removed(vault):
    identity = vault.enroll("a")
    with Dialler(identity) as dialler:
        eventually(lambda: vault.facade.appliances.show(identity.id).connected)
        vault.facade.appliances.delete(identity.id)
        with contextlib.suppress(ConnectionClosed):
            for _ in range(100):
                dialler.say(control.Status(sources=(source_status("m1", epoch=9),)))
        eventually(lambda: dialler.ended)
    eventually(lambda: not vault.running.control.is_connected(identity.id))
    with vault.store.reading() as tx:
        known = vault.running.facts.latest(tx, "m1").source
    assert known is None


@pytest.mark.parametrize(
    ("protocol", "oldest", "upgrade"),
    [
        (PROTOCOL_VERSION + 3, PROTOCOL_VERSION + 1, "Upgrade the vault"),
        (0, 0, "Upgrade the appliance"),
        (
            PROTOCOL_VERSION + 2,
            None,
            "Upgrade the vault",
        ),  # as one of 2026-11-20 would say it, which understood one more
    ],
)
def test_an_appliance_that_is_too_many_releases_apart_is_refused_with_what_to_do(
    vault, protocol, oldest, upgrade
):
    identity = vault.enroll("a")
    hello = identity.hello(protocol=protocol, oldest_protocol=oldest, version="7.7")
    with Dialler(identity, hello=hello) as dialler:
        problem = dialler.greeting.problem
        assert "more than 2 releases apart" in problem.message
        assert "release 7.7" in problem.message
        assert upgrade in problem.do


@pytest.mark.parametrize("protocol", [PROTOCOL_VERSION - 1, PROTOCOL_VERSION + 2])
def test_an_appliance_that_is_two_releases_apart_is_welcome(vault, protocol):
    identity = vault.enroll("a")
    hello = identity.hello(protocol=protocol, oldest_protocol=max(0, protocol - 2))
    with Dialler(identity, hello=hello) as dialler:
        assert (dialler.greeting.protocol, dialler.greeting.version) == (PROTOCOL_VERSION, __version__)


def test_a_client_without_a_certificate_of_our_authority_gets_no_word(vault, tmp_path):
    identity = vault.enroll("a")
    nobody = ssl.create_default_context(cafile=str(identity.ca))
    identity.context = lambda: nobody
    with pytest.raises((OSError, EOFError, WebSocketException)):
        Dialler(identity)


def test_a_certificate_of_a_foreign_authority_is_refused(vault, tmp_path):
    from datetime import UTC, datetime

    from secondsite.vault.fleet.gateway.certificate_authority import create_authority

    identity = vault.enroll("a")
    private, csr = request_for("x")
    foreign = create_authority(tmp_path / "foreign", "foreign CA", datetime.now(UTC))
    identity.chain.write_text(foreign.issue_appliance(csr, identity.id, datetime.now(UTC))[0] + private)
    with pytest.raises((OSError, EOFError, WebSocketException)):
        Dialler(identity)


def test_the_handshake_is_the_last_that_the_port_says_unasked(vault, port):
    """A client that writes while it reads a session ticket may stand still."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = vault.enroll("a").context()
    context.check_hostname = False
    client = context.wrap_bio(down, up)
    server = for_appliances(vault.running.control_settings).wrap_bio(up, down, server_side=True)
    for end in (client, server, client, server):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    assert server.version() == "TLSv1.3"
    assert down.pending == 0


def test_a_message_that_cannot_be_read_does_not_end_the_connection(vault, port):
    identity = vault.enroll("a")
    with Dialler(identity) as dialler:
        dialler.socket.send("not json")
        dialler.say(
            control.Welcome(vault_time=vault.facade.appliances.show(identity.id).certificate_expires_at)
        )
        ask(port, identity)
        eventually(lambda: dialler.orders)


@pytest.mark.parametrize(
    "said",
    [
        '{"type": "status", "sources": 7}',
        '{"type": "status", "replicas": {"m1": 1}}',
        '{"type": "status", "sources": null, "at": "yesterday"}',
        '{"type": "status", "generations": {"m1": "many"}}',
        "[" * 100_000,
        '{"type": "status", "sources": ' + "[" * 100_000,
    ],
)
def test_a_status_that_nothing_can_be_kept_of_does_not_end_the_connection_either(vault, port, said):
    identity = vault.enroll("a")
    with capture_logs() as logs, Dialler(identity) as dialler:
        dialler.socket.send(said)
        eventually(lambda: [each for each in logs if each["event"].endswith(".not-understood")])
        ask(port, identity)
        eventually(lambda: dialler.orders)


def test_a_status_becomes_a_record_and_wakes_the_jobs_of_its_machine(vault, heard):
    source, target = vault.enroll("a"), vault.enroll("b")
    with vault.store.transaction() as tx:
        tx.machines.add(machine(source_appliance_id=source.id, target_appliance_id=target.id))
    with Dialler(source) as dialler:
        dialler.say(control.Status(sources=(source_status(last_seq=4),), store_free_bytes=123))
        eventually(lambda: "machine/m1" in heard)
        with vault.store.reading() as tx:
            assert tx.statuses.get("m1").source.last_seq == 4
            assert tx.appliances.find(source.id).store_free_bytes == 123


@pytest.mark.parametrize(
    "spoilt", [{"machine_id": "m" * 1000}, {"epoch": -1}, {"power": None}, {"sent_at": "yesterday"}, 7, None]
)
def test_what_is_malformed_of_one_machine_is_left_out_and_the_others_are_heard(vault, heard, spoilt):
    source, target = vault.enroll("a"), vault.enroll("b")
    with vault.store.transaction() as tx:
        tx.machines.add(machine(source_appliance_id=source.id, target_appliance_id=target.id))
    said = control.Status(sources=(source_status(last_seq=4),), store_free_bytes=123).model_dump(mode="json")
    other = {**said["sources"][0], **spoilt} if isinstance(spoilt, dict) else spoilt
    said["sources"] = [other, *said["sources"]]
    with capture_logs() as logs, Dialler(source) as dialler:
        dialler.socket.send(json.dumps(said))
        eventually(lambda: "machine/m1" in heard)
        with vault.store.reading() as tx:
            assert tx.statuses.get("m1").source.last_seq == 4
            assert tx.appliances.find(source.id).store_free_bytes == 123
    (told,) = (each for each in logs if each["event"] == "status.not-understood")
    assert told["problem"].startswith("left out 1: ")
    assert len(told["problem"]) < 300


def test_discovery_waits_for_the_answer_and_gives_up_at_its_deadline(vault, monkeypatch):
    from secondsite.domain import errors
    from secondsite.vault.facade.shared import discovery

    identity = vault.enroll("a")
    with pytest.raises(errors.ApplianceUnreachable):
        vault.facade.networks.of_site("a")
    network = {"name": "lan", "kind": "bridge"}
    answers = {"discover": lambda order: {"facts": {"machines": [], "networks": [network]}}}
    with Dialler(identity, answers):
        eventually(lambda: vault.running.control.is_connected(identity.id))
        assert vault.facade.networks.of_site("a").networks[0].name == "lan"
    monkeypatch.setattr(discovery, "DISCOVER_SECONDS", 0.3)
    with Dialler(identity):
        eventually(lambda: vault.running.control.is_connected(identity.id))
        began = time.monotonic()
        remembered = vault.facade.networks.of_site("a")
        assert (remembered.problem.code, remembered.networks[0].name) == ("deadline-exceeded", "lan")
        assert time.monotonic() - began < 5
        with pytest.raises(errors.DeadlineExceeded):
            discovery.now(vault.running.parts(), "a")
    waiting = vault.running.control._giving._outstanding.of(identity.id)  # noqa: SLF001 that nothing is kept shows nowhere else
    assert [order_id for order_id in waiting if not order_id.startswith("tell-")] == []
