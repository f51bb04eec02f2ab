"""A real guest goes from a to b, on to a third site c, and from there home: each time the next site has the
last record that it wrote at the one before, and it runs at one site only. Home it goes onto the disks that it
left there, and what it left at b is taken up again by a later way, without a full copy."""

import pytest

import guestkit
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
TO_C = ("--location", "alternate", "--target-appliance", "appliance-c")


@pytest.fixture(scope="module")
def rig():
    with e2e.guests_under({"web01": {"workload": WRITING}}) as rig:
        rig.add_site("c")
        command_line.told(rig, "mapping", "create", f"b/{rig.bridge('b')}", f"c/{rig.bridge('c')}")
        places = ("--source", "a", "--target", "b", "--policy", "quick")
        command_line.do(rig, "enable-protection", "web01", *places)
        rig.new_points("web01")
        yield rig


def arrives(rig, came, at, boots=1):
    """It was moved and accepted: the last record at `came` is there, and it runs nowhere else."""
    command_line.do(rig, "planned-failover", "web01")
    boot = e2e.booted(rig.console(at, "web01"), boots)
    left = rig.console(came, "web01").boots[-1]
    assert left.bye is not None
    assert boot.verified_last == left.bye, "records were lost"
    assert len(rig.qemus("web01")) == 1
    command_line.do(rig, "commit", "web01")


def sent_bytes(rig):
    """What the machine's replication has sent in its present direction."""
    return rig.machine("web01").replication.total_wire_bytes


def left_at(rig):
    found = rig.machine("web01").findings
    return sorted(
        each.what.split(" left its disks at site ")[1][0] for each in found if each.code == "disks-left"
    )


def test_it_goes_to_b(rig):
    arrives(rig, "a", "b")


def test_from_b_it_is_protected_to_c_and_a_full_copy_is_said_before(rig):
    found = command_line.told(rig, "machine", "appliances", "web01")["appliances"]
    assert [(each["name"], each["site"], each["fits"]) for each in found] == [
        ("appliance-a", "a", True),
        ("appliance-c", "c", True),
    ]
    with rig.client() as vault:
        said = vault.machines["web01"].reprotect_preview("alternate", "appliance-c")
    assert (said.site, said.appliance, said.ready) == ("c", "appliance-c", True)
    command_line.do(rig, "reprotect", "web01", *TO_C)
    rig.new_points("web01")
    assert left_at(rig) == ["a"]
    assert len(rig.qemus("web01")) == 1


def test_it_goes_to_c(rig):
    arrives(rig, "b", "c")
    machine = rig.machine("web01")
    assert (machine.source_site, machine.target_site, machine.direction) == ("b", "c", "forward")


def test_from_c_it_is_protected_home_onto_its_own_disks(rig):
    command_line.do(rig, "reprotect", "web01", "--target-appliance", "appliance-a")
    rig.new_points("web01")
    machine = rig.machine("web01")
    assert (machine.source_site, machine.target_site, machine.direction) == ("c", "a", "reverse")
    disk_bytes = sum(each.size_bytes for each in machine.disks)
    assert sent_bytes(rig) < disk_bytes / 4, "more than what differs was sent"
    assert left_at(rig) == ["b"]


def test_it_comes_home_with_the_last_record_that_it_wrote_at_c(rig):
    arrives(rig, "c", "a", boots=2)
    console = rig.console("a", "web01")
    e2e.wait_for_record(console, console.last_record + 3)


def test_from_home_it_is_protected_to_b_again_onto_what_it_left_there(rig):
    command_line.do(rig, "reprotect", "web01", "--target-appliance", "appliance-b")
    rig.new_points("web01")
    disk_bytes = sum(each.size_bytes for each in rig.machine("web01").disks)
    assert sent_bytes(rig) < disk_bytes / 4, "more than what differs was sent"
    assert left_at(rig) == ["c"]
    arrives(rig, "a", "b", boots=2)
