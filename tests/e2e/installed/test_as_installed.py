"""The product on hosts as deploy/install leaves them: systemd and Debian's own libvirt, QEMU as a user of
its own, another language and time zone, a proxy that is dead, IPv6 between the sites. One rig, and one
guest that counts what it wrote."""

from pathlib import Path

import pytest

from demo.story import MACHINE, Story
from demo.telling import Report
from rig.installed.sites import LOCALE
from tests.e2e.installed.support_life import MARKS

pytestmark = [*MARKS, pytest.mark.always]


def test_the_story_is_told_from_protection_to_the_way_home_without_a_lost_record(new_rig, tmp_path):
    Story(new_rig, Report(tmp_path / "report.json")).tell()
    assert new_rig.machine(MACHINE).state == "protected"


def test_its_hosts_are_none_of_ours(new_rig):
    """Else all this would prove less than it says."""
    said = new_rig.hosts["b"].run("virsh", "start", "nothing").stderr
    assert said.startswith("Fehler:"), f"libvirt does not speak {LOCALE}: {said}"
    (qemu,) = new_rig.qemus(MACHINE)
    status = dict(line.split(":", 1) for line in Path(f"/proc/{qemu}/status").read_text().splitlines())
    assert status["Uid"].split()[0] != "0", "QEMU runs as root"
    shown = new_rig.hosts["b"].must(
        "systemctl", "show", "--property=UMask,CapabilityBoundingSet", "secondsite-appliance"
    )
    assert "UMask=0077" in shown
    assert "cap_sys_admin" not in shown
