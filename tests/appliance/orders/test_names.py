"""A name or an id that another machine of the target has is found before anything stops, and nothing else
is in the way."""

import uuid

import pytest

from rig.appliances.runs import start
from rig.errors import OrderFailed
from secondsite.wire.control.checks import CheckTarget
from secondsite.wire.control.orders import Kind, StopReplica

pytestmark = pytest.mark.slow


def found(pair, name, fabric_id):
    payload = CheckTarget(name=name, fabric_id=fabric_id)
    obstacles = pair.target.do(Kind.CHECK_TARGET, payload, pair.machine_id)["obstacles"]
    assert all(each["blocking"] and each["do"] for each in obstacles)
    return [each["what"] for each in obstacles]


def test_a_namesake_and_a_machine_of_the_same_id_are_named(pair):
    other = pair.target.make_machine("web01")
    (by_name,) = found(pair, "web01", str(uuid.uuid4()))
    assert "has the name 'web01'" in by_name
    (by_id,) = found(pair, "db01", other)
    assert other in by_id
    assert found(pair, "db01", str(uuid.uuid4())) == []


def test_a_machine_that_was_let_go_is_in_the_way_of_one_that_is_not_protected_yet(pair):
    """Neither has a mark: the copy that an earlier protection left is not this one's own. It would run
    beside it."""
    left = pair.target.make_machine("web01")
    payload = CheckTarget(name="web01", fabric_id=left)
    (obstacle,) = pair.target.do(Kind.CHECK_TARGET, payload)["obstacles"]
    assert obstacle["blocking"]
    assert left in obstacle["what"]


def test_the_failed_over_machine_itself_is_not_in_its_own_way(pair):
    pair.protect().synchronized()
    started = start(pair, "failover", pair.point_now())
    assert found(pair, started["name"], started["fabric_id"]) == []
    assert found(pair, started["name"], str(uuid.uuid4())) != []


def test_a_drill_that_has_the_name_is_said_to_be_one(pair):
    """`web01-test` may be a machine of its own, too; in need its operator is to know what may go."""
    pair.protect().synchronized()
    started = start(pair, "drill", pair.point_now())
    payload = CheckTarget(name=started["name"], fabric_id=str(uuid.uuid4()))
    (obstacle,) = pair.target.do(Kind.CHECK_TARGET, payload)["obstacles"]
    assert f"'secondsite machine cleanup-test-failover {pair.name}' removes it." in obstacle["do"]


def defined_anew(pair):
    """The old copy, as its owner defines it again from a file: it has our mark and our id, and disks of
    its own."""
    fabric_id = pair.target.make_machine("old-web01")
    pair.target.fabric.tracking.enable(fabric_id, pair.machine_id)
    pair.target.fabric.power.stop(fabric_id)
    return fabric_id


def test_an_old_copy_that_its_owner_defined_anew_is_in_the_way_of_a_failover(pair):
    """The machine was shut down at the other site, and then its start failed on the old one."""
    pair.protect().synchronized()
    old = defined_anew(pair)
    payload = CheckTarget(name="old-web01", fabric_id=old)
    (obstacle,) = pair.target.do(Kind.CHECK_TARGET, payload, pair.machine_id)["obstacles"]
    assert obstacle["blocking"]
    assert "An old copy of old-web01" in obstacle["what"]


def test_a_failover_that_failed_on_an_old_copy_is_taken_back_and_the_old_copy_stays(pair):
    """It was taken for production that came home, so the machine could be brought up nowhere."""
    pair.protect().synchronized()
    old, point = defined_anew(pair), pair.point_now()
    with pytest.raises(OrderFailed, match="with other disks"):
        start(pair, "failover", point, "old-web01", old)
    before = pair.target.fabric.inventory.get(old)
    pair.target.do(Kind.STOP_REPLICA, StopReplica(run="failover", fabric_id=old), pair.machine_id)
    assert pair.target.fabric.inventory.get(old) == before
    pair.target.fabric.power.start(old)
    with pytest.raises(OrderFailed, match="no longer a failover copy"):
        pair.target.do(Kind.STOP_REPLICA, StopReplica(run="failover", fabric_id=old), pair.machine_id)
