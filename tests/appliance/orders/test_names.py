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


def test_the_failed_over_machine_itself_is_not_in_its_own_way(pair):
    pair.protect().synchronized()
    started = start(pair, "failover", pair.point_now())
    assert found(pair, started["name"], started["fabric_id"]) == []
    assert found(pair, started["name"], str(uuid.uuid4())) != []
