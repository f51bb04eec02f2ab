"""A real guest is restored from an older point beside the one that runs on: it boots with what that point
held, under its own name, and the protected one writes on."""

from pathlib import Path

import pytest

from secondsite.fabrics.libvirt.host import domain_xml
from tests.e2e import support_e2e as e2e
from tests.support import command_line

pytestmark = [pytest.mark.every, pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def rig():
    with e2e.guests_under({"web01": {}}) as rig:
        command_line.do(
            rig, "enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick"
        )
        yield rig


def definition(rig, name):
    return domain_xml.parse((rig.home("appliance-b") / f"fabric/etc/qemu/{name}.xml").read_text())


def test_it_boots_beside_the_machine_which_runs_on(rig, tmp_path):
    point = command_line.told(rig, "point", "list", "web01")[0]["id"]
    command_line.told(
        rig, "point", "restore", "web01", point, "--name", "web01-old", "--to", str(tmp_path), "--start"
    )
    e2e.booted(rig.console("b", "web01-old"), 1)
    root = definition(rig, "web01-old")
    assert domain_xml.tag_of(root) is None
    assert root.findall("devices/interface") == []
    assert [Path(each.path).parent for each in domain_xml.disks(root)] == [tmp_path]
    assert len(rig.qemus("web01")) == 1
    command_line.do(rig, "planned-failover", "web01")
    assert (len(rig.qemus("web01-old")), rig.machine("web01").state) == (1, "planned_failed_over")
