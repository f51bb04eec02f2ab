"""The product on hosts as deploy/install leaves them: systemd and Debian's own libvirt, QEMU as a user of its own, another language
and time zone, a proxy that is dead, IPv6 between the sites. One rig, and one guest that counts what it wrote."""

from pathlib import Path

import pytest

from demo.story import MACHINE, Story, booted
from demo.telling import Report
from rig.eventually import eventually
from rig.installed import Installed, why_not
from rig.installed.sites import LOCALE
from secondsite.domain.lifecycle import Verb
from secondsite.rescue import NAME
from secondsite.wire import rest

pytestmark = [
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]
STORE = "/var/lib/secondsite/appliance/store"
OFF = "failed-over-machine-off"


@pytest.fixture(scope="module")
def rig():
    with Installed() as rig:
        yield rig


def rescue(rig, *words):
    """On the second site's host, with the system's Python."""
    return rig.hosts["b"].must("/usr/bin/python3", "-I", "-S", f"{STORE}/{NAME}", *words, within_seconds=240)


def boots_at_b(rig):
    return rig.console("b", MACHINE).boots


def test_the_story_is_told_from_protection_to_the_way_home_without_a_lost_record(rig, tmp_path):
    Story(rig, Report(tmp_path / "report.json")).tell()
    assert rig.machine(MACHINE).state == "protected"


def test_its_hosts_are_none_of_ours(rig):
    """Else all this would prove less than it says."""
    said = rig.hosts["b"].run("virsh", "start", "nothing").stderr
    assert said.startswith("Fehler:"), f"libvirt does not speak {LOCALE}: {said}"
    (qemu,) = rig.qemus(MACHINE)
    status = dict(line.split(":", 1) for line in Path(f"/proc/{qemu}/status").read_text().splitlines())
    assert status["Uid"].split()[0] != "0", "QEMU runs as root"
    shown = rig.hosts["b"].must(
        "systemctl", "show", "--property=UMask,CapabilityBoundingSet", "secondsite-appliance"
    )
    assert "UMask=0077" in shown
    assert "cap_sys_admin" not in shown


def test_the_store_alone_starts_it_under_the_host_s_libvirt(rig):
    """Vault and first site are away, and the appliance with them."""
    rig.new_points(MACHINE, 2)
    before = rig.console("a", MACHINE).last_record
    rig.new_points(MACHINE, 2)
    rig.lose("a")
    rig.lose("vault")
    rig.appliances["b"].stop()
    number = len(boots_at_b(rig))
    assert "by libvirt (qemu:///system)" in rescue(rig, "start", MACHINE)
    assert booted(rig.console("b", MACHINE), number + 1).verified_last >= before
    rescue(rig, "stop", MACHINE)
    rescue(rig, "discard", MACHINE, "--yes")
    rig.vault.start()
    for site in ("a", "b"):
        rig.appliances[site].start()
    rig.wait_connected()


def test_what_started_with_its_host_at_home_does_so_where_it_was_failed_over_to(rig):
    if rig.virsh("a", "domstate", MACHINE).strip() != "laufend":
        rig.virsh("a", "start", MACHINE)
    rig.virsh("a", "autostart", MACHINE)
    rig.new_points(MACHINE, 3, within_seconds=180)
    rig.lose("a")
    number = len(boots_at_b(rig))
    rig.must(Verb.FAILOVER, rest.Failover(machines=(MACHINE,)))
    booted(rig.console("b", MACHINE), number + 1)
    rig.must(Verb.COMMIT, rest.Commit(machines=(MACHINE,)))
    rig.hosts["b"].reboot()
    last = booted(rig.console("b", MACHINE), number + 2).verified_last
    rig.wait_connected(only="appliance-b")
    eventually(lambda: rig.console("b", MACHINE).last_record > last, within_seconds=60)
    assert OFF not in rig.codes(MACHINE)


def test_one_that_should_run_and_is_off_is_a_critical_finding_with_the_next_step(rig):
    rig.virsh("b", "autostart", "--disable", MACHINE)
    rig.hosts["b"].reboot()
    eventually(lambda: OFF in rig.codes(MACHINE), within_seconds=120)
    (found,) = [each for each in rig.machine(MACHINE).findings if each.code == OFF]
    assert found.severity == "critical"
    assert "virsh start" in found.do
    rig.virsh("b", "start", MACHINE)
    eventually(lambda: OFF not in rig.codes(MACHINE), within_seconds=60)
