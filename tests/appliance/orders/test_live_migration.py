"""A machine comes by live migration from another appliance of its site: what that one knew is handed over."""

from datetime import UTC, datetime, timedelta

import pytest

from rig.eventually import eventually
from secondsite.appliance.shared import handed_over
from secondsite.fabrics import simulated
from secondsite.ground.units import MiB
from secondsite.wire.control.orders import (
    FabricMachine,
    HandedOver,
    Kind,
    Nothing,
    Restart,
    TakeOver,
)
from secondsite.wire.control.statuses import ArrivalStatus


@pytest.fixture
def protected(pair):
    return pair.protect().synchronized()


@pytest.fixture
def there(make_site):
    """The other host of the site, with its appliance."""
    return make_site("a2").start()


def migrate(pair, here, there):
    simulated.migrate(here.root, pair.fabric_id, there.root)
    eventually(lambda: arrivals(there) == arrived(pair))


def arrivals(site):
    return site.appliance.replication.arrivals.statuses()


def arrived(pair):
    return (ArrivalStatus(machine_id=pair.machine_id, fabric_id=pair.fabric_id),)


def hand_over(pair, site):
    payload = FabricMachine(fabric_id=pair.fabric_id)
    return HandedOver.model_validate(site.do(Kind.HAND_OVER, payload, pair.machine_id))


def take_over(pair, site, before):
    """As the vault has it done: the target hears of it first."""
    pair.source = site
    pair.target.do(Kind.PREPARE_REPLICA, pair.replica_setup(), pair.machine_id)
    setup = pair.source_setup()
    return site.order(Kind.TAKE_OVER, TakeOver(setup=setup, before=before), pair.machine_id)


def follow(pair, here, there):
    migrate(pair, here, there)
    assert take_over(pair, there, hand_over(pair, here)).problem is None


def test_it_goes_on_there_and_sends_only_what_changed(protected, there):
    here = protected.source
    here.write(protected.fabric_id, MiB, b"before")
    before = protected.source_status().total_wire_bytes
    follow(protected, here, there)
    there.write(protected.fabric_id, 2 * MiB, b"after")
    point = protected.point_now()
    assert protected.point_bytes(point) == there.read(protected.fabric_id)
    assert protected.source_status().sync_mode is None
    assert protected.source_status().total_wire_bytes - before < MiB
    eventually(lambda: arrivals(there) == ())


def test_it_is_not_handed_over_while_it_is_on(protected):
    payload = FabricMachine(fabric_id=protected.fabric_id)
    report = protected.source.order(Kind.HAND_OVER, payload, protected.machine_id)
    assert report.problem.code == "not-possible-now"
    assert "is on here, too" in report.problem.message
    protected.point_now()


def test_what_was_handed_over_is_said_again_until_the_machine_is_back(protected, there):
    here = protected.source
    migrate(protected, here, there)
    said = hand_over(protected, here)
    assert said.progress
    assert hand_over(protected, here) == said
    assert hand_over(protected, there) == HandedOver()
    assert take_over(protected, there, said).problem is None
    protected.cycle_now()
    follow(protected, there, here)
    assert take_over(protected, here, said).sentence == "web01 was already replicated from here"
    assert hand_over(protected, there).progress != said.progress


@pytest.mark.parametrize("progress", ["", "{}{", '{"next_seq": "none"}'])
def test_without_what_was_known_all_blocks_are_compared(protected, there, progress):
    migrate(protected, protected.source, there)
    report = take_over(protected, there, HandedOver(progress=progress, tracking="[]"))
    assert report.sentence.endswith("all blocks are compared")
    there.write(protected.fabric_id, 3 * MiB, b"written there")
    eventually(lambda: protected.source_status().sync_mode is None and protected.source_status().last_seq)
    point = protected.point_now()
    assert protected.point_bytes(point) == there.read(protected.fabric_id)


def test_one_that_kept_its_record_by_mistake_tells_that_the_machine_is_back(protected, there):
    """It was away when the machine left, and the machine is back before it was told."""
    here = protected.source
    migrate(protected, here, there)
    assert take_over(protected, there, HandedOver()).problem is None
    protected.point_now()
    simulated.migrate(there.root, protected.fabric_id, here.root)
    eventually(lambda: arrivals(here) == arrived(protected))
    assert take_over(protected, here, hand_over(protected, there)).problem is None
    eventually(lambda: arrivals(here) == ())
    point = protected.point_now()
    assert protected.point_bytes(point) == here.read(protected.fabric_id)


def left(pair, site):
    """Its definition at a host that it has left."""
    return site.fabric.inventory.get(pair.fabric_id)


def test_what_is_left_behind_is_reported_and_kept_from_starting_until_the_machine_is_back(protected, there):
    here = protected.source
    simulated.set_autostart(here.root, protected.fabric_id)
    follow(protected, here, there)
    (told,) = eventually(here.appliance.replication.old_copies.statuses)
    assert (told.fabric_id, told.power, told.fenced) == (protected.fabric_id, "elsewhere", False)
    here.do(Kind.PAUSE_REPLICATION, Nothing(), protected.machine_id)
    eventually(lambda: here.appliance.replication.old_copies.statuses()[0].fenced)
    simulated.reboot(here.root)
    assert left(protected, here).start_forbidden
    assert not here.fabric.power.starts_with_host(protected.fabric_id)
    follow(protected, there, here)
    assert not left(protected, here).start_forbidden
    assert here.fabric.power.starts_with_host(protected.fabric_id)
    eventually(lambda: here.appliance.replication.old_copies.statuses() == ())


def test_what_is_left_behind_may_start_again_once_it_is_said(protected, there):
    here = protected.source
    simulated.set_autostart(here.root, protected.fabric_id)
    follow(protected, here, there)
    here.do(Kind.PAUSE_REPLICATION, Nothing(), protected.machine_id)
    for _ in range(2):
        report = here.order(
            Kind.RESTART, Restart(fabric_id=protected.fabric_id, start=False), protected.machine_id
        )
        assert report.sentence == "left the machine as its owner did (elsewhere) and it may start here again"
    assert not left(protected, here).start_forbidden
    assert here.fabric.power.starts_with_host(protected.fabric_id)


def test_what_was_handed_over_is_forgotten_after_a_day(protected, there):
    here = protected.source
    migrate(protected, here, there)
    hand_over(protected, here)
    here.appliance.state.put_fact(f"{handed_over.PREFIX}older", HandedOver().model_dump_json())
    now = datetime.now(UTC)
    handed_over.forget_old(here.appliance.state, now + timedelta(hours=23))
    assert list(here.appliance.state.facts(handed_over.PREFIX)) == [
        f"{handed_over.PREFIX}{protected.machine_id}"
    ]
    handed_over.forget_old(here.appliance.state, now + timedelta(hours=25))
    assert here.appliance.state.facts(handed_over.PREFIX) == {}
    assert hand_over(protected, here) == HandedOver()
