"""A real guest whose own initiator (open-iscsi) uses a target's disk beside its own one: wherever it boots,
its initiator's name and settings are there, and it logs in by itself. The target's disk is not replicated: it
is found as it is, also where the guest's own disk has lost the last records."""

import contextlib
import re
from dataclasses import dataclass

import pytest

import guestkit
from rig import bridges
from rig.eventually import eventually
from rig.iscsi_target import IscsiTarget
from secondsite.ground.units import MiB
from tests.e2e import support_e2e as e2e
from tests.support import command_line

pytestmark = [
    pytest.mark.every,
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(300),
]
HOME, PORTAL = "10.64.9.5", "10.64.9.1"
WRITING = guestkit.Workload(records_per_second=4, address=f"{HOME}/24", portal=f"{PORTAL}:3260")
MORE = 5


@pytest.fixture(scope="module")
def rig():
    web01 = {"kind": guestkit.Kind.ISCSI, "workload": WRITING}
    with e2e.guests_under({"web01": web01}) as rig:
        yield rig


@pytest.fixture(scope="module")
def target(rig):
    """In a network that the machines' networks of both sites lead to, as those of a storage that both use."""
    with both_sites_lead_to(rig) as inside:
        served = IscsiTarget(rig.folder / "target", PORTAL, inside)
        disk = rig.folder / "lun.raw"
        with disk.open("wb") as file:
            file.truncate(16 * MiB)
        with served:
            served.offer(disk)
            yield served


@contextlib.contextmanager
def both_sites_lead_to(rig):
    space = f"t{rig.tag}"
    bridges.ip("netns", "add", space)
    try:
        bridges.ip("-n", space, "link", "add", "storage", "type", "bridge")
        for site in ("a", "b"):
            outer, inner = f"{space}{site}", f"port-{site}"
            bridges.ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", space)
            bridges.ip("link", "set", outer, "master", rig.bridge(site), "up")
            bridges.ip("-n", space, "link", "set", inner, "master", "storage", "up")
        bridges.ip("-n", space, "address", "add", f"{PORTAL}/24", "dev", "storage")
        bridges.ip("-n", space, "link", "set", "storage", "up")
        yield ("ip", "netns", "exec", space)
    finally:
        bridges.ip("netns", "delete", space)


@dataclass(frozen=True)
class Initiator:
    """What a guest's initiator is, and has noted of its targets."""

    name: str
    targets: int
    settings: str


def initiator(console):
    """As the newest boot found it, or as it made it."""
    said = re.findall(r"^INITIATOR (\S+) knows (\d+): (\S+)\n", of_boot(console), re.MULTILINE)
    name, targets, settings = said[-1]
    return Initiator(name, int(targets), settings)


def of_boot(console):
    """What the newest boot said."""
    return console.text.rpartition("BOOT ")[2]


def logged_in(console):
    """The newest boot is logged in: how many records it found at the target, all in order."""
    console.wait_for(lambda seen: re.search(r"^LUN \d+ ok\n", of_boot(seen), re.MULTILINE), 90)
    assert "LOGGED IN iqn" in of_boot(console)
    return int(re.findall(r"^LUN (\d+) ok\n", of_boot(console), re.MULTILINE)[-1])


def lun_records(console):
    """The last record that any boot had from the target acknowledged."""
    return max(map(int, re.findall(r"^LUN RECORD (\d+)\n", console.text, re.MULTILINE)), default=0)


def goes_on(console):
    record, lun = console.last_record + MORE, lun_records(console) + MORE
    console.wait_for(lambda seen: seen.last_record >= record and lun_records(seen) >= lun, 60)
    assert "BAD" not in console.text


def test_protected_it_writes_to_its_disk_and_to_the_target(rig, target):
    console = rig.console("a", "web01")
    assert logged_in(console) == 0
    assert initiator(console).targets == 1
    target.only(initiator(console).name)
    command_line.do(rig, "enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick")
    goes_on(console)
    rig.new_points("web01", 2)
    assert rig.codes("web01") == {}


def test_a_drill_has_its_settings_and_does_not_reach_what_the_machine_uses(rig, target):
    home, copy = rig.console("a", "web01"), rig.console("b", "web01-test")
    command_line.do(rig, "test-failover", "web01")
    e2e.booted(copy, 1)
    copy.wait_for("^NO LUN", 60)
    assert initiator(copy) == initiator(home)
    goes_on(home)
    assert target.visitors() == [(initiator(home).name, HOME)]
    assert "LOGGED IN" not in copy.text
    command_line.do(rig, "cleanup-test-failover", "web01", "--notes", "boots")


def test_failed_over_it_logs_in_by_itself_and_finds_what_was_there_to_the_last(rig, target):
    home, there = rig.console("a", "web01"), rig.console("b", "web01")
    goes_on(home)
    rig.lose("a")
    written = lun_records(home)
    command_line.do(rig, "failover", "web01")
    boot = e2e.booted(there, 1)
    found = logged_in(there)
    print(f"own disk: {boot.verified_last} of {home.last_record} records; target: {found} of {written}")
    assert boot.verified_last <= home.last_record
    assert written <= found <= written + 1
    assert initiator(there) == initiator(home)
    assert set(target.visitors()) == {(initiator(home).name, HOME)}  # whoever died does not log out
    goes_on(there)
    command_line.do(rig, "commit", "web01")


def test_it_comes_home_and_finds_both_as_they_were(rig, target):
    home, there = rig.console("a", "web01"), rig.console("b", "web01")
    boots, known = len(home.boots), initiator(home)
    rig.appliances["a"].start()
    rig.wait_connected()
    command_line.do(rig, "reprotect", "web01")
    rig.new_points("web01")
    command_line.do(rig, "planned-failover", "web01")
    assert e2e.booted(home, boots + 1).verified_last == there.boots[-1].bye
    assert logged_in(home) == lun_records(there)
    assert initiator(home) == known
    assert set(target.visitors()) == {(known.name, HOME)}
    for verb in ("commit", "reprotect"):
        command_line.do(rig, verb, "web01")
    goes_on(home)
    eventually(lambda: rig.codes("web01") == {}, 60)
