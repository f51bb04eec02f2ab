"""Checks of a machine that was failed over are run once more while it runs there."""

import pytest

from rig.appliances import Pair
from rig.appliances.runs import fail_over, start
from secondsite.fabrics import simulated
from secondsite.wire.common.machine_checks import MachineCheck
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.proofs import RepeatChecks

pytestmark = pytest.mark.slow
PORT = MachineCheck(name="port", kind="tcp", port=80, deadline_seconds=1)
AGENT = MachineCheck(name="agent", kind="agent", deadline_seconds=1)


@pytest.fixture
def pair(sites):
    a, b = sites
    pair = Pair(a, b, a.make_machine(shows="login: ", guest_agent=True, serves={80: "200 the shop is open"}))
    pair.protect().synchronized()
    return pair


def repeated(pair, fabric_id, *checks):
    payload = RepeatChecks(fabric_id=fabric_id, name="web01", checks=checks)
    return pair.target.order(Kind.REPEAT_CHECKS, payload, pair.machine_id)


def passed(report):
    assert report.problem is None, report.problem
    return {each["name"]: each["passed"] for each in report.facts["verdicts"]}


def test_each_check_has_its_own_result_and_again_whenever_it_is_asked(pair):
    fabric_id = fail_over(pair, pair.point_now())
    wrong = MachineCheck(name="ssh", kind="tcp", port=22, deadline_seconds=0.5)
    for _ in range(2):
        report = repeated(pair, fabric_id, PORT, wrong, AGENT)
        assert passed(report) == {"port": True, "ssh": False, "agent": True}
        assert "1 of 3 checks failed (ssh: " in report.sentence


def test_a_machine_that_went_off_fails_them_all_at_once(pair):
    fabric_id = fail_over(pair, pair.point_now())
    pair.target.fabric.power.stop(fabric_id)
    report = repeated(pair, fabric_id, PORT, AGENT)
    assert passed(report) == {"port": False, "agent": False}
    assert report.facts["power"] == "off"
    assert report.facts["verdicts"][0]["said"] == "the machine is off"


def test_no_point_gets_or_loses_a_grade_by_it(pair):
    fabric_id = fail_over(pair, pair.point_now())
    before = pair.status().points
    wrong = MachineCheck(name="ssh", kind="tcp", port=22, deadline_seconds=0.5)
    passed(repeated(pair, fabric_id, wrong))
    passed(repeated(pair, fabric_id, PORT))
    assert pair.status().points == before


def test_a_machine_of_a_drill_is_not_the_one_that_is_meant(pair):
    fabric_id = start(pair, "drill", pair.point_now())["fabric_id"]
    report = repeated(pair, fabric_id, PORT)
    assert report.problem.code == "not-found"
    assert "was not failed over to here" in report.problem.message


def test_a_network_that_cannot_be_entered_fails_the_check(pair):
    fabric_id = fail_over(pair, pair.point_now())
    simulated.dial(pair.target.root, [simulated.Fault(method="reaching.visit", code="fabric-error")])
    assert passed(repeated(pair, fabric_id, PORT, AGENT)) == {"port": False, "agent": True}
