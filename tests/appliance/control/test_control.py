"""The connection to the vault: orders in, reports and status out, over and over."""

import uuid

import pytest

from rig.appliances import Pair, TinyVault
from rig.eventually import eventually
from secondsite.appliance.control import connection
from secondsite.wire import control as wire
from secondsite.wire.control.orders import Kind


def test_an_appliance_says_hello_and_tells_all_its_machines(vault, make_site):
    a, b = make_site("a").start(control_url=vault.url), make_site("b").start(control_url=vault.url)
    pair = Pair(a, b, a.make_machine()).protect()
    eventually(lambda: pair.machine_id in vault.replicas and vault.replicas[pair.machine_id].synchronized)
    eventually(lambda: pair.machine_id in vault.sources and vault.sources[pair.machine_id].sent_at)
    hello = next(hello for hello in vault.hellos if hello.appliance_id == "appliance-b")
    assert hello.data_addresses == (f"127.0.0.1:{b.port}",)
    assert hello.fabric_kind == "simulated"


def test_a_repeated_order_is_done_once_and_reported_again(vault, make_site):
    a = make_site("a").start(control_url=vault.url)
    a.make_machine()
    eventually(lambda: vault.connections.get("appliance-a"))
    order = wire.Order(order_id=uuid.uuid4().hex, kind=Kind.DISCOVER)
    for count in (1, 2, 3):
        vault.send("appliance-a", order)
        eventually(lambda n=count: vault.report_counts.get(order.order_id) == n)
    assert len(vault.reports[order.order_id].facts["machines"]) == 1


def test_a_lost_vault_is_dialled_again_and_gets_the_reports_that_waited(vault, make_site, ca):
    a = make_site("a").start(control_url=vault.url)
    eventually(lambda: vault.connections.get("appliance-a"))
    vault.stop()
    eventually(lambda: not a.appliance.control.connected.is_set())
    order = wire.Order(order_id="while-away", kind=Kind.DISCOVER)
    a.appliance.desk.take(order)
    eventually(lambda: a.appliance.state.report("while-away"))
    again = TinyVault(ca, vault.port)
    try:
        eventually(lambda: "while-away" in again.reports, 15)
    finally:
        again.stop()


@pytest.mark.parametrize(
    "said",
    [
        b'{"type":"again"}',
        '{"type":"order","order_id":"o","kind":"discover","payload":{"x":[' + "[]," * 600_000 + "1]}}",
    ],
    ids=["no text", "more parts than vaults say"],
)
def test_what_no_vault_says_is_not_parsed(said, monkeypatch):
    monkeypatch.setattr(wire, "parse", lambda text: pytest.fail("it was"))
    with pytest.raises(ValueError, match=r"it is no text|it has more than 500000 parts"):
        connection._understood(said)  # noqa: SLF001 what a vault says comes by no other way


@pytest.mark.slow
def test_a_vault_of_another_authority_is_not_talked_to(make_site):
    import trustme

    foreign = TinyVault(trustme.CA())
    try:
        a = make_site("a").start(control_url=foreign.url)
        assert a.order(Kind.DISCOVER).problem is None
        assert not a.appliance.control.connected.wait(1)
        assert foreign.hellos == []
    finally:
        foreign.stop()
