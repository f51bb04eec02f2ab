"""Points that are kept elsewhere share their files, and stay what they are whatever becomes of the
replica."""

import contextlib
import errno
import os

import pytest

from secondsite.datapath import errors, files
from secondsite.datapath.replica import Replica
from secondsite.datapath.replica.chain import chain
from secondsite.ground.units import KiB, MiB
from tests.datapath.replica.support_sweep import sweep
from tests.datapath.support_chain import Source, assert_points_true, write_image

pytestmark = pytest.mark.slow


@pytest.fixture
def replica(tmp_path, daemon, source):
    replica = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1)
    for number in range(1, 5):
        replica.apply(*source.cycle(f"p{number}"))
    replica.apply(*source.cycle())
    yield replica
    replica.close()


def kept(folder, daemon):
    return Replica.open(folder, daemon)


def names(replica):
    return [point.point_id for point in replica.points()]


def test_shared_points_stay_true_through_a_commit_a_turn_and_what_comes_after(
    replica, daemon, source, tmp_path
):
    replica.hold("p1", "clean")
    overlay = replica.open_run("failover", "p2")["sda"]
    write_image(overlay, "64k", "1M", pattern=0x77)
    replica.share(tmp_path / "kept")
    replica.settle("failover")
    replica.rebase_from_run("failover", epoch=2)
    back = Source(seed=9, epoch=2)
    ran = bytearray(source.points["p2"]["sda"])
    ran[MiB : MiB + 64 * KiB] = b"\x77" * 64 * KiB
    back.disks = {"sda": ran, "sdb": bytearray(source.points["p2"]["sdb"])}
    for number in range(1, 4):
        replica.apply(*back.cycle(f"q{number}"))
    replica.drop("q1")
    assert_points_true(replica, back, tmp_path)
    shared = kept(tmp_path / "kept", daemon)
    assert names(shared) == ["p1", "p2", "p3", "p4"]
    assert shared.state.held("p1") == "clean"
    assert_points_true(shared, source, tmp_path)
    replica.remove()
    assert_points_true(shared, source, tmp_path)
    assert shared.open_run("restored", "p3")


def test_merging_in_the_replica_leaves_shared_points_true(replica, daemon, source, tmp_path):
    replica.share(tmp_path / "kept")
    for point_id in ("p1", "p3", "p2"):
        replica.drop(point_id)
    assert_points_true(replica, source, tmp_path)
    shared = kept(tmp_path / "kept", daemon)
    assert names(shared) == ["p1", "p2", "p3", "p4"]
    assert_points_true(shared, source, tmp_path)


def test_a_commit_and_a_turn_beside_shared_points_survive_a_death_at_every_seam(
    replica, daemon, source, tmp_path
):
    replica.open_run("failover", "p2")
    replica.close()

    def operation(victim):
        place = victim.files.root.parent / f"kept-{victim.files.root.name}"
        if not place.exists():
            victim.share(place.with_suffix(".part"))
            place.with_suffix(".part").rename(place)
        if victim.state.epoch == 1:
            victim.settle("failover")
        victim.rebase_from_run("failover", epoch=2)

    def check(heir, done):
        place = heir.files.root.parent / f"kept-{heir.files.root.name}"
        if not place.exists():
            assert names(heir) == ["p1", "p2", "p3", "p4"]
            return
        shared = kept(place, daemon)
        assert names(shared) == ["p1", "p2", "p3", "p4"]
        if done:
            assert_points_true(shared, source, tmp_path)
        shared.close()

    sweep(replica.files.root, daemon, operation, check, at_least=8)


def test_the_points_of_a_replica_of_the_first_release_are_shared(replica, daemon, source, tmp_path):
    """It has no folder for firmware."""
    replica.files.firmware.rmdir()
    replica.share(tmp_path / "kept")
    assert_points_true(kept(tmp_path / "kept", daemon), source, tmp_path)


def test_points_that_are_shared_while_a_merge_into_the_head_waits_can_be_used(
    replica, daemon, source, tmp_path, monkeypatch
):
    def full(*_, **__):
        raise errors.StoreFull("No space.", do="Free some.")

    with monkeypatch.context() as patch, contextlib.suppress(errors.StoreFull):
        patch.setattr(chain.Heads, "merge_down", full)
        replica.drop("p4")
    with monkeypatch.context() as patch:
        patch.setattr(chain.Heads, "merge_down", full)
        replica.share(tmp_path / "kept")
    assert replica.state.merging is not None
    shared = kept(tmp_path / "kept", daemon)
    assert shared.open_run("restored", "p3")
    assert names(shared) == ["p1", "p2", "p3"]
    assert_points_true(shared, source, tmp_path)


@pytest.mark.parametrize("number", [errno.EPERM, errno.EMLINK, errno.EXDEV])
def test_points_are_copied_where_files_can_have_no_second_name(
    replica, daemon, source, tmp_path, monkeypatch, number
):
    def refused(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refused)
    replica.share(tmp_path / "kept")
    replica.remove()
    assert_points_true(kept(tmp_path / "kept", daemon), source, tmp_path)


def test_a_copy_that_a_crash_cut_off_goes_with_the_next_opening(replica, daemon):
    replica.close()
    part = replica.files.layer("sda", 1).with_name(".000001.qcow2.part")
    part.write_bytes(b"half")
    assert Replica.open(replica.files.root, daemon).drop("p1")
    assert not part.exists()


def test_a_copy_of_its_own_has_the_same_bytes_and_holes_and_the_same_rights(tmp_path):
    path, other = tmp_path / "layer", tmp_path / "other"
    with path.open("wb") as file:
        file.write(b"a" * 5000)
        file.seek(8 * MiB)
        file.write(b"b" * 5000)
        file.truncate(16 * MiB)
    path.chmod(0o640)
    before = path.read_bytes()
    files.unshare(path)
    os.link(path, other)
    files.unshare(path)
    assert path.read_bytes() == other.read_bytes() == before
    assert (path.stat().st_nlink, path.stat().st_mode & 0o777) == (1, 0o640)
    assert path.stat().st_blocks * 512 < MiB


def test_a_store_without_room_for_the_copy_is_full_and_nothing_is_changed(tmp_path, monkeypatch):
    path, other = tmp_path / "layer", tmp_path / "other"
    path.write_bytes(b"a" * 5000)
    os.link(path, other)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "copy_file_range", full)
    with pytest.raises(errors.StoreFull):
        files.unshare(path)
    assert path.stat().st_nlink == 2
    assert path.read_bytes() == b"a" * 5000
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []
