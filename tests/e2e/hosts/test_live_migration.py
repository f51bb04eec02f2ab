"""A machine is migrated live between the hosts of its site: the appliance at its new host goes on where the
former one was, and a move afterwards loses nothing."""

import hashlib

import pytest

from rig import Rig, guest_disk, images
from rig.eventually import eventually
from secondsite.fabrics import simulated
from secondsite.ground.units import MiB
from tests.support import command_line, policies

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(300)]

DISK_BYTES = 64 * MiB
FOLLOWED_SECONDS = 30


@pytest.fixture(scope="module")
def rig():
    with Rig("simulated", forked=True) as rig:
        rig.open()
        rig.make_simulated("web01", disk_bytes=(DISK_BYTES,))
        rig.add_host("a")
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        command_line.do(
            rig, "enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick"
        )
        yield rig


@pytest.fixture
def guest(rig):
    return At(rig)


class At:
    """The machine, wherever it runs now."""

    hosts = ("a", "a2")

    def __init__(self, rig):
        self.rig, self.made = rig, rig.simulated["web01"]

    @property
    def host(self):
        (found,) = [each for each in self.hosts if self.made.fabric_id in self.running(each)]
        return found

    def running(self, host):
        return simulated.open_fabric(self.root(host)).inventory.running()

    def root(self, host):
        return self.rig.home(f"appliance-{host}") / "fabric"

    def migrate(self, here=None):
        """To the other host; `here` is where it runs, or ran when that host died."""
        here = here or self.host
        (there,) = set(self.hosts) - {here}
        simulated.migrate(self.root(here), self.made.fabric_id, self.root(there))
        return there

    def write(self, offset, data):
        guest_disk.write(self.root(self.host), self.made.fabric_id, offset, data, "vda")

    def digest(self):
        return hashlib.sha256(guest_disk.read(self.root(self.host), self.made.fabric_id, "vda")).hexdigest()


def source(rig):
    return rig.machine("web01").source_appliance


def is_followed_to(rig, host):
    def is_there():
        machine = rig.machine("web01")
        return machine.source_appliance == f"appliance-{host}" and not machine.findings

    eventually(is_there, FOLLOWED_SECONDS)


def newest_digest(rig):
    (*_, point) = rig.new_points("web01", 2)
    folder = rig.replica_folder("b", rig.machine("web01").id)
    return images.point_digests(folder, point.id)["vda"]


def test_the_appliance_at_the_new_host_goes_on_where_the_former_one_was(rig, guest):
    rig.new_points("web01")
    guest.write(0, b"before the migration".ljust(4096))
    before = rig.machine("web01").replication.total_wire_bytes
    assert guest.migrate() == "a2"
    guest.write(8 * MiB, b"after the migration".ljust(4096))
    is_followed_to(rig, "a2")
    assert newest_digest(rig) == guest.digest()
    replication = rig.machine("web01").replication
    assert replication.total_wire_bytes - before < MiB
    assert replication.synchronization is None


def test_a_drill_and_a_failover_are_of_the_new_host(rig, guest):
    command_line.do(rig, "test-failover", "web01")
    command_line.do(rig, "cleanup-test-failover", "web01")
    assert guest.host == "a2"


def test_there_and_back_again_while_it_writes(rig, guest):
    for turn in range(6):
        guest.write(turn * MiB, f"turn {turn}".encode().ljust(512))
        there = guest.migrate()
        guest.write(turn * MiB + 512, f"turn {turn}, there".encode().ljust(512))
        is_followed_to(rig, there)
        assert newest_digest(rig) == guest.digest()


def test_a_host_that_died_is_followed_by_comparing(rig, guest):
    here = guest.host
    rig.lose(here)
    there = guest.migrate(here)
    guest.write(3 * MiB, b"its host died".ljust(512))
    is_followed_to(rig, there)
    assert newest_digest(rig) == guest.digest()
    rig.appliances[here].start()
    guest.migrate()
    is_followed_to(rig, here)
    assert newest_digest(rig) == guest.digest()


def test_a_planned_move_after_it_loses_nothing(rig, guest):
    guest.write(5 * MiB, b"the last write".ljust(512))
    last = guest.digest()
    command_line.do(rig, "planned-failover", "web01")
    root = rig.home("appliance-b") / "fabric"
    (copy,) = simulated.open_fabric(root).inventory.running()
    assert hashlib.sha256(guest_disk.read(root, copy, "vda")).hexdigest() == last
    assert not any(guest.running(host) for host in guest.hosts)
    eventually(lambda: stays_off(guest), FOLLOWED_SECONDS)


def definitions(guest):
    """The machine's definitions at the hosts of its site, by host."""
    fabrics = {host: simulated.open_fabric(guest.root(host)) for host in guest.hosts}
    return {host: each.inventory.get(guest.made.fabric_id) for host, each in fabrics.items()}


def stays_off(guest):
    """Nobody starts it at its site, whichever host is rebooted."""
    return all(each.start_forbidden for each in definitions(guest).values())


def test_after_a_cancel_what_a_migration_left_may_start_again(rig, guest):
    command_line.do(rig, "cancel-failover", "web01")
    eventually(
        lambda: not any(each.start_forbidden for each in definitions(guest).values()), FOLLOWED_SECONDS
    )
    is_followed_to(rig, guest.migrate())


def test_a_host_whose_appliance_was_away_is_told_when_it_returns(rig, guest):
    there = guest.host
    (left,) = set(guest.hosts) - {there}
    simulated.set_autostart(guest.root(left), guest.made.fabric_id)
    rig.appliances[left].kill()
    command_line.do(rig, "failover", "web01", "--shut-down")
    assert definitions(guest)[there].start_forbidden
    assert not definitions(guest)[left].start_forbidden
    rig.appliances[left].start()
    eventually(lambda: stays_off(guest), FOLLOWED_SECONDS)
    for host in guest.hosts:
        simulated.reboot(guest.root(host))
        assert not guest.running(host)
