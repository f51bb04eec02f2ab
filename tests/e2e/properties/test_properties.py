"""A real guest runs at its second site under another name, with other vCPUs and other memory, and comes
home as it was."""

from pathlib import Path

import pytest

from secondsite.fabrics.libvirt.host import domain_xml
from secondsite.ground.units import MiB
from tests.e2e import support_e2e as e2e
from tests.support import command_line

pytestmark = [pytest.mark.every, pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(240)]
MEMORY = 160 * MiB
THERE = ("2", str(MEMORY >> 10))


@pytest.fixture(scope="module")
def rig():
    with e2e.guests_under({"web01": {}}) as rig:
        command_line.do(
            rig, "enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick"
        )
        yield rig


def defined(rig, site):
    """vCPUs and memory (KiB) of each machine that the site's libvirt has defined, by name."""
    folder = rig.home(f"appliance-{site}") / "fabric" / "etc" / "qemu"
    roots = {path.stem: domain_xml.parse(path.read_text()) for path in folder.glob("*.xml")}
    return {name: (root.findtext("vcpu"), root.findtext("currentMemory")) for name, root in roots.items()}


def start_of(job):
    return next(task["sentence"] for task in job["tasks"] if task["name"] == "Start")


@pytest.fixture(scope="module")
def home(rig):
    found = defined(rig, "a")["web01"]
    assert found != THERE
    return found


def test_a_drill_has_its_vcpus_and_memory_and_the_drill_s_name(rig, home):
    command_line.told(
        rig, "machine", "set", "web01", "--target-name", "web01-dr", "--vcpus", "2", "--memory", "160MiB"
    )
    job = command_line.do(rig, "test-failover", "web01")
    e2e.booted(rig.console("b", "web01-test"), 1)
    assert defined(rig, "b") == {"web01-test": THERE}
    assert "with 2 vCPUs and 160 MiB of memory" in start_of(job)
    command_line.do(rig, "cleanup-test-failover", "web01")
    assert defined(rig, "b") == {}


def test_a_failover_has_its_name_too(rig, home):
    command_line.told(rig, "card", "set", "web01", "net0", "--unconnected")
    job = command_line.do(rig, "planned-failover", "web01")
    e2e.booted(rig.console("b", "web01-dr"), 1)
    (pid,) = rig.qemus("web01-dr")
    assert b"virtio-net" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert "started web01-dr" in start_of(job)
    assert defined(rig, "b") == {"web01-dr": THERE}
    assert len(rig.qemus("web01-dr")) == 1
    assert rig.machine("web01").name == "web01"


def test_it_comes_home_as_it_was(rig, home):
    for verb in ("commit", "reprotect", "planned-failover"):
        command_line.do(rig, verb, "web01")
    e2e.booted(rig.guests["web01"].console, 2)
    assert defined(rig, "a") == {"web01": home}
    assert rig.qemus("web01-dr") == []


def test_after_the_next_reprotect_it_goes_away_as_is_set_again(rig, home):
    for verb in ("commit", "reprotect", "failover"):
        command_line.do(rig, verb, "web01")
    e2e.booted(rig.console("b", "web01-dr"), 2)
    assert defined(rig, "b")["web01-dr"] == THERE
