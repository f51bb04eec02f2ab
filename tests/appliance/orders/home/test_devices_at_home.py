"""An old disk at home that is a block device whose path leads to another one after a reboot, or which is not
attached: nothing is written to somebody else's, and no point is given up. Real loop devices below the
simulated machine."""

import os

import pytest

from rig import loop_devices
from rig.appliances import Pair
from rig.appliances.runs import back, start
from rig.errors import OrderFailed
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.target import apply, replica
from secondsite.appliance.target.second_copies import watch
from secondsite.datapath.disks import same_files
from secondsite.ground.units import MiB
from secondsite.wire.control.checks import CheckTarget, ReplicaRequest
from secondsite.wire.control.orders import (
    CommitPoint,
    Drain,
    FabricMachine,
    Kind,
    PointOrder,
    Restart,
    RunCycle,
    ShutDown,
    Withdraw,
)
from secondsite.wire.control.setups import Base

pytestmark = pytest.mark.slow
DEVICE_BYTES = 32 * MiB
AT_ONCE = {"scrub_rest_seconds": 0.1, "scrub_bytes_per_second": 1 << 30}


class Device:
    """The disk's path, which is that of a device, and the files behind this one and another."""

    def __init__(self, path):
        self.path, self.ours, self.theirs = path, path.with_suffix(".ours"), path.with_suffix(".theirs")
        self.attached = []
        path.rename(self.ours)
        os.truncate(self.ours, DEVICE_BYTES)
        self.theirs.write_bytes(b"somebody else's" + bytes(DEVICE_BYTES - 15))
        self.lead_to(self.ours)

    def lead_to(self, file):
        self.end()
        self.attached.append(loop_devices.begin(file))
        self.path.symlink_to(self.attached[-1])

    def end(self):
        self.path.unlink(missing_ok=True)
        for device in self.attached:
            loop_devices.end(device)

    @property
    def is_theirs_unhurt(self):
        os.sync()
        return self.theirs.read_bytes() == b"somebody else's" + bytes(DEVICE_BYTES - 15)


@pytest.fixture
def device_of():
    made = []

    def make(path):
        made.append(Device(path))
        return made[-1]

    yield make
    for each in made:
        each.end()


@pytest.fixture
def on_device(make_site, device_of):
    """A protected machine on a device, and that."""
    a, b = make_site("a").start(**AT_ONCE), make_site("b").start()
    fabric_id = a.make_machine(running=False)
    device = device_of(a.disk_path(fabric_id))
    a.fabric.power.start(fabric_id)
    pair = Pair(a, b, fabric_id)
    a.write(fabric_id, 0, noise(6 * MiB))
    return pair.protect().synchronized(), device


def moved(pair):
    """Its id at the other site."""
    point_id = pair.point_now()
    pair.pause()
    there = start(pair, "failover", point_id, name="web01")["fabric_id"]
    pair.target.write(there, MiB, noise(MiB, seed=2))
    pair.target.do(Kind.COMMIT_POINT, CommitPoint(point_id=point_id), pair.machine_id)
    pair.source.do(Kind.SHUT_DOWN, ShutDown(fabric_id=pair.fabric_id), pair.machine_id)
    return there


@pytest.mark.parametrize("rebooted", ["before it was withdrawn", "after that"])
def test_a_replica_does_not_stand_on_the_device_that_an_old_disk_s_path_leads_to_now(on_device, rebooted):
    pair, device = on_device
    there = moved(pair)
    if rebooted == "after that":
        pair.source.do(Kind.WITHDRAW, Withdraw(fabric_id=pair.fabric_id), pair.machine_id)
    device.lead_to(device.theirs)
    with pytest.raises(OrderFailed, match=rf"old disk vda .*another device now: {device.theirs}, where "):
        back(pair, there)
    wanted = ReplicaRequest(epoch=2, base=Base.EXISTING, existing_fabric_id=pair.fabric_id, disks=("vda",))
    found, *_ = pair.source.do(Kind.CHECK_TARGET, CheckTarget(replica=wanted), pair.machine_id)["obstacles"]
    assert f"where {device.ours} is expected" in found["what"]
    assert found["blocking"]
    assert device.is_theirs_unhurt
    device.lead_to(device.ours)
    assert back(pair, there).point_now()


def codes(findings):
    return {each.code for each in findings}


@pytest.mark.parametrize("away", ["another", "gone"])
def test_an_old_disk_that_is_away_marks_nothing_and_all_goes_on_once_it_is_back(on_device, away, monkeypatch):
    monkeypatch.setattr(apply, "LOOK_EVERY_SECONDS", 0.5)
    monkeypatch.setattr(replica, "LONGEST_BACKOFF_SECONDS", 1.0)
    pair, device = on_device
    reverse = back(pair, moved(pair))
    points = [reverse.point_now() for _ in range(2)]
    if away == "another":
        device.lead_to(device.theirs)
    else:
        device.end()
    eventually(lambda: "old-disk-away" in codes(reverse.source_status().findings), 30)
    eventually(lambda: "old-disk-away" in codes(reverse.status().findings), 30)
    told = next(each.what for each in reverse.status().findings if each.code == "old-disk-away")
    assert str(device.path) in told
    reverse.pause()
    for kind, payload in (
        (Kind.VERIFY_POINT, PointOrder(point_id=points[0])),
        (Kind.DRAIN, Drain(seal=True)),
    ):
        assert pair.source.order(kind, payload, pair.machine_id).problem.code == "old-disk-away"
    assert not [each for each in reverse.status().points if each.damaged]
    assert "replica-damaged" not in codes(reverse.status().findings)
    assert device.is_theirs_unhurt
    device.lead_to(device.ours)
    reverse.source.do(Kind.START_REPLICATION, reverse.source_setup(), pair.machine_id)
    eventually(lambda: not codes(reverse.status().findings), 30)
    pair.source.do(Kind.VERIFY_POINT, PointOrder(point_id=points[0]), pair.machine_id)
    assert reverse.point_now()


def test_whoever_has_the_device_that_an_old_disk_s_path_leads_to_now_is_no_second_copy(on_device):
    pair, device = on_device
    back(pair, moved(pair))
    hosted = pair.source.appliance.host.get(pair.machine_id)

    def kept_from(path):
        left = watch.left_for(pair.source.appliance.state, hosted)
        assert left is not None
        return same_files.identity(path) in left.tops

    assert kept_from(device.ours)
    device.lead_to(device.theirs)
    assert not kept_from(device.theirs)
    device.lead_to(device.ours)
    assert kept_from(device.ours)


def test_a_failback_is_not_merged_over_another_device(on_device):
    pair, device = on_device
    there = moved(pair)
    reverse = back(pair, there)
    pair.target.do(Kind.SHUT_DOWN, ShutDown(fabric_id=there), pair.machine_id)
    point = reverse.point_now(final=True)
    start(reverse, "failover", point, name="web01", fabric_id=pair.fabric_id, home=True)
    last = pair.source.read(pair.fabric_id)
    pair.source.fabric.power.stop(pair.fabric_id)
    device.lead_to(device.theirs)
    merged = FabricMachine(fabric_id=pair.fabric_id)
    for kind, payload in ((Kind.COMMIT_POINT, CommitPoint(point_id=point)), (Kind.CONSOLIDATE, merged)):
        problem = pair.source.order(kind, payload, pair.machine_id).problem
        assert problem.code == "old-disk-away"
        assert f"where {device.ours} is expected" in problem.message
    assert device.is_theirs_unhurt
    device.lead_to(device.ours)
    pair.source.do(Kind.COMMIT_POINT, CommitPoint(point_id=point), pair.machine_id)
    pair.source.do(Kind.CONSOLIDATE, merged, pair.machine_id, deadline_seconds=60)
    assert device.is_theirs_unhurt
    pair.source.fabric.power.start(pair.fabric_id)
    assert pair.source.read(pair.fabric_id) == last


def test_a_machine_whose_move_is_cancelled_does_not_start_on_another_device(on_device):
    pair, device = on_device
    pair.source.do(Kind.SHUT_DOWN, ShutDown(fabric_id=pair.fabric_id), pair.machine_id)
    pair.source.do(Kind.RUN_CYCLE, RunCycle(final=True), pair.machine_id)
    device.lead_to(device.theirs)
    again = Restart(fabric_id=pair.fabric_id)
    problem = pair.source.order(Kind.RESTART, again, pair.machine_id).problem
    assert problem.code == "old-disk-away"
    assert "The machine is not started" in problem.message
    assert device.is_theirs_unhurt
    device.lead_to(device.ours)
    pair.source.do(Kind.RESTART, again, pair.machine_id)
