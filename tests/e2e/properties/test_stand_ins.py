"""A real guest that mounts two disks, of which one is left out: at the other site it finds an empty one with
the same file system, and at home its own again."""

from pathlib import Path

import pytest

from secondsite.datapath.disks import file_system, image
from secondsite.fabrics.libvirt.host import domain_xml
from tests.e2e import support_e2e as e2e
from tests.support import command_line

pytestmark = [pytest.mark.every, pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(480)]
WORDS = "vdb was left out: an empty ext4 of 32 MiB stands in"


@pytest.fixture(scope="module")
def rig():
    with e2e.guests_under({"web01": {"disk_bytes": e2e.TWO_DISKS}}) as rig:
        sites = ("--source", "a", "--target", "b", "--policy", "quick")
        command_line.do(rig, "enable-protection", "web01", *sites, "--disk", "vda")
        yield rig


def disk(rig, site, name, key="vdb"):
    """The element of a machine's disk in its definition."""
    text = (rig.home(f"appliance-{site}") / f"fabric/etc/qemu/{name}.xml").read_text()
    return dict(domain_xml.disk_elements(domain_xml.parse(text)))[key]


def place(element):
    """Where the guest finds the disk."""
    return [element.find(each).attrib for each in ("target", "address")]


def filled(element):
    path = Path(domain_xml.path_of(element))
    return file_system.told(image.beginning(path, "qcow2", file_system.HEAD_BYTES))


def finds_it_empty(console):
    """The guest mounted both disks, and misses on the second what it wrote there at home."""
    (said,) = console.wait_for_boot(1, 120).complaints
    assert said.startswith("BAD disks are apart: records 0 and ")


def start_of(job):
    return next(task["sentence"] for task in job["tasks"] if task["name"] == "Start")


def test_in_a_drill_the_guest_mounts_what_stands_in(rig):
    own = disk(rig, "a", "web01")
    job = command_line.do(rig, "test-failover", "web01")
    assert WORDS in start_of(job)
    finds_it_empty(rig.console("b", "web01-test"))
    there = disk(rig, "b", "web01-test")
    assert place(there) == place(own)
    assert (filled(there).uuid, filled(there).label) == (filled(own).uuid, filled(own).label)
    command_line.do(rig, "cleanup-test-failover", "web01")
    assert not Path(domain_xml.path_of(there)).exists()


def test_after_a_failover_it_stays_and_is_not_protected_back(rig):
    job = command_line.do(rig, "planned-failover", "web01")
    assert WORDS in start_of(job)
    finds_it_empty(rig.console("b", "web01"))
    for verb in ("commit", "reprotect"):
        command_line.do(rig, verb, "web01")
    assert Path(domain_xml.path_of(disk(rig, "b", "web01"))).exists()
    shown = command_line.told(rig, "machine", "show", "web01")
    assert [each["code"] for each in shown["findings"] if "disk" in each["code"]] == []
    assert [each["key"] for each in shown["disks"] if each["protected"]] == ["vda"]


def test_at_home_it_has_its_own_disk_with_all_that_it_wrote_there(rig):
    own, left = disk(rig, "b", "web01"), rig.guests["web01"].console.boots[0].bye
    command_line.do(rig, "planned-failover", "web01")
    assert e2e.booted(rig.guests["web01"].console, 2, 120).verified_last == left
    assert domain_xml.path_of(disk(rig, "a", "web01")) != domain_xml.path_of(own)
