"""Orders that a later verb has overtaken, or that were given long ago, are refused; others are carried out as before."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from rig.appliances import TinyVault
from rig.appliances.runs import close
from rig.eventually import eventually
from secondsite.wire import control as wire
from secondsite.wire.control.orders import Kind, StartReplica

A = "appliance-a"


@pytest.fixture
def vault(ca):
    vault = TinyVault(ca)
    yield vault
    vault.stop()


def order(machine_id, generation=None, **more):
    return wire.Order(
        order_id=uuid.uuid4().hex, kind=Kind.PAUSE_REPLICATION, machine_id=machine_id, generation=generation, **more
    )  # fmt: skip


def told(vault, asked):
    """The report that comes back next for the order."""
    before = vault.report_counts.get(asked.order_id, 0)
    eventually(lambda: vault.connections.get(A))
    vault.send(A, asked)
    eventually(lambda: vault.report_counts.get(asked.order_id, 0) > before)
    return vault.reports[asked.order_id]


def test_an_order_with_a_lower_number_is_refused_also_after_a_restart(vault, make_site):
    a = make_site("a").start(control_url=vault.url)
    first = order("m1", 3)
    assert told(vault, first).problem is None
    assert told(vault, order("m1", 5)).problem is None
    assert told(vault, order("m1", 5)).problem is None, "a verb gives many orders"
    for again in (order("m1", 4), first):
        refused = told(vault, again).problem
        assert refused.code == "stale-order"
        assert "a later verb gave this machine orders of generation 5" in refused.message
        assert "secondsite machine show" in refused.do
    a.stop()
    a.start()
    assert told(vault, order("m1", 4)).problem.code == "stale-order"
    assert told(vault, order("m2", 4)).problem is None, "numbers are of one machine"


def test_an_order_without_a_number_or_an_instant_is_carried_out(vault, make_site):
    make_site("a").start(control_url=vault.url)
    told(vault, order("m1", 5))
    assert told(vault, order("m1")).problem is None


def test_an_order_that_was_given_weeks_ago_is_refused_unless_it_was_carried_out_then(vault, make_site):
    make_site("a").start(control_url=vault.url)
    long_ago = datetime.now(UTC) - timedelta(days=40)
    done = order("m1", 2)
    assert told(vault, done).problem is None
    assert told(vault, done.model_copy(update={"given_at": long_ago})).problem is None
    refused = told(vault, order("m1", 2, given_at=long_ago)).problem
    assert refused.code == "stale-order"
    assert "was given 40 days ago" in refused.message
    lasting = order("m1", 2, given_at=long_ago, deadline_seconds=40 * 86400)
    assert told(vault, lasting).problem is None, "it has that long"
    assert told(vault, order("m1", 2, given_at=datetime.now(UTC) - timedelta(days=3))).problem is None


def test_every_connection_begins_with_the_numbers_that_were_seen(vault, make_site):
    a = make_site("a").start(control_url=vault.url)
    told(vault, order("m1", 5))
    eventually(lambda: vault.generations.get(A) == {"m1": 5})
    vault.generations.clear()
    a.stop()
    a.start()
    eventually(lambda: vault.generations.get(A) == {"m1": 5})


def test_a_start_that_waited_for_its_replica_is_refused_once_a_later_verb_has_come(pair):
    """The later verb may be the cancel, which has ended the run already and starts the machine at home next."""
    pair.protect().synchronized()
    point_id = pair.point_now()
    close(pair)
    body = StartReplica(
        run="failover", point_id=point_id, fabric_id=str(uuid.uuid4()), name="web01"
    ).model_dump()
    start = wire.Order(
        order_id="start", kind=Kind.START_REPLICA, machine_id=pair.machine_id, payload=body, generation=5
    )
    appliance = pair.target.appliance
    with (
        ThreadPoolExecutor(1) as pool,
        appliance.host.get(pair.machine_id).lock("what takes long", 10),
    ):
        started = pool.submit(appliance.perform, start)
        eventually(lambda: appliance.desk.generations.all().get(pair.machine_id) == 5)
        appliance.perform(order(pair.machine_id, 6))
    assert started.result(30).problem.code == "stale-order"
    assert pair.target.fabric.inventory.get(body["fabric_id"]) is None
