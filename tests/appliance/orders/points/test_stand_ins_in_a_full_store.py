"""What stands in for a disk that was left out never fills the store, whatever file system its guest has."""

import os
import subprocess

import pytest

from rig import small_store
from rig.appliances import Pair
from secondsite.datapath.disks import file_system
from secondsite.ground.units import GiB, MiB
from secondsite.wire.control.orders import Kind, StopReplica
from tests.appliance.orders.points.support_stand_ins import COPY, protected, start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]
STORE_BYTES, DISK_BYTES = 600 * MiB, 40 * GiB


@pytest.fixture
def pair(make_site, tmp_path):
    """Its machine leaves out a disk with the head of an ext3; the store at the target is small."""
    with small_store.on_disk(tmp_path / "small", STORE_BYTES, small_store.EXT4) as root:
        a, b = make_site("a").start(), make_site("b", store=root / "store").start()
        found = Pair(a, b, a.make_machine(disks=2, size_bytes=DISK_BYTES))
        found.source.write(found.fabric_id, 0, head_of_ext3(tmp_path / "made"), "vdb")
        found.source.write(found.fabric_id, 0, os.urandom(MiB), "vda")
        yield found, root
        b.stop()


def head_of_ext3(path):
    with path.open("wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run(["/usr/sbin/mke2fs", "-q", "-F", "-t", "ext3", "-L", "data", path], check=True)
    with path.open("rb") as file:
        head = file.read(2 * MiB)
    path.unlink()
    return head


def free_bytes(root):
    found = os.statvfs(root)
    return found.f_bavail * found.f_frsize


@pytest.mark.parametrize("share", [file_system.SHARE, 1 << 40])
def test_a_start_takes_little_and_its_clean_up_gives_it_back(pair, monkeypatch, share):
    """The start failed with not a byte free, and so did a repeat, the next cycle and the clean-up."""
    pair, root = pair
    monkeypatch.setattr(file_system, "SHARE", share)
    protected(pair)
    point, before = pair.point_now(), free_bytes(root)
    report = start(pair, point)
    assert report.problem is None
    assert ("no ext3 could be made" in report.sentence) == (share != 4)
    assert before - free_bytes(root) < 150 * MiB
    assert not list(root.rglob("*stand-in*.part"))
    pair.target.do(Kind.STOP_REPLICA, StopReplica(run="drill", fabric_id=COPY), pair.machine_id)
    assert before - free_bytes(root) < 10 * MiB
    pair.point_now()
