"""Nobody who reads or writes keeps a storage daemon from draining, however long he waits for something else.

Every QMP transaction drains its whole process first: a reader that paused with answers on their way held up
the sealing of points of all machines, and a QEMU would hold up its guest.
"""

import subprocess
from typing import Any

import pytest

from rig.eventually import eventually
from secondsite.datapath import errors
from secondsite.datapath.disks import image
from secondsite.datapath.disks.nbd_disk import NbdDisk
from secondsite.datapath.disks.writes import Writes
from secondsite.datapath.extents import Extent
from secondsite.datapath.frames.compression import Choice
from secondsite.datapath.replica.replica import Replica
from secondsite.datapath.transfer.pump import AHEAD, Pump, Work
from secondsite.ground.units import MiB
from tests.datapath.support_chain import Source

pytestmark = pytest.mark.slow

DISK_BYTES = 64 * MiB


@pytest.fixture
def full_disk(tmp_path, daemon):
    """A disk full of data, open for writing."""
    path = tmp_path / "full.qcow2"
    image.create(path, DISK_BYTES)
    command = ["qemu-io", "-f", "qcow2", "-c", f"write -q -P 7 0 {DISK_BYTES}", str(path)]
    subprocess.run(command, check=True, timeout=60)
    daemon.serve(path, "full", writable=True)
    with NbdDisk(daemon.nbd_socket, "full") as disk:
        yield disk


def drain(daemon):
    """A transaction of another machine, which waits until all of the daemon has drained."""
    node = daemon.nodes("x")[0]
    actions = [{"type": "block-dirty-bitmap-add", "data": {"node": node, "name": "drained"}}]
    daemon.qmp("transaction", actions=actions, deadline_seconds=20)


def test_a_reader_that_waits_has_landed_what_it_read_ahead(daemon, full_disk):
    chunks = full_disk.read_many([Extent(0, DISK_BYTES)])
    next(chunks)
    full_disk.land()
    drain(daemon)
    assert sum(len(raw) for _, raw in chunks) == DISK_BYTES - MiB


def test_a_sender_whose_link_stands_still_lets_the_daemon_drain(daemon, full_disk):
    with Pump([Work(0, full_disk, [Extent(0, DISK_BYTES)])], Choice()) as pump:
        frames = iter(pump)
        next(frames)
        eventually(lambda: pump._queue.qsize() == AHEAD)  # noqa: SLF001 how full it is shows nowhere else
        drain(daemon)
        assert sum(frame.length for frame in frames) == DISK_BYTES - MiB


def test_a_writer_that_waits_has_handed_its_writes_over(daemon, full_disk):
    with Writes(full_disk) as writes:
        for number in range(8):
            writes.write(bytes([number]) * MiB, number * MiB)
        drain(daemon)
    assert full_disk.pread(1, 7 * MiB) == b"\x07"


def test_a_verification_that_pauses_keeps_no_cycle_from_sealing_its_point(tmp_path, daemon):
    source = Source(sizes={"sda": 32 * MiB})
    replica = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1)
    replica.apply(*source.cycle("p1", writes=200))
    sealed: list[Any] = []

    def pause(_through, _read):
        if not sealed:
            sealed.append(replica.apply(*source.cycle("p2")).point_id)

    assert replica.verify("p1", told=pause).ok
    assert sealed == ["p2"]


def test_a_replica_is_let_go_once_the_last_reader_has_ended(tmp_path, daemon):
    source = Source()
    replica = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1)
    replica.apply(*source.cycle("p1"))

    def still_there(_through, _read):
        with pytest.raises(errors.ReplicaInUse, match="still being read"):
            replica.let_go(0.05)

    assert replica.verify("p1", told=still_there).ok
    replica.let_go(0.05)
