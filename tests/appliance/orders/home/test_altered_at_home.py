"""What an owner did to the old disks at home does not reach the machine that comes home."""

import shutil
import subprocess
from contextlib import contextmanager

import pytest

from rig.appliances import Pair
from rig.appliances.runs import back, close, start
from rig.errors import OrderFailed
from rig.eventually import eventually
from rig.images import qemu_img
from rig.noise import noise
from secondsite.ground.units import MiB
from secondsite.wire.control.checks import CheckTarget, ReplicaRequest
from secondsite.wire.control.orders import (
    AcceptCycles,
    CommitPoint,
    Drain,
    FabricMachine,
    Kind,
    ShutDown,
    StartReplica,
    Withdraw,
)
from secondsite.wire.control.setups import Base

pytestmark = pytest.mark.slow


def overwritten(path):
    commands = ["write -P 0x11 0 1M", "write -P 0x12 5M 64k"]
    given = [word for command in commands for word in ("-c", command)]
    subprocess.run(["qemu-io", "-f", "qcow2", *given, path], check=True, timeout=60, capture_output=True)


def shrunk(path):
    qemu_img("resize", "--shrink", str(path), "3M")


def replaced(path):
    path.unlink()
    qemu_img("create", "-q", "-f", "qcow2", str(path), "8M")
    overwritten(path)


def below_a_snapshot(path):
    below = path.with_suffix(".below")
    path.rename(below)
    qemu_img("create", "-q", "-f", "qcow2", "-b", str(below), "-F", "qcow2", str(path))
    overwritten(path)


def made_raw(path):
    other = path.with_suffix(".raw")
    qemu_img("convert", "-O", "raw", str(path), str(other))
    other.replace(path)


def gone(path):
    path.unlink()


@pytest.fixture
def away(sites):
    """The machine runs at the other site; at home it is withdrawn. Its pair, its id there, its old disk."""
    a, b = sites
    pair = Pair(a, b, a.make_machine())
    a.write(pair.fabric_id, 0, noise(6 * MiB))
    pair.protect().synchronized()
    point_id = pair.point_now()
    pair.pause()
    there = start(pair, "failover", point_id, name="web01")["fabric_id"]
    b.write(there, MiB, noise(MiB, seed=2))
    b.do(Kind.COMMIT_POINT, CommitPoint(point_id=point_id), pair.machine_id)
    a.do(Kind.SHUT_DOWN, ShutDown(fabric_id=pair.fabric_id), pair.machine_id)
    path = a.disk_path(pair.fabric_id)
    a.do(Kind.WITHDRAW, Withdraw(fabric_id=pair.fabric_id), pair.machine_id)
    return pair, there, path


def comes_home(pair, reverse, there):
    """Whatever its disks were meanwhile, the machine that comes home has what it had at the other site
    last."""
    pair.target.write(there, 3 * MiB, noise(MiB, seed=3))
    last = pair.target.read(there)
    pair.target.do(Kind.SHUT_DOWN, ShutDown(fabric_id=there), pair.machine_id)
    point = eventually(lambda: a_point(reverse), 30)
    start(reverse, "failover", point, name="web01", fabric_id=pair.fabric_id, home=True)
    assert pair.source.read(pair.fabric_id) == last
    pair.source.do(Kind.COMMIT_POINT, CommitPoint(point_id=point), pair.machine_id)
    merged = FabricMachine(fabric_id=pair.fabric_id)
    pair.source.do(Kind.CONSOLIDATE, merged, pair.machine_id, deadline_seconds=60)
    assert pair.source.read(pair.fabric_id) == last


def a_point(reverse):
    """The point of a cycle, once the source goes on; None while it is refused."""
    try:
        return reverse.point_now(final=True)
    except OrderFailed:
        return None


@pytest.mark.parametrize("alter", [overwritten, shrunk, replaced, below_a_snapshot])
def test_disks_that_were_altered_before_the_way_home_are_compared(away, alter):
    pair, there, path = away
    alter(path)
    comes_home(pair, back(pair, there), there)


@pytest.mark.parametrize("alter", [made_raw, gone])
def test_disks_that_cannot_be_read_are_refused_before_anything_begins(away, alter):
    pair, there, path = away
    alter(path)
    with pytest.raises(OrderFailed, match=r"old disk vda .* cannot be read.*alternate location"):
        back(pair, there)


def test_a_disk_that_was_made_larger_is_refused_before_the_old_machine_is_withdrawn(away):
    pair, there, path = away
    wanted = ReplicaRequest(
        epoch=2, base=Base.EXISTING, existing_fabric_id=pair.fabric_id, disks=("vda",), sizes={"vda": 8 * MiB}
    )
    check = CheckTarget(replica=wanted)
    assert pair.source.do(Kind.CHECK_TARGET, check, pair.machine_id)["obstacles"] == []
    qemu_img("resize", str(path), "9M")
    (found,) = pair.source.do(Kind.CHECK_TARGET, check, pair.machine_id)["obstacles"]
    assert "vda" in found["what"]
    assert "a disk does not come home to a larger one" in found["what"]
    assert f"virsh blockresize MACHINE vda {9 * MiB}b" in found["do"]
    assert "shrink" not in found["do"]
    with pytest.raises(OrderFailed, match="does not come home to a larger one"):
        back(pair, there)
    qemu_img("resize", "--shrink", str(path), str(8 * MiB))
    comes_home(pair, back(pair, there), there)


@contextmanager
def read_only(path):
    """As on a file system that was mounted again without the right to write, after an error."""
    if subprocess.run(["mount", "--bind", path, path], timeout=20, check=False).returncode != 0:
        pytest.skip("nothing may be mounted here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", path], timeout=20, check=True)
        yield
    finally:
        subprocess.run(["umount", path], timeout=20, check=True)


def test_disks_that_cannot_be_written_are_told_of_before_the_old_machine_is_withdrawn(away):
    pair, _there, path = away
    wanted = ReplicaRequest(epoch=2, base=Base.EXISTING, existing_fabric_id=pair.fabric_id, disks=("vda",))

    def obstacles():
        return pair.source.do(Kind.CHECK_TARGET, CheckTarget(replica=wanted), pair.machine_id)["obstacles"]

    assert obstacles() == []
    with read_only(path):
        (found,) = obstacles()
    assert f"The old disk vda ({path}) cannot be written by the appliance" in found["what"]
    assert found["blocking"]


def restored(path, in_place):
    """As an owner restores a backup over a file of which nobody told that it is still in use."""
    backup = path.with_suffix(".backup")
    shutil.copyfile(path, backup)
    overwritten(backup)
    if in_place:
        shutil.copyfile(backup, path)
    else:
        backup.replace(path)


@pytest.mark.parametrize("in_place", [True, False])
def test_disks_that_are_restored_while_the_machine_is_protected_home_are_compared_again(away, in_place):
    pair, there, path = away
    reverse = back(pair, there)
    reverse.point_now()
    restored(path, in_place)
    comes_home(pair, reverse, there)


def test_nothing_starts_on_disks_that_were_restored_after_the_last_cycle(away):
    pair, there, path = away
    reverse = back(pair, there)
    point = reverse.point_now()
    close(reverse)
    restored(path, in_place=False)
    order = StartReplica(run="failover", point_id=point, fabric_id=pair.fabric_id, name="web01", home=True)
    report = pair.source.order(Kind.START_REPLICA, order, pair.machine_id)
    assert report.problem.code == "point-damaged"
    assert "were changed (vda)" in report.problem.message
    pair.source.do(Kind.ACCEPT_CYCLES, AcceptCycles(accepting=True), pair.machine_id)
    comes_home(pair, reverse, there)


def test_a_drain_after_the_disks_were_restored_offers_no_point_on_them(away):
    pair, there, path = away
    reverse = back(pair, there)
    reverse.point_now()
    reverse.pause()
    restored(path, in_place=False)
    drained = pair.source.do(Kind.DRAIN, Drain(seal=True), pair.machine_id)
    assert all(each["damaged"] for each in drained["points"])


def test_old_disks_that_are_away_for_a_moment_damage_no_point(away):
    """As when their file system is mounted after the appliance started, or an NFS server does not answer."""
    pair, there, path = away
    reverse = back(pair, there)
    close(reverse)
    hosted = pair.source.replica(pair.machine_id)
    unmounted = path.parent.rename(path.parent.with_name("unmounted"))
    hosted.wants_trim = True
    pair.source.appliance.work.wanted(hosted)
    told = eventually(lambda: reverse.status().findings, 20)
    assert str(path) in told[0].what
    unmounted.rename(path.parent)
    eventually(lambda: not reverse.status().findings, 40)
    assert not any(point.damaged for point in reverse.status().points)
    assert not hosted.verdicts.wants_comparison
