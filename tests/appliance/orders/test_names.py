"""A name or an id that another machine of the target has is found before anything stops, and nothing else is in the way."""

import uuid

import pytest

from rig.appliances.runs import start
from secondsite.wire.control.checks import CheckTarget
from secondsite.wire.control.orders import Kind

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
    """Neither has a mark: the copy that an earlier protection left is not this one's own. It would run beside it."""
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
