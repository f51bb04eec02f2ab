"""A disk that changes its size by tebibytes is followed at the price of what it holds, within a head and
over layers."""

import os

import pytest

from secondsite.datapath.cycles.cycle_file import CycleDisk, CycleHeader
from secondsite.datapath.disks import image
from secondsite.datapath.frames.frame import Frame
from secondsite.datapath.replica import ReplicaDisk
from secondsite.datapath.replica.replica import Replica
from secondsite.ground.units import GiB, KiB, MiB, TiB
from tests.datapath.replica.support_encryption import named
from tests.datapath.replica.support_sweep import sweep
from tests.datapath.support_chain import qemu_img

pytestmark = pytest.mark.slow

LARGE, SMALL = 2 * TiB, GiB + 512
PLACES = (64 * KiB, GiB, 3 * GiB, TiB + 5 * GiB)


class ThinSource:
    """A disk of one page here and there, and a sparse file for each of its points."""

    def __init__(self, folder, size_bytes, key=None):
        self.folder, self.key, self.seq, self.size_bytes = folder, key, 0, size_bytes
        self.like = folder / "like.raw"
        self.like.touch()
        os.truncate(self.like, size_bytes)

    def cycle(self, size_bytes, point_id=None):
        self.seq += 1
        self.size_bytes = size_bytes
        os.truncate(self.like, size_bytes)
        frames = [self._write(at) for at in PLACES if at + 64 * KiB <= size_bytes and (at + self.seq) % 3]
        point = {"point_id": point_id, "machine_name": "web01", "definition": {}} if point_id else None
        if point_id:
            qemu_img("convert", "-O", "raw", "-f", "raw", self.like, self.folder / f"{point_id}.raw")
        header = CycleHeader(
            machine_id="m1", epoch=1, seq=self.seq, base_seq=self.seq - 1 or None,
            taken_at=f"2026-11-20T08:00:{self.seq:02d}+00:00", point=point,
            disks=(CycleDisk("vda", size_bytes),), sync=None,
        )  # fmt: skip
        return header, frames

    def _write(self, at):
        data = bytes([self.seq]) * (64 * KiB)
        with self.like.open("r+b") as file:
            os.pwrite(file.fileno(), data, at)
        return Frame(0, at, len(data), False, data)

    def assert_points_true(self, replica, only=None):
        for point in replica.points():
            if only is None or point.point_id in only:
                path = replica.files.root / point.manifest.disks[0].file
                self._assert_same(path, self.folder / f"{point.point_id}.raw")
                assert replica.verify(point.point_id).ok

    def _assert_same(self, path, like):
        assert image.look(path, written=True).size_bytes == like.stat().st_size
        one = [named(path, self.key)] if self.key else ["-f", "qcow2", path]
        qemu_img("compare", "-U", *image.secret_arguments(self.key), "-F", "raw", *one, like)


def stored_bytes(replica):
    """Of its images."""
    return sum(path.stat().st_blocks * 512 for path in replica.files.disk("vda").glob("*.qcow2"))


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def some_key(request, key):
    return key if request.param else None


@pytest.fixture
def source(tmp_path, some_key):
    return ThinSource(tmp_path, LARGE, some_key)


@pytest.fixture
def replica(tmp_path, daemon, source):
    disks = [ReplicaDisk("vda", LARGE)]
    replica = Replica.create(tmp_path / "m1", daemon, "m1", disks, epoch=1, key=source.key)
    replica.apply(*source.cycle(LARGE, "p1"))
    yield replica
    replica.close()


@pytest.mark.timeout(300)
def test_points_of_many_sizes_cost_what_they_hold_and_stay_true_whatever_is_dropped(replica, source):
    for number, size_bytes in enumerate((SMALL, LARGE, LARGE, GiB, LARGE), 2):
        replica.apply(*source.cycle(size_bytes, f"p{number}"))
    source.assert_points_true(replica)
    for point_id in ("p2", "p4", "p1", "p5", "p3"):
        replica.drop(point_id)
    source.assert_points_true(replica)
    assert stored_bytes(replica) < 32 * MiB


def test_a_head_that_becomes_smaller_and_larger_between_two_points_costs_what_it_holds(replica, source):
    for size_bytes in (SMALL, LARGE, SMALL, LARGE, LARGE + GiB):
        replica.apply(*source.cycle(size_bytes))
    replica.apply(*source.cycle(LARGE + GiB, "p2"))
    source.assert_points_true(replica)
    assert stored_bytes(replica) < 32 * MiB


@pytest.mark.timeout(300)
def test_becoming_smaller_and_larger_within_a_head_survives_a_death_at_every_seam(tmp_path, daemon):
    source = ThinSource(tmp_path, TiB)
    replica = Replica.create(tmp_path / "m1", daemon, "m1", [ReplicaDisk("vda", TiB)], epoch=1)
    for number in (1, 2):
        replica.apply(*source.cycle(TiB, f"p{number}"))
    replica.close()
    cycles = [source.cycle(SMALL), source.cycle(TiB, "p4")]

    def operation(replica):
        for header, frames in cycles:
            replica.apply(header, frames)

    def check(replica, done):
        source.assert_points_true(replica, None if done else ["p1", "p2"])
        if done:
            assert replica.point_ids[-1] == "p4"

    sweep(tmp_path / "m1", daemon, operation, check, at_least=20)


def test_dropping_between_sizes_survives_a_death_at_every_seam(tmp_path, daemon):
    source = ThinSource(tmp_path, TiB)
    replica = Replica.create(tmp_path / "m1", daemon, "m1", [ReplicaDisk("vda", TiB)], epoch=1)
    for number, size_bytes in enumerate((TiB, SMALL, TiB, TiB), 1):
        replica.apply(*source.cycle(size_bytes, f"p{number}"))
    replica.close()

    def operation(replica):
        for point_id in ("p1", "p2"):
            if point_id in replica.point_ids:
                replica.drop(point_id)

    def check(replica, done):
        source.assert_points_true(replica, ["p3", "p4"])

    sweep(tmp_path / "m1", daemon, operation, check, at_least=4)
