"""A head that was exchanged for another file, as an older copy of it: nothing is built on it, and nothing
of it is sealed."""

import shutil

import pytest

from secondsite.datapath import errors
from secondsite.datapath.digests import DigestMap
from secondsite.datapath.frames.frame import Frame
from secondsite.datapath.replica.replica import Replica
from secondsite.ground import real_files
from secondsite.ground.units import MiB
from tests.datapath.replica.support_regions import assert_region_true
from tests.datapath.support_chain import Seams, Source, assert_points_true, dying

pytestmark = pytest.mark.slow


@pytest.fixture
def source():
    return Source(seed=17)


@pytest.fixture
def replica(tmp_path, daemon, source):
    """A point, and a cycle on top of it."""
    replica = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1)
    replica.apply(*source.cycle("p1", writes=5))
    replica.apply(*source.cycle(writes=4))
    return replica


def all_of(source):
    """Frames that hold the disks as they are."""
    return [
        Frame(index, at, len(data[at : at + MiB]), False, bytes(data[at : at + MiB]))
        for index, data in enumerate(source.disks.values())
        for at in range(0, len(data), MiB)
    ]


def head_of(replica):
    return replica.file_of("sda", replica.state.head)


def copied(replica, tmp_path):
    replica.close()
    return shutil.copy(head_of(replica), tmp_path / "older.qcow2")


def exchange(replica, older):
    """As most programs put a file back: its number may be that of the one that it replaces."""
    head_of(replica).unlink()
    shutil.copy(older, head_of(replica))


def require_known(replica):
    number = real_files.file_number(head_of(replica))
    assert number is not None
    if number.generation is None:
        pytest.skip("this file system does not tell a file from the one that had its number before")


@pytest.fixture(params=["closed", "open", "opened-anew"])
def exchanged(request, replica, daemon, source, tmp_path):
    require_known(replica)
    older = copied(replica, tmp_path)
    replica.apply(*source.cycle(writes=6))
    if request.param != "open":
        replica.close()
    exchange(replica, older)
    if request.param != "opened-anew":
        return replica
    opened = Replica.open(replica.files.root, daemon)
    assert opened.was_put_back
    return opened


def test_nothing_goes_on_top_of_a_head_that_was_exchanged_and_no_point_is_made_of_it(
    exchanged, source, tmp_path
):
    assert exchanged.was_put_back or exchanged.looks_exchanged()
    with pytest.raises(errors.CycleOutOfOrder, match="exchanged for another one"):
        exchanged.apply(*source.cycle("p2", writes=2))
    with pytest.raises(errors.HeadTorn):
        exchanged.seal({"point_id": "latest"})
    assert [point.point_id for point in exchanged.points()] == ["p1"]
    exchanged.forget_digests()
    assert not exchanged.looks_exchanged()
    assert not exchanged.was_put_back
    assert_points_true(exchanged, source, tmp_path)


def test_after_a_comparison_points_are_whole_again(exchanged, source, tmp_path):
    exchanged.forget_digests()
    assert_region_true(exchanged, None, tmp_path)
    header, _ = source.cycle("p2", writes=2, base_seq=None)
    exchanged.apply(header, all_of(source))
    assert_points_true(exchanged, source, tmp_path)
    exchanged.close()
    assert not exchanged.looks_exchanged()


def built_at(replica):
    with_files = [replica.files.digests(key) for key in replica.state.keys]
    return [real_files.file_number(path) for path in with_files]


def test_what_the_product_does_itself_is_no_exchange(replica, daemon, source, tmp_path):
    """Points, merges and sizes make other files of the head, and its digests stay."""
    before = built_at(replica)
    for number in range(2, 6):
        replica.apply(*source.cycle(f"p{number}", writes=3))
        replica.close()
        assert not replica.looks_exchanged()
        opened = Replica.open(replica.files.root, daemon)
        assert not opened.was_put_back
        opened.close()
    for point_id in ("p3", "p5"):
        replica.drop(point_id)
    replica.keep_short()
    replica.apply(*source.cycle(writes=3))
    replica.close()
    opened = Replica.open(replica.files.root, daemon)
    assert not opened.was_put_back
    assert not replica.lost_head
    assert built_at(replica) == before
    assert_points_true(opened, source, tmp_path)


def test_a_death_amid_a_seal_or_a_merge_is_no_exchange(replica, daemon, source):
    dropped = []
    for kill_at in range(1, 200):
        replica.close()
        seams = Seams()
        victim = Replica.open(replica.files.root, daemon, seams)
        point = f"k{kill_at}"
        victim.points()
        cycle = source.cycle(point, writes=2)
        seams.arm(kill_at)
        with dying() as died:
            victim.apply(*cycle)
            victim.drop(point)
        seams.kill_at = None
        heir = Replica.open(replica.files.root, daemon)
        assert not heir.was_put_back, seams.reached
        heir.apply(*cycle)
        assert not heir.lost_head, seams.reached
        heir.drop(point)
        heir.close()
        dropped.append(point)
        if not died:
            return
    raise AssertionError("the operation never ends")


def test_a_map_names_the_file_of_its_disk_until_that_changes(tmp_path):
    digests = DigestMap.create(tmp_path / "sda.map", MiB, 1, 1)
    assert digests.of_file == 0
    digests.name_file(7 << 40 | 5, flush=False)
    digests.mark(1, 2)
    digests.close()
    again = DigestMap(digests.path)
    assert (again.of_file, again.seq) == (7 << 40 | 5, 2)
    again.close()


def test_a_folder_that_was_put_back_while_it_was_in_use_is_opened_anew_and_not_ruined(
    replica, source, tmp_path
):
    replica.close()
    shutil.copytree(replica.files.root, tmp_path / "older")
    replica.apply(*source.cycle("p2", writes=3))
    replica.close()
    replica.files.root.rename(tmp_path / "broken")
    shutil.copytree(tmp_path / "older", replica.files.root)
    with pytest.raises(errors.CycleOutOfOrder):
        replica.apply(*source.cycle("p3", writes=2))
    assert head_of(replica).exists()
    assert [point.point_id for point in replica.points()] == ["p1"]
    replica.forget_digests()
    header, _ = source.cycle("p4", writes=2, base_seq=None)
    replica.apply(header, all_of(source))
    assert_points_true(replica, source, tmp_path)
