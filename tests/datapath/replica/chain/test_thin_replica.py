"""A replica of a disk of 2 TiB that holds little: whatever looks at it reads what it holds. Work is
counted, never timed."""

import pytest

from rig.appliances.counted_nbd import counted
from secondsite.datapath.cycles.cycle_file import CycleDisk, CycleHeader
from secondsite.datapath.digests import DigestMap
from secondsite.datapath.extents import BLOCK_BYTES
from secondsite.datapath.frames.frame import Frame
from secondsite.datapath.replica import Replica, ReplicaDisk
from secondsite.datapath.replica.verbs.create import BaseImage
from secondsite.ground.units import GiB, KiB, MiB, TiB
from tests.datapath.support_chain import qemu_img, write_image

pytestmark = pytest.mark.slow

SIZE = 2 * TiB
PLACES = [0, 5 * GiB + 64 * KiB, TiB, SIZE - MiB]
HELD = len(PLACES) * MiB
QUESTIONS = SIZE // (4 * GiB - MiB) + 4
"""About a disk, asked once."""


@pytest.fixture
def replica(tmp_path, daemon):
    replica = Replica.create(tmp_path / "m1", daemon, "m1", [ReplicaDisk("sda", SIZE)], epoch=1)
    replica.apply(*cycle(1, [data(place) for place in PLACES], point="p1"))
    yield replica
    replica.close()


def data(offset, length=MiB, fill=b"\x5a"):
    return Frame(0, offset, length, False, fill * length)


def zeros(offset, length):
    return Frame(0, offset, length, True, b"")


def cycle(seq, frames, point=None, size=SIZE):
    header = CycleHeader(
        machine_id="m1", epoch=1, seq=seq, base_seq=seq - 1 or None,
        taken_at=f"2026-11-25T08:00:{seq:02d}+00:00",
        point={"point_id": point, "machine_name": "web01", "definition": {}} if point else None,
        disks=(CycleDisk("sda", size),),
    )  # fmt: skip
    return header, iter(frames)


def stored_bytes(path):
    return path.stat().st_blocks * 512


def test_a_lost_map_is_made_again_from_what_the_disk_holds(replica):
    before = replica.region("sda", 0, GiB)
    replica.forget_digests()
    with counted() as work:
        replica.build_digests()
    assert work.read_bytes == HELD
    assert work.questions <= QUESTIONS
    assert stored_bytes(replica.files.digests("sda")) < 256 * KiB
    assert replica.region("sda", 0, GiB) == before


def test_that_holds_behind_a_head_that_changed_below_its_export(replica):
    for seq in (2, 3):
        replica.apply(*cycle(seq, [data(seq * 64 * GiB)], point=f"p{seq}"))
    replica.forget_digests()
    with counted() as work:
        replica.build_digests()
    assert work.read_bytes == HELD + 2 * MiB


def test_a_point_is_verified_by_what_it_holds(replica):
    with counted() as work:
        assert replica.verify("p1").ok
    assert work.read_bytes == HELD
    assert work.questions <= QUESTIONS


def test_zeros_over_a_hole_of_the_disk_make_no_tables(replica):
    sealed = replica.files.layer("sda", replica.state.head)
    with counted() as work:
        replica.apply(*cycle(2, [zeros(at, GiB) for at in range(0, SIZE, GiB)], point="p2"))
    assert work.zeroed_bytes == HELD
    assert stored_bytes(sealed) < 4 * MiB
    assert stored_bytes(replica.files.digests("sda")) < 256 * KiB
    assert replica.verify("p2").ok
    assert replica.verify("p1").ok


def test_a_disk_that_grew_past_a_ragged_end_is_read_as_far_as_it_holds_something(tmp_path, daemon):
    ragged = TiB + 4608
    replica = Replica.create(tmp_path / "m1", daemon, "m1", [ReplicaDisk("sda", ragged)], epoch=1)
    replica.apply(*cycle(1, [data(0)], size=ragged, point="p1"))
    with counted() as work:
        replica.apply(*cycle(2, [data(TiB)], point="p2"))
    assert work.read_bytes <= 2 * MiB
    assert replica.verify("p2").ok
    replica.close()


@pytest.mark.parametrize(
    "options", ["cluster_size=512", "cluster_size=2M", "cluster_size=64k,extended_l2=on"]
)
def test_an_old_disk_of_any_cluster_size_is_read_as_far_as_it_holds_something(tmp_path, daemon, options):
    base, size = tmp_path / "old.qcow2", 8 * GiB
    qemu_img("create", "-q", "-f", "qcow2", "-o", options, base, size)
    write_image(base, "1M", "3G")
    replica = Replica.create(
        tmp_path / "m1", daemon, "m1", [ReplicaDisk("sda", size)], epoch=1, base={"sda": BaseImage(base)}
    )
    with counted() as work:
        replica.build_digests()
    assert MiB <= work.read_bytes <= 4 * MiB
    replica.apply(*cycle(1, [data(GiB)], size=size, point="p1"))
    assert replica.verify("p1").ok
    replica.close()


def test_blocks_that_were_written_in_part_are_zeroed(replica):
    page = 4 * KiB
    frames = [
        data(9 * GiB + page, page),
        zeros(9 * GiB, BLOCK_BYTES),
        data(10 * GiB, MiB),
        zeros(10 * GiB + page, MiB - page),
    ]
    replica.apply(*cycle(2, frames, point="p2"))
    with counted() as work:
        assert replica.verify("p2").ok
    assert work.read_bytes <= HELD + BLOCK_BYTES + 256 * KiB


def test_a_map_of_zeros_stays_a_hole_whatever_is_noted(tmp_path):
    digests = DigestMap.create(tmp_path / "a.map", SIZE, epoch=1, seq=0)
    digests.write(0, b"x" * MiB)
    digests.write(TiB, bytes(MiB))
    digests.zero(0, SIZE)
    digests.mark(1, 1)
    assert stored_bytes(digests.path) < 64 * KiB
    assert digests.held(0, SIZE) == []
    digests.close()
