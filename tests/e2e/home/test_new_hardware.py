"""A real guest whose site is destroyed comes home to new hardware there: a new host with a new appliance
and another bridge, byte for byte as it was at the second site. The host that was lost comes back later,
and its old copy gives way."""

import subprocess

import pytest

import guestkit
from rig import images
from rig.eventually import eventually
from tests.e2e import support_e2e as e2e
from tests.support import command_line

pytestmark = [
    pytest.mark.every,
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(240),
]
WRITING = guestkit.Workload(records_per_second=6)
ALTERNATE = ("--location", "alternate", "--target-appliance", "appliance-a2")


@pytest.fixture(scope="module")
def rig():
    with e2e.guests_under({"web01": {"workload": WRITING}}) as rig:
        places = ("--source", "a", "--target", "b", "--policy", "quick")
        command_line.do(rig, "enable-protection", "web01", *places)
        rig.new_points("web01")
        yield rig


def new_bridge(rig):
    return f"ssn-{rig.tag}"


def taps_on_new_bridge(rig):
    words = subprocess.run(["ip", "-o", "link", "show"], capture_output=True, text=True, check=True).stdout
    return [line for line in words.splitlines() if f"master {new_bridge(rig)}" in line]


def last_state_of(rig, where):
    """sha256 of the machine's one disk at a host where it is off, by qemu-img alone."""
    (top,) = rig.replica_folder(where, rig.machine("web01").id).glob("runs/failover/*.qcow2")
    return images.digest(top)


def test_in_the_disaster_it_runs_on_at_b_and_is_accepted_there(rig):
    rig.lose("a")
    command_line.do(rig, "failover", "web01")
    e2e.booted(rig.console("b", "web01"), 1)
    command_line.do(rig, "commit", "web01")


def test_new_hardware_at_a_is_asked_first_and_takes_a_full_copy_while_it_runs(rig):
    rig.add_host("a", network=new_bridge(rig), while_away=True)
    found = command_line.told(rig, "machine", "appliances", "web01")["appliances"]
    offered = {each["name"]: each for each in found}
    assert (offered["appliance-a"]["fits"], offered["appliance-a2"]["fits"]) == (False, True)
    assert "no connection" in str(offered["appliance-a"]["obstacles"])
    command_line.told(rig, "mapping", "create", f"b/{rig.bridge('b')}", f"a/{new_bridge(rig)}")
    command_line.do(rig, "reprotect", "web01", *ALTERNATE)
    e2e.wait_for_record(rig.console("b", "web01"), rig.console("b", "web01").last_record + 3)
    rig.new_points("web01")


def test_it_comes_home_with_the_last_record_and_with_every_byte_that_b_had(rig):
    command_line.do(rig, "planned-failover", "web01")
    boot = e2e.booted(rig.console("a2", "web01"), 1)
    ended = rig.console("b", "web01").boots[-1]
    assert ended.bye is not None
    assert boot.verified_last == ended.bye
    assert len(rig.qemus("web01")) == 1
    assert len(taps_on_new_bridge(rig)) == 1
    machine = rig.machine("web01")
    point = images.point_digests(rig.replica_folder("a2", machine.id), machine.failover.point_id)
    assert point["vda"] == last_state_of(rig, "b")


def test_it_is_committed_there_and_protected_from_its_new_home(rig):
    command_line.do(rig, "commit", "web01")
    command_line.do(rig, "reprotect", "web01")
    rig.new_points("web01")
    machine = rig.machine("web01")
    assert (machine.source_appliance, machine.target_appliance) == ("appliance-a2", "appliance-b")


def test_the_old_copy_gives_way_when_the_lost_host_comes_back(rig):
    rig.appliances["a"].start()
    rig.wait_connected()
    found = eventually(
        lambda: [
            each
            for each in command_line.told(rig, "job", "list")
            if each["verb"] == "finish_later" and each["state"] == "succeeded"
        ],
        within_seconds=60,
    )
    assert len(found) == 1
    assert len(rig.qemus("web01")) == 1
    e2e.wait_for_record(rig.console("a2", "web01"), rig.console("a2", "web01").last_record + 3)
