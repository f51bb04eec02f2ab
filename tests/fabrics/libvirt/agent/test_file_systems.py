"""A real guest's kernel tells, by its agent, in which state the file systems are that it has mounted."""

import pytest

import guestkit
from rig.eventually import eventually
from secondsite.appliance.orders.proof.checking import judged
from secondsite.fabrics.libvirt.agent import guest
from tests.fabrics.libvirt.support_guests import GuestMachine

pytestmark = pytest.mark.guest
PATH = "/data/vda"


@pytest.fixture
def machine(host):
    machine = GuestMachine(host, guestkit.Kind.AGENT)
    machine.boot()
    eventually(lambda: host.fabric.seeing.agent_answers(machine.id), within_seconds=30)
    return machine


def inside(host, machine, line):
    guest.run(host.domain(machine.id), "/bin/sh", ["-c", line], 30)


def test_an_error_that_the_kernel_counts_and_a_file_system_that_went_read_only_are_seen(host, machine):
    seeing = host.fabric.seeing
    (sound,) = seeing.file_systems(machine.id)
    assert (sound.path, sound.kind, sound.read_only, sound.errors) == (PATH, "ext4", False, 0)
    assert judged([sound]).passed
    inside(host, machine, "echo tried > /sys/fs/ext4/vda/trigger_fs_error")
    (counted,) = seeing.file_systems(machine.id)
    assert (counted.read_only, counted.errors) == (False, 1)
    assert judged([counted]).said == f"the kernel counts 1 error in {PATH} (ext4)"
    inside(
        host,
        machine,
        (
            f"echo u > /proc/sysrq-trigger; for _ in $(seq 100); do grep -q '{PATH} ext4 ro' /proc/mounts && "
            "exit 0; sleep 0.1; done; exit 1"
        ),
    )
    (left,) = seeing.file_systems(machine.id)
    assert (left.read_only, left.meant_read_only) == (True, False)
    inside(host, machine, f"mkdir -p /etc; echo '/dev/vda {PATH} ext4 ro 0 0' > /etc/fstab")
    (meant,) = seeing.file_systems(machine.id)
    assert meant.meant_read_only
