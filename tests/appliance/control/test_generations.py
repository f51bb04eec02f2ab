"""Orders that a later verb has overtaken, or that were given long ago, are refused; others are carried out
as before."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rig.appliances.runs import close, fail_over
from rig.eventually import eventually
from secondsite.appliance import orders
from secondsite.fabrics.interface import PowerState
from secondsite.wire import control as wire
from secondsite.wire.control.orders import (
    Kind,
    RemoveMachine,
    Restart,
    ShutDown,
    StartAnyway,
    StartReplica,
    StopReplica,
    StopReplication,
    Withdraw,
)

pytestmark = pytest.mark.slow

A = "appliance-a"


def order(machine_id, generation=None, **more):
    return wire.Order(
        order_id=uuid.uuid4().hex, kind=Kind.PAUSE_REPLICATION, machine_id=machine_id, generation=generation,
        **more
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


def test_drills_are_numbered_by_themselves(vault, make_site):
    a = make_site("a").start(control_url=vault.url)

    def drill(number):
        return order("m1").model_copy(update={"drill_generation": number})

    for good in (order("m1", 9), drill(2), order("m1", 9)):
        assert told(vault, good).problem is None
    assert told(vault, drill(1)).problem.code == "stale-order"
    a.stop()
    a.start()
    assert told(vault, drill(1)).problem.code == "stale-order"
    eventually(lambda: vault.drill_generations.get(A) == {"m1": 2})
    assert vault.generations[A] == {"m1": 9}


def test_an_appliance_remembers_the_highest_number_of_its_vault_and_says_it_at_every_connection(
    vault, make_site
):
    a = make_site("a").start(control_url=vault.url)
    for number in (9, 8):
        told(vault, order("m1", vault_number=number))
    a.stop()
    a.start()
    eventually(lambda: len(vault.hellos) == 2)
    assert [hello.vault_number for hello in vault.hellos] == [0, 9]


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


def overtaken(site, machine, kind, payload):
    """An order of generation 5 waits for the machine's lock, and one of generation 6 comes; the report of
    the first."""
    body = payload.model_dump(mode="json") if payload is not None else {}
    waits = wire.Order(order_id="waits", kind=kind, machine_id=machine.machine_id, payload=body, generation=5)
    later = wire.Order(
        order_id="later", kind=Kind.POWER, machine_id=machine.machine_id, payload={"fabric_id": "any"},
        generation=6
    )  # fmt: skip
    appliance = site.appliance
    with ThreadPoolExecutor(1) as pool, machine.lock("what takes long", 10):
        waiting = pool.submit(appliance.perform, waits)
        eventually(lambda: appliance.desk.generations.all().get(machine.machine_id) == 5)
        assert appliance.perform(later).problem is None
    problem = waiting.result(40).problem
    return problem and problem.code


def test_a_start_that_waited_for_its_replica_is_refused_once_a_later_verb_has_come(pair):
    """The later verb may be the cancel, which has ended the run already and starts the machine at home
    next."""
    pair.protect().synchronized()
    point_id = pair.point_now()
    close(pair)
    payload = StartReplica(run="failover", point_id=point_id, fabric_id=str(uuid.uuid4()), name="web01")
    hosted = pair.target.appliance.host.get(pair.machine_id)
    assert overtaken(pair.target, hosted, Kind.START_REPLICA, payload) == "stale-order"
    assert pair.target.fabric.inventory.get(payload.fabric_id) is None


def test_the_end_of_a_run_that_waited_for_its_replica_ends_none_that_a_later_verb_began(pair):
    pair.protect().synchronized()
    fabric_id = fail_over(pair, pair.point_now())
    hosted = pair.target.appliance.host.get(pair.machine_id)
    stop = StopReplica(run="failover", fabric_id=fabric_id)
    assert overtaken(pair.target, hosted, Kind.STOP_REPLICA, stop) == "stale-order"
    assert pair.target.fabric.power.state(fabric_id) is PowerState.RUNNING


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        (Kind.SHUT_DOWN, ShutDown),
        (Kind.WITHDRAW, Withdraw),
        (Kind.REMOVE_MACHINE, RemoveMachine),
        (Kind.PAUSE_REPLICATION, None),
        (Kind.STOP_REPLICATION, StopReplication),
    ],
)
def test_production_goes_on_when_an_order_that_waited_for_its_lock_is_overtaken(pair, kind, shape):
    """The later verb may be a cancel, or a failover home: the machine may be production again."""
    pair.protect().synchronized()
    named = shape is not None and "fabric_id" in shape.model_fields
    payload = shape(fabric_id=pair.fabric_id) if named else shape and shape(forget=True)
    source = pair.source.appliance.replication.get(pair.machine_id)
    assert overtaken(pair.source, source, kind, payload) == "stale-order"
    assert pair.source.fabric.power.state(pair.fabric_id) is PowerState.RUNNING
    assert not pair.source_status().fenced
    assert pair.source_status().running


@pytest.mark.parametrize(
    "kind", [Kind.RESTART, Kind.START_REPLICATION, Kind.STOP_REPLICATION, Kind.START_ANYWAY]
)
def test_an_order_that_waited_for_its_lock_lowers_no_fence_of_a_later_verb(pair, kind):
    pair.protect().synchronized()
    pair.source.do(Kind.SHUT_DOWN, ShutDown(fabric_id=pair.fabric_id), pair.machine_id)
    pair.pause()
    payload = {
        Kind.RESTART: Restart(fabric_id=pair.fabric_id),
        Kind.START_REPLICATION: pair.source_setup(),
        Kind.STOP_REPLICATION: StopReplication(forget=True),
        Kind.START_ANYWAY: StartAnyway(fabric_id=pair.fabric_id, by="alice"),
    }[kind]
    source = pair.source.appliance.replication.get(pair.machine_id)
    assert overtaken(pair.source, source, kind, payload) == "stale-order"
    assert pair.source.fabric.power.state(pair.fabric_id) is PowerState.OFF
    with pytest.raises(Exception, match="failed over"):
        pair.source.fabric.power.start(pair.fabric_id)


def test_orders_lock_machines_in_one_place_where_the_generation_is_asked():
    folder = Path(orders.__file__).parent
    locking = {path.name for path in folder.glob("*.py") if ".lock(" in path.read_text()}
    watches = {"withdrawn_shutdown.py"}  # no order: it asks whether a later one was given
    assert locking == {"context.py", *watches}


def test_a_start_without_a_number_is_refused_once_nobody_waits_for_it(vault, make_site):
    """Its machine's protection has ended: its owner may run it elsewhere by now."""
    site = make_site("a")
    fabric_id = site.make_machine(running=False)
    site.start(control_url=vault.url)

    def start(ago):
        return wire.Order(
            order_id=uuid.uuid4().hex, kind=Kind.RESTART, machine_id="m1",
            payload=Restart(fabric_id=fabric_id).model_dump(),
            deadline_seconds=300, given_at=datetime.now(UTC) - ago,
        )  # fmt: skip

    assert told(vault, start(timedelta(seconds=400))).problem.code == "stale-order"
    assert site.fabric.power.state(fabric_id) is PowerState.OFF
    assert told(vault, start(timedelta(seconds=200))).problem is None
    assert site.fabric.power.state(fabric_id) is PowerState.RUNNING
