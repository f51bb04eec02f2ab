"""What a machine proves after its start is kept with the recovery point that it was started from."""

import pytest

from rig.appliances import Pair
from rig.appliances.runs import fail_over, start, stop
from secondsite.appliance.orders.proof import grading
from secondsite.domain.points import Grade
from secondsite.wire.common.evidence import Evidence, GuestAgent
from secondsite.wire.common.machine_checks import MachineCheck
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.proofs import Prove
from tests.support import instants

pytestmark = pytest.mark.slow
PAGE = MachineCheck(name="page", kind="http", text="open", deadline_seconds=0.5)


def showing(sites, **traits):
    """A protected pair whose guest has an agent and serves a page."""
    a, b = sites
    pair = Pair(
        a, b, a.make_machine(**{"shows": "login: ", "serves": {80: "200 the shop is open"}, **traits})
    )
    return pair.protect().synchronized()


def drilled(pair, point_id, *checks):
    """A drill from the point, which is looked at."""
    fabric_id = start(pair, "drill", point_id)["fabric_id"]
    return fabric_id, looked_at(pair, fabric_id, *checks)["proven"]


def looked_at(pair, fabric_id, *checks):
    payload = Prove(fabric_id=fabric_id, name="web01", wait_seconds=1, checks=checks)
    return pair.target.do(Kind.PROVE, payload, pair.machine_id)["evidence"]


def graded(pair, point_id):
    return next(point for point in pair.status().points if point.id == point_id)


def test_a_point_whose_machine_answers_has_booted_and_one_whose_checks_pass_serves(sites):
    pair = showing(sites)
    first, second = pair.point_now(), pair.point_now()
    assert graded(pair, first).proof is None
    fabric_id, proven = drilled(pair, first)
    stop(pair, "drill", fabric_id)
    assert proven
    fabric_id, proven = drilled(pair, second, PAGE)
    assert proven
    assert (graded(pair, first).grade, graded(pair, second).grade) == (Grade.BOOTED, Grade.APPLICATION)
    assert graded(pair, second).proven_at is not None
    assert graded(pair, pair.point_now()).proof is None


def test_the_grade_outlives_the_drill_and_the_appliance(sites):
    pair = showing(sites)
    point_id = pair.point_now()
    fabric_id, _ = drilled(pair, point_id)
    stop(pair, "drill", fabric_id)
    pair.target.stop()
    pair.target.start()
    assert graded(pair, point_id).proof is Grade.BOOTED


def test_a_failover_grades_its_point_too(sites):
    pair = showing(sites)
    point_id = pair.point_now()
    looked_at(pair, fail_over(pair, point_id))
    assert graded(pair, point_id).proof is Grade.BOOTED


def test_checks_that_fail_take_the_grade(sites):
    pair = showing(sites)
    point_id = pair.point_now()
    fabric_id, _ = drilled(pair, point_id)
    assert graded(pair, point_id).proof is Grade.BOOTED
    looked_at(pair, fabric_id, PAGE.model_copy(update={"text": "moon"}))
    assert graded(pair, point_id).proof is None


@pytest.mark.parametrize(("power", "says_nothing"), [("running", True), ("off", False)])
def test_a_guest_that_is_only_slow_takes_no_grade(power, says_nothing):
    seen = Evidence(proven=False, power=power, agent=GuestAgent.SILENT, seconds=3.0)
    assert grading.says_nothing(seen) is says_nothing
    assert grading.grade(seen) is None


def test_a_machine_that_lost_power_takes_the_grade(sites):
    pair = showing(sites)
    point_id = pair.point_now()
    fabric_id, _ = drilled(pair, point_id)
    pair.target.fabric.power.stop(fabric_id)
    looked_at(pair, fabric_id)
    assert graded(pair, point_id).proof is None


def test_an_instant_between_points_grades_none(sites):
    pair = showing(sites)
    point_id = pair.point_now()
    [(at, _)] = instants.write(pair, 1)
    found = instants.find(pair, at)
    assert found.forward is not None
    fabric_id = instants.start(pair, "drill", found)["fabric_id"]
    assert looked_at(pair, fabric_id)["proven"]
    assert {point.proof for point in pair.status().points} == {None}
    assert point_id in [point.id for point in pair.status().points]
