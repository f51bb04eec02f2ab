"""An appliance opens a way into the machine of its own open drill, and into no other that a vault names."""

import pytest

from rig.appliances import Pair
from rig.appliances.runs import start
from secondsite.domain.drills.ways import WayKind
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.ways import OpenWay

pytestmark = pytest.mark.slow


@pytest.fixture
def pair(sites):
    a, b = sites
    pair = Pair(a, b, a.make_machine(shows="login: "))
    pair.protect().synchronized()
    return pair


def opened(pair, fabric_id, kind=WayKind.CONSOLE, **more):
    payload = OpenWay(
        fabric_id=fabric_id, name="web01-test", way="w1", secret="0" * 64, kind=kind, most_seconds=60,
        idle_seconds=60, **more,
    )  # fmt: skip
    return pair.target.order(Kind.OPEN_WAY, payload, pair.machine_id).problem


def test_without_a_drill_there_is_no_way_in(pair):
    problem = opened(pair, "00000000-0000-0000-0000-000000000001")
    assert problem.code == "not-found"


def test_a_failed_over_machine_and_a_neighbour_are_no_drill(pair):
    failed_over = start(pair, "failover", pair.point_now())["fabric_id"]
    assert opened(pair, failed_over).code == "not-found"
    assert opened(pair, pair.target.make_machine("other")).code == "not-found"


def test_the_machine_of_its_drill_is_entered_and_given_up_if_the_vault_is_not_reached(pair):
    """No vault listens in this rig: what was opened is closed again, so that the next try finds a place."""
    fabric_id = start(pair, "drill", pair.point_now())["fabric_id"]
    for _ in range(2):
        problem = opened(pair, fabric_id)
        assert problem.code == "appliance-unreachable", problem
    assert opened(pair, fabric_id, WayKind.PORT, port=22).message.endswith("Connection refused")
