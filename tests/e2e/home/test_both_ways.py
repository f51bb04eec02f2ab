"""What works from the first site to the second works from the second to the first: a drill, a disaster,
another point, and the way back."""

import os

import pytest

from rig import Rig, guest_disk, images
from rig.eventually import eventually
from secondsite.fabrics.interface import PowerState
from secondsite.fabrics.simulated import open_fabric
from secondsite.ground.units import MiB
from tests.support import command_line, policies

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(300)]
DISK_BYTES = 16 * MiB
HOME, AWAY = "a", "b"


@pytest.fixture(scope="module")
def rig():
    with Rig("simulated", forked=True) as rig:
        rig.open()
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        yield rig


def place_of(rig, site, name):
    """Host and fabric id of the one copy of that name that runs at the site."""
    host = rig.home(f"appliance-{site}") / "fabric"
    found = [each for each in open_fabric(host).inventory.list() if each.name == name]
    (running,) = [each.fabric_id for each in found if each.power is PowerState.RUNNING]
    return host, running


def disk_at(rig, site, name):
    return guest_disk.read(*place_of(rig, site, name))


def protected(rig, name, source):
    """A machine that runs at the site and is protected to the other one."""
    rig.make_simulated(name, disk_bytes=(DISK_BYTES,)).write(0, os.urandom(2 * MiB))
    command_line.do(rig, "enable-protection", name, "--source", HOME, "--target", AWAY, "--policy", "quick")
    if source == AWAY:
        for verb in ("planned-failover", "commit", "reprotect"):
            command_line.do(rig, verb, name)
    machine = rig.machine(name)
    assert (machine.state, machine.active_site) == ("protected", source)


def written(rig, site, name, offset):
    """It writes; what its disk holds then, once a point has it."""
    host, fabric_id = place_of(rig, site, name)
    guest_disk.write(host, fabric_id, offset, os.urandom(MiB))
    held = disk_at(rig, site, name)
    rig.new_points(name, 2)
    return held


def points_that_hold(rig, target, name, content):
    """Ids of the machine's points whose disk holds that."""
    folder = rig.replica_folder(target, rig.machine(name).id)
    return [
        each.id
        for each in rig.points(name)
        if images.raw(images.point_disks(folder, each.id)["vda"]) == content
    ]


@pytest.mark.parametrize(("source", "target"), [(HOME, AWAY), (AWAY, HOME)], ids=["forward", "reverse"])
def test_a_drill_a_disaster_and_another_point_are_the_same_in_both_directions(rig, source, target):
    name = f"from-{source}"
    protected(rig, name, source)
    older = written(rig, source, name, 4 * MiB)
    older_point = points_that_hold(rig, target, name, older)[-1]

    command_line.do(rig, "test-failover", name)
    assert disk_at(rig, target, f"{name}-test") == older
    newest = written(rig, source, name, 8 * MiB)
    command_line.do(rig, "cleanup-test-failover", name, "--notes", "it ran")

    rig.lose(source)
    command_line.do(rig, "failover", name, "--choice", "latest_processed")
    assert disk_at(rig, target, name) == newest
    assert rig.machine(name).state == "failed_over"
    command_line.do(rig, "change-recovery-point", name, "--point", older_point)
    assert disk_at(rig, target, name) == older
    host, fabric_id = place_of(rig, target, name)
    guest_disk.write(host, fabric_id, 12 * MiB, os.urandom(MiB))
    last = disk_at(rig, target, name)

    # what was left there cannot be removed while the site is gone; on the way out nothing has to be
    gone = ("--without-site", source) if source == AWAY else ()
    command_line.do(rig, "commit", name, *gone)
    rig.appliances[source].start()
    rig.wait_connected()
    eventually(lambda: rig.machine(name).state == "committed", 60)
    command_line.do(rig, "reprotect", name)
    machine = rig.machine(name)
    assert (machine.state, machine.active_site) == ("protected", target)
    assert points_that_hold(rig, source, name, last)
