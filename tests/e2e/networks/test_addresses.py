"""A real guest answers at the address that is set for its second site, in a drill and after a failover; at
home it has its own."""

import tempfile
from pathlib import Path

import pytest

import guestkit
from rig.eventually import eventually
from tests.e2e import support_e2e as e2e
from tests.e2e.networks.support_addresses import answers_beside, proof
from tests.support import command_line

pytestmark = [
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.every,
    pytest.mark.longest,
    pytest.mark.timeout(240),
]
HOME, AWAY, TESTED = "10.7.9.1", "10.2.0.5", "10.9.0.5"
GIVEN = f"; eth0 {AWAY}/24 set by its agent, and by ifupdown at each boot"


@pytest.fixture(scope="module")
def rig():
    workload = guestkit.Workload(records_per_second=4, address=f"{HOME}/24", ifupdown=True)
    guests = {"web01": {"workload": workload, "kind": guestkit.Kind.AGENT}}
    with e2e.guests_under(guests, folder=Path(tempfile.mkdtemp(prefix="ss-"))) as rig:
        protect = ("enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick")
        command_line.do(rig, *protect)
        words = ("--address", f"{AWAY}/24", "--test-address", f"{TESTED}/24")
        command_line.told(rig, "card", "set", "web01", "net0", *words)
        yield rig


def test_in_a_drill_it_has_the_address_for_drills(rig):
    job = command_line.do(rig, "test-failover", "web01")
    assert proof(job).endswith(f"; eth0 {TESTED}/24 set by its agent, and by ifupdown at each boot")
    command_line.do(rig, "cleanup-test-failover", "web01")


def test_in_a_network_that_is_served_it_has_the_address_of_that(rig):
    command_line.told(rig, "card", "set", "web01", "net0", "--test-address", "")
    job = command_line.do(rig, "test-failover", "web01", "--subnet", "10.2.0.0/25")
    assert proof(job).endswith(f"; eth0 {AWAY}/25 set by its agent, and by ifupdown at each boot")
    command_line.do(rig, "cleanup-test-failover", "web01")


def test_after_a_failover_it_answers_at_the_address_out_of_the_pool_and_at_no_other(rig):
    network = f"b/{rig.bridge('b')}"
    words = ("--subnet", "10.2.0.0/24", "--range", AWAY)
    command_line.told(rig, "pool", "create", "dmz", network, *words)
    command_line.told(rig, "card", "set", "web01", "net0", "--from-pool")
    job = command_line.do(rig, "planned-failover", "web01")
    assert f"net0 gets {AWAY} of pool dmz" in job["tasks"][0]["sentence"]
    assert proof(job).endswith(GIVEN)
    with answers_beside(rig, "b", HOME, AWAY) as asked:
        eventually(lambda: asked(AWAY), 20)
        assert not asked(HOME)


def test_at_home_it_has_its_own_again(rig):
    for verb in ("commit", "reprotect"):
        command_line.do(rig, verb, "web01")
    job = command_line.do(rig, "planned-failover", "web01")
    assert f"own addresses again: net0 in place of {AWAY}" in job["tasks"][0]["sentence"]
    assert AWAY not in proof(job)
    with answers_beside(rig, "a", HOME, AWAY) as asked:
        eventually(lambda: asked(HOME), 60)
        assert not asked(AWAY)


def test_the_address_goes_back_to_the_pool_with_the_commit_at_home(rig):
    taken = command_line.told(rig, "pool", "show", "dmz")["taken"]
    assert [each["address"] for each in taken] == [AWAY]
    command_line.do(rig, "commit", "web01")
    assert command_line.told(rig, "pool", "show", "dmz")["taken"] == []
