"""A store that was copied while its appliance wrote to it is never taken for whole: file by file, as tar
and rsync go, over a slow line."""

import shutil
import subprocess

import pytest

from secondsite.datapath.frames.frame import Frame
from secondsite.datapath.replica.replica import Replica
from secondsite.ground.units import KiB, MiB
from secondsite.rescue import checking, choosing
from secondsite.rescue.store import Store
from tests.datapath.support_chain import Source, assert_points_true, read_raw

pytestmark = pytest.mark.slow
BLOCK = 64 * KiB
PIECE_BYTES = 10 * KiB


@pytest.fixture
def source():
    return Source(sizes={"sda": 8 * MiB, "sdb": 1 * MiB})


@pytest.fixture
def replica(tmp_path, daemon, source):
    (tmp_path / "store/replicas").mkdir(parents=True)
    replica = Replica.create(tmp_path / "store/replicas/m1", daemon, "m1", source.replica_disks, epoch=1)
    for number in (1, 2):
        replica.apply(*source.cycle(f"p{number}"))
    yield replica
    replica.close()


def copied(replica, place, meanwhile):
    """Each folder is listed when it is entered, each file is opened by its name; what is gone by then is
    left out. After the first disk `meanwhile` happens."""
    place.mkdir(parents=True)
    for key in replica.state.keys:
        _copy_folder(replica.files.disk(key), place / "disks" / key)
        if key == replica.state.keys[0]:
            meanwhile()
    for name in ("points", "firmware", "digests", "runs"):
        _copy_folder(replica.files.root / name, place / name)
    shutil.copy(replica.files.record, place)


def _copy_folder(folder, place):
    place.mkdir(parents=True)
    for path in sorted(folder.iterdir()):
        shutil.copy(path, place)


def whole(folder, wanted="latest"):
    found = Store([folder]).find("web01")
    point, passed = choosing.whole(found, wanted, lambda each: checking.problem_of(found, each, None))
    return found, point, passed


def test_a_point_that_was_sealed_while_its_store_was_copied_is_passed_over_and_named(
    replica, source, tmp_path
):
    """One disk would be right, the other wrong in 80 blocks: at the instant of the point before."""
    frames = [Frame(0, at * BLOCK, BLOCK, False, source.random.randbytes(BLOCK)) for at in range(80)] + [
        Frame(1, 0, BLOCK, False, source.random.randbytes(BLOCK))
    ]
    for frame in frames:
        disk = source.disks["sda" if frame.disk == 0 else "sdb"]
        disk[frame.offset : frame.offset + BLOCK] = frame.data
    header, _ = source.cycle("p3", writes=0)
    copied(replica, tmp_path / "copy/replicas/m1", lambda: replica.apply(header, frames))
    found, _, passed = whole(tmp_path / "copy")
    assert [each.id for each in found.points] == ["p1", "p2", "p3"]
    assert true_point(tmp_path / "copy", source, tmp_path) == "p2"
    assert "p3 is newer, and cannot be used" in passed
    assert "was still written when the store was copied" in passed


def test_what_tar_takes_of_a_running_store_over_a_slow_line_is_whole_or_missing(replica, source, tmp_path):
    """The line stands still in the middle of the first disk's head."""
    frames = [Frame(0, at * BLOCK, BLOCK, False, source.random.randbytes(BLOCK)) for at in range(40)]
    for frame in frames:
        source.disks["sda"][frame.offset : frame.offset + BLOCK] = frame.data
    replica.apply(source.cycle(writes=0)[0], frames)
    line, seen = Line(tmp_path / "store", tmp_path / "copy"), b""
    while b"disks/sda/000003" not in seen:
        seen += line.carry()
    for _ in range(2 * MiB // PIECE_BYTES):
        line.carry()
    frames += [Frame(1, 0, BLOCK, False, source.random.randbytes(BLOCK))]
    frames = [frame._replace(data=source.random.randbytes(BLOCK)) for frame in frames]
    for frame in frames:
        disk = source.disks["sda" if frame.disk == 0 else "sdb"]
        disk[frame.offset : frame.offset + BLOCK] = frame.data
    header, _ = source.cycle("p3", writes=0)
    replica.apply(header, frames)
    while line.carry():
        pass
    true_point(tmp_path / "copy", source, tmp_path)
    again = Line(tmp_path / "store", tmp_path / "again")
    while again.carry():
        pass
    assert true_point(tmp_path / "again", source, tmp_path) == "p3"


class Line:
    """From one tar to another."""

    def __init__(self, store, place):
        place.mkdir()
        self._from = subprocess.Popen(
            ["tar", "-C", store, "--sort=name", "-cf", "-", "replicas"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._to = subprocess.Popen(["tar", "-C", place, "-xf", "-"], stdin=subprocess.PIPE)

    def carry(self):
        """As much as a line takes at a time; at the end both have ended."""
        assert self._from.stdout is not None
        assert self._to.stdin is not None
        piece = self._from.stdout.read(PIECE_BYTES)
        self._to.stdin.write(piece)
        if not piece:
            self._from.communicate(timeout=60)
            self._to.communicate(timeout=60)
            assert self._to.returncode == 0
        return piece


def true_point(folder, source, scratch):
    found, point, _ = whole(folder)
    for key in ("sda", "sdb"):
        assert read_raw(found.layer(key, point.layer), scratch) == source.points[point.id][key], point.id
    return point.id


def test_the_store_itself_has_every_point_and_takes_the_name_of_a_head_for_no_point(
    replica, source, tmp_path
):
    replica.apply(*source.cycle("p3"))
    head = replica.state.head
    for key in replica.state.keys:
        assert replica.files.head(key, head).exists()
        assert not replica.files.layer(key, head).exists()
        assert not replica.files.head(key, head - 1).exists()
    replica.close()
    assert whole(tmp_path / "store")[1].id == "p3"
    assert_points_true(replica, source, tmp_path)


def test_a_store_of_a_former_release_goes_on_where_its_head_was_named_like_a_point(
    replica, source, daemon, tmp_path
):
    replica.close()
    head = replica.state.head
    for key in replica.state.keys:
        replica.files.head(key, head).rename(replica.files.layer(key, head))
    again = Replica.open(replica.files.root, daemon)
    again.apply(*source.cycle("p3"))
    again.drop("p1")
    assert_points_true(again, source, tmp_path)
    assert not again.files.head("sda", head).exists()
    again.close()
