"""What was said over a connection that ended is not charged to the appliance that connects next."""

import pytest

from secondsite.ground.units import GiB, TiB
from secondsite.vault.health import disbelief
from secondsite.wire.common.hosts import HostCapacity
from secondsite.wire.common.stores import StoreSpace
from secondsite.wire.control import Hello, Status
from tests.support.vault import NOW
from tests.vault.support_intake import Intake

WHO = "appliance-b"
IMPOSSIBLE = 2**63 - 1


def connect(facts):
    facts.connected(
        Hello(
            appliance_id=WHO, site="b", version="1", fabric_kind="simulated", accelerated=False,
            data_addresses=(), says_changes=True,
        )
    )  # fmt: skip


def disbelieved(store):
    with store.reading() as tx:
        return tx.appliances.find(WHO).disbelieved


def test_an_appliance_that_connects_after_an_impostor_left_is_believed_at_once(store):
    facts = Intake(store, lambda _key: None, lambda: NOW)
    connect(facts)
    lie = StoreSpace(name="default", free_bytes=IMPOSSIBLE)
    facts.hear(WHO, Status(store_free_bytes=IMPOSSIBLE, stores=(lie,), unsaid="something"))
    facts.write()
    assert disbelieved(store) is not None
    facts.hear(WHO, Status(store_free_bytes=IMPOSSIBLE, unsaid="something"))
    facts.disconnected(WHO)
    with store.transaction() as tx:
        disbelief.end(tx, WHO)
    connect(facts)
    assert disbelieved(store) is None
    facts.hear(
        WHO, Status(store_free_bytes=74, stores=(StoreSpace(name="default", free_bytes=74, size_bytes=99),))
    )
    facts.write()
    facts.hear(WHO, Status())
    facts.write()
    assert disbelieved(store) is None


def test_one_that_says_it_again_over_its_new_connection_is_not(store):
    facts = Intake(store, lambda _key: None, lambda: NOW)
    connect(facts)
    facts.hear(WHO, Status(store_free_bytes=IMPOSSIBLE))
    facts.write()
    assert "are free in its store" in disbelieved(store).what


def has(free, whole=8 * GiB):
    return HostCapacity(vcpus=4, memory_bytes=whole, free_bytes=free, cpu_model="Nehalem", networks=("lan",))


def kept(store):
    with store.reading() as tx:
        return tx.appliances.find(WHO).capacity


def test_what_a_host_has_is_kept_until_something_else_is_said(store):
    facts = Intake(store, lambda _key: None, lambda: NOW)
    connect(facts)
    facts.status(WHO, Status())
    assert kept(store) is None
    for said, known in ((has(GiB), has(GiB)), (None, has(GiB)), (has(2 * GiB), has(2 * GiB))):
        facts.status(WHO, Status(capacity=said))
        assert kept(store) == known
    facts.disconnected(WHO)
    connect(facts)
    facts.status(WHO, Status())
    assert kept(store) == has(2 * GiB)
    assert disbelieved(store) is None


@pytest.mark.parametrize("lie", [has(9 * GiB), has(GiB, 65 * TiB)])
def test_memory_that_no_host_has_is_not_believed(store, lie):
    facts = Intake(store, lambda _key: None, lambda: NOW)
    connect(facts)
    facts.status(WHO, Status(capacity=has(GiB)))
    facts.status(WHO, Status(capacity=lie))
    assert kept(store) == has(GiB)
    assert "of memory are free" in disbelieved(store).what


def test_a_report_does_not_end_a_drain_that_began_while_it_was_written(store):
    with store.transaction() as tx:
        before = tx.appliances.find(WHO)
        tx.appliances.drain(WHO, NOW)
        tx.appliances.put(before)
        assert tx.appliances.find(WHO).drained_at == NOW
        tx.appliances.drain(WHO, None)
        assert tx.appliances.find(WHO) == before
