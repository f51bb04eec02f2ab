"""Common points of replication groups, on real disks of simulated machines."""

import time

import pytest

from rig.eventually import eventually
from secondsite.fabrics import simulated
from secondsite.ground import seams
from secondsite.wire.control.orders import Kind
from tests.appliance.groups.support_groups import Counting, Together, assert_in_order

pytestmark = pytest.mark.slow

GATHERED = "appliance.group.gathered"


def test_a_common_point_of_three_machines_is_one_instant_of_all(sites):
    together = Together(sites, 3).protect()
    with Counting(together) as writer:
        for _ in range(3):
            seen = writer.written
            eventually(lambda seen=seen: writer.written > seen + 3)
            common = together.take(budget=10)
            assert common.reason is None
            assert len(common.point_ids) == 3
    together.drained()
    assert together.newest_set() == common.set_id
    sets = [point.set_id for point in together.pairs[0].status().points if point.set_id]
    assert len(sets) == 3
    for set_id in sets:
        counters = together.counters(set_id)
        assert_in_order(counters)
        assert counters[0] > 0
    instants = {
        p.taken_at for pair in together.pairs for p in pair.status().points if p.set_id == common.set_id
    }
    assert instants == {common.taken_at}


def test_sixteen_machines_share_a_point_that_no_write_order_contradicts(sites):
    together = Together(sites, 16).protect()
    with Counting(together) as writer:
        eventually(lambda: writer.written > 3, within_seconds=30)
        common = together.take(budget=20)
    assert common.reason is None
    together.drained()
    assert together.newest_set() == common.set_id
    assert_in_order(together.counters(common.set_id))


def test_the_loop_takes_common_points_by_itself_and_goes_on_after_a_restart_without_a_vault(sites):
    together = Together(sites, 2).protect()
    together.tell(together.group(multi_vm_every_seconds=1))
    eventually(lambda: together.newest_set(), within_seconds=30)
    together.source.stop()
    before = together.newest_set()
    together.source.start()
    eventually(lambda: together.newest_set() not in (None, before), within_seconds=30)
    together.tell()
    together.drained()


@pytest.mark.parametrize("deleted", [False, True], ids=["changed", "deleted and made again"])
def test_a_shorter_interval_does_not_wait_for_the_point_that_was_due_before(sites, deleted):
    """Seen with a group that was deleted and made again under its name: its first common point came with
    the former interval."""
    together = Together(sites, 2).protect()
    together.tell(together.group(multi_vm_every_seconds=3600))
    first = eventually(together.newest_set, within_seconds=60)
    if deleted:
        together.tell()
    together.tell(together.group(multi_vm_every_seconds=1))
    eventually(lambda: together.newest_set() != first, within_seconds=60)


def test_a_hold_beyond_its_budget_makes_ordinary_points_that_say_why_and_the_guests_go_on(sites):
    together = Together(sites, 2).protect()
    slow = simulated.Fault(method="common_pause.pause", delay_seconds=1.5)
    simulated.dial(together.source.root, [slow])
    common = together.take(budget=0.5)
    simulated.dial(together.source.root, [])
    assert common.set_id is None
    assert len(common.point_ids) == 2
    together.drained()
    assert together.newest_set() is None
    for pair in together.pairs:
        newest = pair.status().points[-1]
        assert newest.id == common.point_ids[pair.machine_id]
        assert "No common point of group shop" in newest.reason
        assert [each.code for each in pair.source_status().findings] == ["common-point-missed"]
        together.source.write(pair.fabric_id, 0, b"goes on")
    assert together.take(budget=10).reason is None
    assert all(pair.source_status().findings == () for pair in together.pairs)


def test_when_one_member_cannot_be_viewed_the_others_have_ordinary_points(sites):
    together = Together(sites, 3).protect()
    broken = simulated.Fault(method="tracking.open", machine=together.pairs[1].fabric_id, code="fabric-error")
    simulated.dial(together.source.root, [broken])
    common = together.take(budget=10)
    simulated.dial(together.source.root, [])
    assert "vm01" in common.reason
    assert set(common.point_ids) == {together.pairs[0].machine_id, together.pairs[2].machine_id}
    together.drained()
    assert together.newest_set() is None


def test_a_paused_member_leaves_the_others_alone(sites):
    together = Together(sites, 2).protect()
    together.source.do(Kind.PAUSE_REPLICATION, None, together.pairs[1].machine_id)
    common = together.take()
    assert (common.set_id, common.point_ids) == (None, {})
    assert common.reason == "Replication of vm01 is paused."


@pytest.mark.parametrize(("guest_agent", "consistency"), [(True, "app"), (False, "crash")])
def test_an_app_consistent_set_is_so_when_every_guest_froze(sites, guest_agent, consistency):
    together = Together(sites, 2, guest_agent=guest_agent).protect(app_consistent_every_seconds=3600)
    common = together.take(app_consistent=True, budget=10)
    assert common.app_consistent is guest_agent
    together.drained()
    assert together.newest_set() == common.set_id
    assert together.newest_set(app_consistent=True) == (common.set_id if guest_agent else None)
    for pair in together.pairs:
        (point,) = [each for each in pair.status().points if each.set_id == common.set_id]
        assert point.consistency == consistency


def test_guests_that_were_frozen_for_long_go_on_for_twice_as_long_before_the_next_point(sites):
    """Whoever among the appliances of a group lets the others wait keeps their guests frozen."""
    together = Together(sites, 2, guest_agent=True).protect(app_consistent_every_seconds=3600)
    slow_seconds, at = 2.0, []
    slow = simulated.Fault(method="common_pause.freeze", delay_seconds=slow_seconds)
    simulated.dial(together.source.root, [slow])
    with seams.armed(lambda name: at.append((name, time.monotonic()))):
        together.tell(together.group(multi_vm_every_seconds=1, app_consistent=True))
        eventually(lambda: len([name for name, _ in at if name == GATHERED]) > 1, within_seconds=60)
    together.tell()
    viewed = next(when for name, when in at if name == "appliance.group.viewed")
    _, again, *_ = (when for name, when in at if name == GATHERED)
    assert again - viewed > 2 * slow_seconds


def test_a_machine_that_is_off_takes_part(sites):
    together = Together(sites, 2).protect()
    together.source.fabric.power.stop(together.pairs[1].fabric_id)
    common = together.take(budget=10)
    assert common.reason is None
    together.drained()
    assert together.newest_set() == common.set_id
