"""What a machine proves after its start is kept with the recovery point that it was started from."""

import contextlib
import threading

import pytest

from rig.appliances import Pair
from rig.appliances.runs import fail_over, start, stop
from secondsite.appliance.orders.proof import grading
from secondsite.domain.points import Grade
from secondsite.ground.threads import worker
from secondsite.wire.common.evidence import Evidence, GuestAgent
from secondsite.wire.common.machine_checks import CheckVerdict, MachineCheck
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


FABRIC_ID = "11111111-2222-4333-8444-555555555555"
"""One after the other, all drills of a machine have the same one."""


def test_what_is_remembered_from_before_the_machine_was_started_anew_grades_nothing(sites):
    """As an older state of the appliance does, which was brought back."""
    pair = showing(sites)
    first, second = pair.point_now(), pair.point_now()
    start(pair, "drill", first, fabric_id=FABRIC_ID)
    key = f"run/{pair.machine_id}/drill"
    old = pair.target.appliance.state.fact(key)
    stop(pair, "drill", FABRIC_ID)
    start(pair, "drill", second, fabric_id=FABRIC_ID)
    pair.target.appliance.state.put_fact(key, old)
    looked_at(pair, FABRIC_ID)
    assert (graded(pair, first).proof, graded(pair, second).proof) == (None, None)


@contextlib.contextmanager
def looking(pair, *checks):
    """A look that began before, and ends with the context."""
    began = threading.Event()
    sights = pair.target.fabric.seeing.sights

    def seen(fabric_id):
        found = sights(fabric_id)
        began.set()
        return found

    pair.target.fabric.seeing.sights = seen
    late = worker("late", lambda: looked_at(pair, FABRIC_ID, *checks))
    late.start()
    assert began.wait(20)
    pair.target.fabric.seeing.sights = sights
    yield
    late.join(60)


@pytest.mark.parametrize("said", ["moon", "login"])
def test_a_look_at_one_drill_that_ends_in_the_next_neither_gives_nor_takes_a_grade(sites, said):
    pair = showing(sites)
    first, second = pair.point_now(), pair.point_now()
    start(pair, "drill", first, fabric_id=FABRIC_ID)
    waits = MachineCheck(name="page", kind="http", text="never said", deadline_seconds=4.0)
    check = MachineCheck(name="said", kind="console", text=said, deadline_seconds=0.5)
    with looking(pair, check, waits):
        stop(pair, "drill", FABRIC_ID)
        start(pair, "drill", second, fabric_id=FABRIC_ID)
        looked_at(pair, FABRIC_ID)
        assert graded(pair, second).proof is Grade.BOOTED
    assert graded(pair, second).proof is Grade.BOOTED
    assert graded(pair, first).proof is None


@pytest.mark.parametrize(("agent", "grade"), [(GuestAgent.ANSWERED, Grade.BOOTED), (GuestAgent.SILENT, None)])
def test_what_answered_on_the_host_s_own_ways_may_be_production_s_and_grades_no_drill_s_application(
    agent, grade
):
    passed = CheckVerdict(name="page", passed=True, said="status 200", seconds=1.0)
    seen = Evidence(proven=True, power="running", agent=agent, seconds=3.0, checks=(passed,))
    assert grading.grade(seen, in_drill=True, asked_outside=True) is grade
    assert grading.grade(seen, in_drill=False, asked_outside=True) is Grade.APPLICATION
    assert grading.grade(seen, in_drill=True, asked_outside=False) is Grade.APPLICATION
