"""A mapped network that is gone at the second site: found before anything stops, and no reason to stay
down."""

from pathlib import Path

import pytest

from rig import bridges
from tests.e2e import support_e2e as e2e
from tests.support import command_line

pytestmark = [pytest.mark.every, pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def rig():
    with e2e.guests_under({"web01": {}}) as rig:
        yield rig


def has_a_card(pid):
    return b"virtio-net" in Path("/proc", str(pid), "cmdline").read_bytes()


def test_a_guest_is_protected_and_then_the_bridge_of_its_card_at_the_second_site_goes(rig):
    command_line.do(rig, "enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick")
    rig.new_points("web01")
    bridges.ip("link", "delete", rig.bridge("b"))


def test_a_planned_failover_is_refused_while_the_guest_runs_on(rig):
    record, boots = rig.guests["web01"].console.last_record, len(rig.guests["web01"].console.boots)
    error = command_line.do(rig, "planned-failover", "web01", exit_code=1)["tasks"][0]["problem"]
    assert error["code"] == "prerequisite-failed"
    assert f"There is no network '{rig.bridge('b')}' here." in error["message"]
    assert "secondsite mapping create" in error["message"]
    e2e.wait_for_record(rig.guests["web01"].console, record + 2)
    assert len(rig.guests["web01"].console.boots) == boots
    assert rig.machine("web01").state == "protected"


def test_a_failover_in_need_starts_it_without_that_card_and_says_so(rig):
    (before,) = rig.qemus("web01")
    assert has_a_card(before)
    job = command_line.do(rig, "failover", "web01", "--shut-down")
    said = {task["name"]: task["sentence"] for task in job["tasks"]}
    assert "net0" in said["Prerequisites check"]
    assert "will not be connected" in said["Prerequisites check"]
    assert f"net0 is not connected: there is no network '{rig.bridge('b')}' here" in said["Start"]
    e2e.booted(rig.console("b", "web01"), 1)
    (running,) = rig.qemus("web01")
    assert not has_a_card(running)


def test_back_home_in_need_it_starts_without_the_card_whose_bridge_is_gone_there(rig):
    for verb in ("commit", "reprotect"):
        command_line.do(rig, verb, "web01")
    boots = len(rig.guests["web01"].console.boots)
    bridges.ip("link", "delete", rig.bridge("a"))
    job = command_line.do(rig, "failover", "web01", "--shut-down")
    said = {task["name"]: task["sentence"] for task in job["tasks"]}
    assert f"There is no network '{rig.bridge('a')}' here" in said["Prerequisites check"]
    assert f"net0 is not connected: there is no network '{rig.bridge('a')}' here" in said["Start"]
    e2e.booted(rig.console("a", "web01"), boots + 1)
    (running,) = rig.qemus("web01")
    assert not has_a_card(running)
