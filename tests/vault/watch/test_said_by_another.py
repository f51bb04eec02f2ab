"""What was said over a connection that ended is not charged to the appliance that connects next."""

from secondsite.vault.health import disbelief
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
