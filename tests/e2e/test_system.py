"""Two sites with a real libvirtd each, as `qemu:///system`: QEMU runs as another user, and the paths are a real host's."""

import tempfile
from pathlib import Path

import libvirt
import pytest

import guestkit
from rig import GuestMachine, Rig
from tests.e2e import support_e2e as e2e
from tests.support import libvirtd
from tests.support.eventually import eventually

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(300)]


class SystemRig(Rig):
    """Each site's appliance runs where its daemon is the system's."""

    def __init__(self, daemons):
        self.daemons = daemons
        super().__init__("libvirt", folder=Path(tempfile.mkdtemp(prefix="secondsite-", dir="/var/tmp")))
        self.folder.chmod(0o755)
        for site in ("a", "b"):
            e2e.command_through(self, site)

    def _uri(self, site):
        return "qemu:///system"

    def _appliance_process(self, site):
        process = super()._appliance_process(site)
        process.inside = self.daemons[site].inside()
        return process

    def furnish(self, site):
        if site == "a":
            place = self.folder / "images"
            self.machines["web01"] = GuestMachine.make(
                "web01", place, self.bridge("a"), kind=guestkit.Kind.AGENT, uri=self.daemons["a"].uri
            )


@pytest.fixture(scope="module")
def rig():
    with libvirtd.running() as a, libvirtd.running() as b, SystemRig({"a": a, "b": b}) as rig:
        rig.open(furnish=rig.furnish)
        with rig.client() as client:
            client.add_policy(e2e.policy(app_consistent_every_seconds=4))
        e2e.wait_for_record(rig.machines["web01"].console, 3, within_seconds=120)
        yield rig


def domains(rig, site):
    """What the site's libvirt knows, as virsh would show it."""
    connection = libvirt.open(rig.daemons[site].uri)
    try:
        return {each.name(): each.isActive() == 1 for each in connection.listAllDomains()}
    finally:
        connection.close()


def test_a_guest_is_protected_and_agrees_to_points(rig):
    e2e.do(rig, "enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick")
    eventually(
        lambda: any(point.consistency == "app" for point in e2e.points(rig, "web01")), within_seconds=60
    )


def test_an_appliance_that_is_killed_while_its_guest_stands_frozen_leaves_it_to_virsh(rig):
    console = rig.machines["web01"].console
    e2e.ask(rig, "a", "die_at", seam="appliance.cycle.frozen")
    eventually(lambda: not rig.appliances["a"].is_alive, within_seconds=60)
    e2e.wait_for_record(console, console.last_record + 10)
    rig.appliances["a"].start()
    rig.wait_connected()
    e2e.new_points(rig, "web01")


def test_a_drill_runs_in_an_isolated_network_of_libvirt(rig):
    e2e.do(rig, "test-failover", "web01")
    e2e.booted(e2e.console_at(rig, "b", "web01-test"), 1)
    assert domains(rig, "b") == {"web01-test": True}
    found = e2e.told(rig, "network", "list", "--site", "b")[0]["networks"]
    assert [each["isolated"] for each in found if each["kind"] == "libvirt"] == [True]
    e2e.do(rig, "cleanup-test-failover", "web01")
    assert domains(rig, "b") == {}


def test_the_guest_moves_there_and_back_without_the_loss_of_a_record(rig):
    moved(rig, "b", rig.machines["web01"].console, 1)
    assert domains(rig, "a") == {"web01": False}
    e2e.do(rig, "commit", "web01")
    e2e.do(rig, "reprotect", "web01")
    assert domains(rig, "a") == {}
    e2e.new_points(rig, "web01")
    moved(rig, "a", e2e.console_at(rig, "b", "web01"), 1)
    e2e.do(rig, "commit", "web01")
    e2e.do(rig, "reprotect", "web01")
    e2e.new_points(rig, "web01")


def moved(rig, site, old, boot):
    e2e.do(rig, "planned-failover", "web01")
    assert domains(rig, site) == {"web01": True}
    assert e2e.booted(e2e.console_at(rig, site, "web01"), boot).verified_last == old.boots[-1].bye


def test_the_end_of_protection_leaves_the_guest_as_it_was(rig):
    machine_id = e2e.machine(rig, "web01").id
    e2e.do(rig, "disable-protection", "web01")
    e2e.assert_untouched(rig, "a", rig.machines["web01"].fabric_id)
    assert domains(rig, "a") == {"web01": True}
    assert not e2e.replica(rig, "b", machine_id).exists()
