"""The owner of a machine that was failed over removes its definition, and turns it off: nothing of it is
lost, and the way back is the one that is told."""

import subprocess
import tempfile
from pathlib import Path

import pytest

from rig import GuestMachine, Rig
from rig.eventually import eventually
from secondsite.rescue import NAME as RESCUE
from tests.e2e import support_e2e as e2e
from tests.support import command_line, libvirtd, policies

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(900)]
NAME = "web01"
FAILED = 1


@pytest.fixture(scope="module")
def daemons():
    with libvirtd.running() as a, libvirtd.running() as b:
        yield {"a": a, "b": b}


@pytest.fixture(scope="module")
def rig(daemons):
    folder = Path(tempfile.mkdtemp(prefix="secondsite-", dir="/var/tmp"))
    folder.chmod(0o755)
    rig = Rig("libvirt", folder, uri="qemu:///system", forked=True)
    for site, daemon in daemons.items():
        rig.appliances[site].inside = daemon.inside()
        e2e.command_through(rig, site)

    def furnish(site):
        if site == "a":
            uri = daemons["a"].uri
            rig.guests[NAME] = GuestMachine.make(NAME, rig.folder / "images", rig.bridge("a"), uri=uri)

    with rig:
        rig.open(furnish=furnish)
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        e2e.wait_for_record(rig.guests[NAME].console, 3, within_seconds=120)
        command_line.do(rig, "enable-protection", NAME, "--source", "a", "--target", "b", "--policy", "quick")
        rig.new_points(NAME)
        yield rig


def virsh(daemons, *words):
    subprocess.run(["virsh", "-c", daemons["b"].uri, *words], check=True, capture_output=True, timeout=120)


def vanishes(daemons):
    virsh(daemons, "undefine", NAME)
    virsh(daemons, "destroy", NAME)


def told(rig, code):
    return [each for each in rig.machine(NAME).findings if each.code == code]


def test_a_machine_that_was_undefined_is_not_committed_and_after_a_commit_comes_up_with_what_it_wrote(
    rig, daemons
):
    command_line.do(rig, "planned-failover", NAME)
    console = rig.console("b", NAME)
    e2e.booted(console, 1)
    vanishes(daemons)
    failed = command_line.do(rig, "commit", NAME, exit_code=FAILED)
    assert "change-recovery-point" in failed["problem"]["do"]
    command_line.do(rig, "change-recovery-point", NAME, "--choice", "latest_processed")
    command_line.do(rig, "commit", NAME)
    e2e.wait_for_record(console, e2e.booted(console, 2).verified_last + 5, within_seconds=120)
    vanishes(daemons)
    boots = len(console.boots)
    last = console.boots[-1].last_record
    found = eventually(lambda: told(rig, "failed-over-machine-missing"), within_seconds=60)
    assert f"secondsite-rescue start {NAME}" in found[0].do
    failed = command_line.do(rig, "disable-protection", NAME, exit_code=FAILED)
    assert "runs nowhere" in failed["problem"]["message"]
    appliance, store = rig.appliances["b"], rig.home("appliance-b") / "store"
    appliance.stop()
    words = daemons["b"].inside("/usr/bin/python3", "-I", "-S", str(store / RESCUE), "start", NAME)
    started = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False)
    assert started.returncode == 0, started.stdout + started.stderr
    appliance.start()
    eventually(lambda: not told(rig, "failed-over-machine-missing"), within_seconds=60)
    assert last <= e2e.booted(console, boots + 1).verified_last
    command_line.do(rig, "reprotect", NAME)
