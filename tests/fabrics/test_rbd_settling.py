"""Running machines settle in a storage pool of libvirt's on a real Ceph cluster, whose user has a key."""

import contextlib
import os
import signal

import pytest

from rig import dying
from secondsite.datapath.disks import NetworkDisk
from secondsite.domain import errors
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.settling import NewPlace
from secondsite.ground import seams
from secondsite.ground.units import MiB
from tests.support import ceph, libvirtd

pytestmark = [pytest.mark.slow, pytest.mark.every]
SEAMS = ["noted", "made", "copying", "equal", "marked", "moved"]


@pytest.fixture(scope="module")
def daemon():
    ceph.require_programs()  # a daemon that runs already looks for no kinds of pools any more
    with libvirtd.running() as daemon:
        yield daemon


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with ceph.cluster_in(tmp_path_factory.mktemp("ceph")) as cluster:
        yield cluster


@pytest.fixture
def host(daemon):
    with libvirtd.hosted(daemon) as host:
        yield host


@pytest.fixture
def pool(host, cluster):
    with ceph.pool_of(host.connection.handle, cluster) as pool:
        yield pool


def images(cluster):
    return set(cluster.rbd("ls", "rbd").split())


def place(pool):
    return {"vda": NewPlace(pool.name(), "raw")}


def written(host, name):
    """A machine that runs, with 0x41 at byte 0; its checkpoint; and 0x42 at 1 MiB since."""
    fabric_id = steps.protected(host, name)
    steps.write(host, fabric_id, 0, 0x41)
    base = steps.checkpoint(host, fabric_id)
    steps.write(host, fabric_id, 1 * MiB, 0x42)
    return fabric_id, base


def assert_followed(host, fabric_id, base, changed):
    with steps.view(host, fabric_id, base) as session:
        assert steps.dirty_blocks(session.disks[0]) == changed
        assert [steps.byte_at(session.disks[0], at) for at in (0, MiB)] == [0x41, 0x42]
    return session.checkpoint


def test_a_running_machine_settles_in_the_pool_is_followed_and_starts_there_again(host, cluster, pool):
    fabric_id, base = written(host, "settles")
    planned = host.fabric.settling.check(fabric_id, place(pool))
    assert isinstance(planned["vda"], NetworkDisk)
    assert planned["vda"].name.rpartition("/")[2] not in images(cluster)
    assert host.fabric.settling.settle(fabric_id, place(pool), lambda *_: None) == planned
    steps.write(host, fabric_id, 2 * MiB, 0x43)
    base = assert_followed(host, fabric_id, base, {16, 32})
    host.fabric.tracking.acknowledge(fabric_id, base)
    [disk] = steps.machine_of(host, fabric_id).definition.disks
    assert (disk.path, disk.format) == (str(planned["vda"]), "raw")
    steps.stopped(host, fabric_id)
    host.fabric.power.start(fabric_id)
    assert host.fabric.tracking.check(fabric_id) == []
    with steps.view(host, fabric_id, base) as session:
        assert steps.byte_at(session.disks[0], 2 * MiB) == 0x43


@pytest.mark.parametrize("seam", SEAMS)
def test_killed_at_any_seam_it_goes_on_and_leaves_one_image(host, cluster, pool, seam):
    fabric_id, base = written(host, f"killed-{seam}")
    before = images(cluster)
    seams.arm(dying.at(f"fabric.settle.{seam}"))
    with pytest.raises(dying.Killed):
        host.fabric.settling.settle(fabric_id, place(pool), lambda *_: None)
    seams.arm(None)
    host.reopen()
    steps.write(host, fabric_id, 2 * MiB, 0x43)
    found = host.fabric.settling.settle(fabric_id, place(pool), lambda *_: None)
    assert images(cluster) - before == {found["vda"].name.rpartition("/")[2]}
    assert_followed(host, fabric_id, base, {16, 32})


def test_killed_right_after_the_change_over_all_is_known_at_the_next_start(host, pool):
    """Before anybody goes on with it: a cycle may be first."""
    fabric_id, base = written(host, "changed-over")
    seams.arm(dying.at("fabric.settle.moved"))
    with pytest.raises(dying.Killed):
        host.fabric.settling.settle(fabric_id, place(pool), lambda *_: None)
    seams.arm(None)
    host.reopen()
    assert_followed(host, fabric_id, base, {16})
    assert not host.fabric.settling.end(fabric_id)


def test_a_move_that_is_given_up_or_whose_qemu_is_killed_leaves_no_image(host, cluster, pool):
    fabric_id, base = written(host, "given-up")
    before = images(cluster)

    def give_up():
        raise errors.StaleOrder("A later job has the machine.")

    with steps.refused(errors.StaleOrder):
        host.fabric.settling.settle(fabric_id, place(pool), lambda *_: None, going_on=give_up)
    assert images(cluster) == before
    assert_followed(host, fabric_id, base, {16})
    [file] = host.pid_files.glob("given-up*.pid")
    pid = int(file.read_text())

    def kill():
        if images(cluster) != before:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    with steps.refused(errors.NotPossibleNow):
        host.fabric.settling.settle(
            fabric_id, place(pool), lambda *_: None, bytes_per_second=64 * 1024,
            going_on=kill,
        )  # fmt: skip
    assert images(cluster) == before


def test_what_cannot_be_a_place_there_is_refused(host, cluster, pool):
    fabric_id, _ = written(host, "refused")
    settling = host.fabric.settling
    with steps.refused(errors.InvalidArgument):
        settling.check(fabric_id, {"vda": NewPlace(pool.name(), "qcow2")})
    name = settling.check(fabric_id, place(pool))["vda"].name
    cluster.rbd("create", "--size", "1", name)
    assert settling.check(fabric_id, place(pool))["vda"].name == name.replace("vda", "vda-2")
    cluster.rbd("rm", name)
    handle = host.connection.handle
    handle.secretLookupByUUIDString(ceph.SECRET).undefine()
    ceph.define_secret(handle, cluster, private="yes")
    with steps.refused(errors.FabricError):
        settling.check(fabric_id, place(pool))
