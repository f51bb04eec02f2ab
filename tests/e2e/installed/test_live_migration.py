"""A guest is migrated live, as its owner does it, between two hosts of its site that share its disks: each
host's appliance goes on where the other one was."""

import contextlib

import pytest

import guestkit
from rig import images
from rig.eventually import eventually
from rig.installed import Installed
from secondsite.domain.lifecycle import Verb
from secondsite.ground.units import MiB
from secondsite.wire import rest
from tests.e2e.installed.support_life import IN_TURN, MARKS, NAME, protection
from tests.support import policies

pytestmark = [*MARKS, IN_TURN]
HERE, THERE = "a", "a2"
FOLLOWED_SECONDS = 60
TOLD_SECONDS = 10


@pytest.fixture(scope="module")
def rig():
    with Installed(shares="a") as rig:
        rig.open()
        rig.add_host(THERE)
        rig.let_migrate(HERE, THERE)
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        guest = rig.make_guest(NAME, workload=guestkit.Workload(records_per_second=5))
        guest.console.wait_for(lambda seen: seen.last_record >= 3, within_seconds=240)
        rig.must(Verb.ENABLE_PROTECTION, protection(NAME))
        rig.new_points(NAME)
        yield rig


def is_followed_to(rig, host):
    def is_there():
        machine = rig.machine(NAME)
        return machine.source_appliance == f"appliance-{host}" and not machine.findings

    eventually(is_there, FOLLOWED_SECONDS)


def sent(rig):
    return rig.machine(NAME).replication.total_wire_bytes


@contextlib.contextmanager
def standing_still(rig, host):
    rig.virsh(host, "suspend", NAME)
    try:
        yield
    finally:
        rig.virsh(host, "resume", NAME)


def is_true(rig, host):
    """A point of the guest, while it stands still, is what its disk holds, bit for bit."""
    with standing_still(rig, host):
        (*_, point) = rig.new_points(NAME, 2)
        folder = rig.replica_folder("b", rig.machine(NAME).id)
        held = {"vda": images.digest(rig.guests[NAME].disks[0])}
        assert images.point_digests(folder, point.id) == held


def test_at_a_host_without_an_appliance_it_is_missed_until_there_is_one(rig):
    before = sent(rig)
    rig.migrate(NAME, HERE, THERE)
    eventually(lambda: "machine-missing" in rig.codes(NAME), TOLD_SECONDS)
    rig.give_appliance(THERE)
    is_followed_to(rig, THERE)
    is_true(rig, THERE)
    assert sent(rig) - before < 4 * MiB


def test_the_appliance_at_the_new_host_goes_on_without_a_comparison(rig):
    before = sent(rig)
    rig.migrate(NAME, THERE, HERE)
    is_followed_to(rig, HERE)
    rig.migrate(NAME, HERE, THERE)
    is_followed_to(rig, THERE)
    is_true(rig, THERE)
    assert sent(rig) - before < 4 * MiB


def test_who_was_killed_meanwhile_goes_on_too(rig):
    before = sent(rig)
    rig.appliances[HERE].kill()
    rig.migrate(NAME, THERE, HERE)
    rig.appliances[HERE].start()
    is_followed_to(rig, HERE)
    is_true(rig, HERE)
    assert sent(rig) - before < 4 * MiB


def test_a_definition_that_stays_behind_is_never_read(rig):
    rig.migrate(NAME, HERE, THERE, keep=True)
    is_followed_to(rig, THERE)
    rig.hosts[HERE].must("systemctl", "restart", "libvirtd")
    rig.appliances[HERE].kill()
    rig.appliances[HERE].start()
    is_true(rig, THERE)
    rig.migrate(NAME, THERE, HERE)
    is_followed_to(rig, HERE)
    is_true(rig, HERE)


def test_a_former_appliance_that_is_away_costs_a_comparison(rig):
    rig.appliances[HERE].kill()
    rig.migrate(NAME, HERE, THERE)
    is_followed_to(rig, THERE)
    rig.appliances[HERE].start()
    is_true(rig, THERE)


def test_a_planned_move_from_there_loses_nothing(rig):
    rig.migrate(NAME, THERE, HERE, keep=True)
    is_followed_to(rig, HERE)
    rig.virsh(THERE, "autostart", NAME)
    assert starts_with(rig, THERE)
    rig.must(Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=(NAME,)))
    last = rig.console(HERE, NAME).last_record
    boot = rig.console("b", NAME).wait_for_boot(1, 240)
    assert boot.complaints == ()
    assert boot.verified_last == last


def starts_with(rig, host):
    """Whether the machine starts with its host."""
    return rig.hosts[host].run("test", "-e", f"/etc/libvirt/qemu/autostart/{NAME}.xml").returncode == 0


@pytest.mark.parametrize("host", [HERE, THERE])
def test_no_host_that_it_was_at_starts_it_meanwhile(rig, host):
    assert not starts_with(rig, host)
    refused = rig.hosts[host].run("virsh", "start", NAME)
    assert refused.returncode == 1
    assert "was failed over" in refused.stderr


def test_after_a_cancel_it_is_migrated_to_the_host_that_must_not_have_started_it(rig):
    rig.must(Verb.CANCEL_FAILOVER, rest.CancelFailover(machines=(NAME,)))
    rig.migrate(NAME, HERE, THERE)
    is_followed_to(rig, THERE)
    assert starts_with(rig, THERE)
    rig.new_points(NAME)
