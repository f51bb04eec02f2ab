"""Cycles that are applied as they come off the wire: whatever part of one arrived, no point and no digest
lies."""

import os
import shutil
import signal

import pytest

from secondsite.datapath import errors
from secondsite.datapath.frames.frame import Frame
from secondsite.datapath.replica.replica import Replica
from secondsite.ground.units import MiB
from tests.datapath.replica.support_regions import assert_region_true
from tests.datapath.support_chain import Seams, Source, assert_points_true, dying

pytestmark = pytest.mark.slow

SLICE = {"sda": 1 * MiB}


@pytest.fixture
def source():
    return Source(seed=11)


@pytest.fixture
def replica(tmp_path, daemon, source):
    """A point, and the first slice of a pass on top of it."""
    replica = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1)
    replica.apply(*source.cycle("p1", writes=5))
    replica.apply(*source.cycle(writes=4, sync=SLICE))
    return replica


def all_of(source):
    """Frames that hold the disks as they are."""
    return [
        Frame(index, at, len(data[at : at + MiB]), False, bytes(data[at : at + MiB]))
        for index, data in enumerate(source.disks.values())
        for at in range(0, len(data), MiB)
    ]


def end_of_pass(source, point_id):
    """The cycle that ends the pass: built on what was processed last, it holds all that a torn slice held."""
    header, _ = source.cycle(point_id, writes=0, base_seq=None)
    return header, all_of(source)


@pytest.mark.parametrize("came", [0, 1, 3, 5])
def test_what_came_of_a_slice_stays_with_digests_that_tell_it_and_is_not_processed(
    replica, source, tmp_path, came
):
    header, frames = source.cycle(writes=6, sync=SLICE)
    applied = replica.apply(header, frames[:came], came_whole=lambda: False)
    assert applied.torn
    assert (replica.state.processed_seq, replica.state.begun_seq) == (header.seq - 1, header.seq)
    assert replica.state.applying_seq is None
    with pytest.raises(errors.HeadTorn):
        replica.seal({"point_id": "latest"})
    assert_points_true(replica, source, tmp_path)
    built_at = replica.files.digests("sda").stat().st_ino
    assert_region_true(replica, None, tmp_path)
    assert replica.files.digests("sda").stat().st_ino == built_at  # told, not read again
    replica.apply(*end_of_pass(source, "p2"))
    assert_points_true(replica, source, tmp_path)


def test_the_point_of_a_cycle_that_came_in_part_is_not_sealed(replica, source, tmp_path):
    header, frames = source.cycle("p2", writes=6)
    replica.apply(header, frames[:3], came_whole=lambda: False)
    assert [point.point_id for point in replica.points()] == ["p1"]
    replica.apply(*end_of_pass(source, "p3"))
    assert [point.point_id for point in replica.points()] == ["p1", "p3"]
    assert_points_true(replica, source, tmp_path)


def test_only_a_head_without_an_instant_to_lose_takes_parts(tmp_path, daemon, source):
    replica = Replica.create(tmp_path / "m2", daemon, "m1", source.replica_disks, epoch=1)
    assert replica.takes_parts(source.cycle(sync=SLICE)[0])  # nothing is there yet
    source.seq = 0
    replica.apply(*source.cycle("p1"))
    ordinary, one_slice = source.cycle()[0], source.cycle(sync=SLICE)[0]
    source.seq = 1
    assert not replica.takes_parts(ordinary)
    assert replica.takes_parts(one_slice)  # the head is what p1 holds
    replica.apply(*source.cycle())
    assert not replica.takes_parts(one_slice)  # the head could still be sealed
    replica.apply(*source.cycle(sync=SLICE))
    assert replica.takes_parts(one_slice)
    assert replica.takes_parts(ordinary)


@pytest.mark.parametrize("came", [2, 6])
def test_a_slice_on_its_way_survives_a_death_at_every_seam(replica, source, daemon, tmp_path, came):
    """Dead at any seam, whole or torn, the successor sends a superset; no point is ever anything but true."""
    replica.close()
    header, frames = source.cycle(writes=6, sync=SLICE)
    ending = end_of_pass(source, "p2")
    for kill_at in range(1, 200):
        folder = tmp_path / f"at{kill_at}"
        shutil.copytree(tmp_path / "m1", folder)
        seams = Seams()
        victim = Replica.open(folder, daemon, seams)
        victim.points()
        seams.arm(kill_at)
        with dying() as died:
            victim.apply(header, frames[:came], came_whole=lambda: came == len(frames))
        seams.kill_at = None
        heir = victim
        if died:
            if kill_at % 3 == 0:
                daemon.stop()
            heir = Replica.open(folder, daemon)
            assert_points_true(heir, source, tmp_path)
            if heir.state.applying_seq is not None:
                heir.abandon()
            assert heir.takes_parts(ending[0])
        assert_region_true(heir, None, tmp_path)
        heir.apply(*ending)
        assert [point.point_id for point in heir.points()] == ["p1", "p2"]
        assert_points_true(heir, source, tmp_path)
        assert_region_true(heir, source.points["p2"], tmp_path)
        heir.close()
        shutil.rmtree(folder)
        if not died:
            assert kill_at > 4 + came, seams.reached
            return
    raise AssertionError("the slice never ends")


def test_a_daemon_killed_under_a_slice_costs_a_retry(replica, source, daemon, tmp_path):
    header, frames = source.cycle(writes=6, sync=SLICE)

    def kills_halfway():
        for index, frame in enumerate(frames):
            if index == 3:
                os.kill(daemon.pid, signal.SIGKILL)
            yield frame

    with pytest.raises(errors.StorageDaemonGone):
        replica.apply(header, kills_halfway(), came_whole=lambda: True)
    replica.abandon()
    assert_region_true(replica, None, tmp_path)
    replica.apply(*end_of_pass(source, "p2"))
    assert_points_true(replica, source, tmp_path)
