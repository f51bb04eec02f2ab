"""On a file system that shares parts of files every point stays on a short chain, whatever is dropped, and
whatever instant a process dies at."""

import contextlib
import copy
import os
import random
import shutil
import struct
import tracemalloc
from pathlib import Path

import pytest

from rig import small_store
from secondsite.datapath import errors
from secondsite.datapath.disks import image, qcow2_sum
from secondsite.datapath.disks.storage_daemon import StorageDaemon
from secondsite.datapath.replica.chain.backing_files import FAN_OUT, ChainFile, window
from secondsite.datapath.replica.replica import Replica
from secondsite.ground.units import GiB, KiB, MiB
from tests.datapath.replica.support_sweep import sweep
from tests.datapath.support_chain import Source, assert_points_true, qemu_img, read_raw, write_image

pytestmark = pytest.mark.slow

POINTS = 16
NOWHERE = Path()
SIZES = {"sda": 1 * MiB, "sdb": 512 * KiB + 512}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A folder on an XFS with reflink."""
    with contextlib.ExitStack() as mounts:
        try:
            yield mounts.enter_context(small_store.sharing(tmp_path_factory.mktemp("xfs") / "store", 1 * GiB))
        except small_store.NoRight as problem:
            pytest.skip(str(problem))


@pytest.fixture(scope="module")
def grown(store):
    """A replica of points of which no layers were merged yet, and its source."""
    return _grown(store / "grown", POINTS)


@pytest.fixture(scope="module")
def small(store):
    """The same of one disk, with as many points as a merged layer of merged layers wants: for sweeps."""
    return _grown(store / "small", 11, {"sda": 512 * KiB})


def _grown(folder, points, sizes=SIZES):
    folder.mkdir()
    daemon, source = StorageDaemon(folder / "daemon"), Source(sizes=dict(sizes))
    try:
        replica = Replica.create(folder / "m1", daemon, "m1", source.replica_disks, epoch=1)
        for number in range(1, points + 1):
            replica.apply(*source.cycle(f"p{number}", writes=4))
        replica.close()
    finally:
        daemon.stop()
    return folder / "m1", source


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Blocks of three, so that a few points have merged layers of merged layers."""
    monkeypatch.setattr("secondsite.datapath.replica.chain.backing_files.FAN_OUT", 3)


@pytest.fixture
def place(store, tmp_path):
    folder = store / tmp_path.name
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def template(grown, place):
    shutil.copytree(grown[0], place / "m1")
    return place / "m1"


@pytest.fixture
def source(grown):
    return copy.deepcopy(grown[1])


@pytest.fixture
def replica(template, daemon):
    return Replica.open(template, daemon)


def deepest(replica):
    """Files of the longest chain of a point, with an overlay."""
    numbers = [layer.number for layer in replica.state.layers if layer.point_id]
    return 1 + max(len(image.chain(replica.files.layer("sda", number))) for number in numbers)


def test_chains_become_short_and_points_stay_what_they_were(replica, source, tmp_path):
    before = deepest(replica)
    replica.keep_short()
    assert deepest(replica) <= 8 < before
    assert_points_true(replica, source, tmp_path)
    assert not replica.keep_short()
    replica.apply(*source.cycle("next"))
    assert_points_true(replica, source, tmp_path, only=["next"])


def test_whatever_is_dropped_points_stay_true_and_chains_short(place, daemon, tmp_path):
    source, chosen = Source(seed=7, sizes=dict(SIZES)), random.Random(7)
    replica = Replica.create(place / "m1", daemon, "m1", source.replica_disks, epoch=1)
    for number in range(1, 41):
        replica.apply(*source.cycle(f"p{number}", writes=3))
        replica.keep_short()
        if number > 10:
            replica.drop(chosen.choice(replica.point_ids[:-1]))
    assert deepest(replica) <= 10
    assert_points_true(replica, source, tmp_path)
    for point_id in replica.point_ids[:-1]:
        replica.drop(point_id)
    assert len(replica.state.layers) <= 3
    assert len(replica.state.merged) <= 2
    assert_points_true(replica, source, tmp_path)
    replica.close()


def test_what_runs_from_a_point_meanwhile_finds_nothing_below_it_changed(place, daemon, tmp_path):
    """Times of files tell whether somebody else wrote to them; merging leaves those alone that a run
    stands on."""
    source, chosen = Source(seed=9, sizes=dict(SIZES)), random.Random(9)
    replica = Replica.create(place / "m1", daemon, "m1", source.replica_disks, epoch=1)
    for number in range(1, 31):
        replica.apply(*source.cycle(f"p{number}", writes=3))
        if number == 12:
            replica.open_run("drill", "p7")
        if number == 20:
            for path in (place / "m1").rglob("*.qcow2"):
                os.utime(path, (1e9, 1e9))
            replica.accept_bases()
        replica.keep_short()
        if number > 5:
            replica.drop(chosen.choice([each for each in replica.point_ids[:-1] if each != "p7"]))
        assert replica.changed_bases() == ()
    replica.close()


@pytest.mark.parametrize("seed", range(2))
def test_a_disk_that_shrinks_and_grows_at_random_never_shows_again_what_was_cut_off(
    place, daemon, tmp_path, seed
):
    source, chosen = Source(seed=seed, sizes={"sda": 2 * MiB, "sdb": 2 * MiB}), random.Random(seed)
    replica = Replica.create(place / "m1", daemon, "m1", source.replica_disks, epoch=1)
    for number in range(1, 15):
        for key, part in (("sda", 4 * KiB), ("sdb", 512)):
            if chosen.random() < 0.4:
                disk, size = source.disks[key], chosen.randrange(64 * KiB, 3 * MiB, part)
                source.disks[key] = disk[:size] + bytes(max(0, size - len(disk)))
        replica.apply(*source.cycle(f"p{number}", writes=4))
        replica.keep_short()
        if number > 7 and chosen.random() < 0.5:
            replica.drop(chosen.choice(replica.point_ids[:-1]))
    assert_points_true(replica, source, tmp_path)
    replica.close()


def test_a_disk_that_shrank_by_whole_tables_is_merged(place, tmp_path):
    """A table tells of 1 GiB."""
    options = ["-f", "qcow2", "-o", image.OVERLAY_OPTIONS]
    below, large, small = (place / f"{name}.qcow2" for name in ("below", "large", "small"))
    qemu_img("create", *options, below, "3G")
    for path, lower, size in ((large, below, "3G"), (small, large, "1M")):
        qemu_img("create", *options, "-u", "-F", "qcow2", "-b", lower, path, size)
    write_image(large, "64k", "2500M")
    write_image(small, "64k", "512k")
    qcow2_sum.make(place / "sum.qcow2", str(below), [small, large])
    assert read_raw(place / "sum.qcow2", tmp_path) == read_raw(small, tmp_path)


@pytest.mark.parametrize(
    ("made", "tables"),
    [
        (["-f", "qcow2", "-o", image.OVERLAY_OPTIONS], 4),
        (["-f", "qcow2", "-o", "cluster_size=4k"], 4),
        (["-f", "qcow2", "-o", "compat=0.10"], 6),
        (["-f", "raw"], 6),
    ],
)
def test_what_a_shrinking_cut_off_stays_cut_off_whatever_lies_below(place, made, tables):
    """And a table is written only where something may be below."""
    options = ["-f", "qcow2", "-o", image.OVERLAY_OPTIONS, "-u", "-F"]
    bottom, below, small, large = (place / f"{name}.img" for name in ("bottom", "below", "small", "large"))
    qemu_img("create", *made, bottom, "6G")
    for at in ("64k", "2500M", "5G"):
        write_image(bottom, "64k", at, image_format=made[1])
    for path, under, kind, size in (
        (below, bottom, made[1], "6G"),
        (small, below, "qcow2", "2M"),
        (large, small, "qcow2", "6G"),
    ):
        qemu_img("create", *options, kind, "-b", under, path, size)
    write_image(large, "64k", "4G")
    qcow2_sum.make(place / "sum.img", str(below), [large, small])
    image.check(place / "sum.img")
    qemu_img("compare", "-f", "qcow2", "-F", "qcow2", place / "sum.img", large)
    assert (place / "sum.img").stat().st_blocks * 512 <= (tables + 4) * 128 * KiB


def test_a_thin_disk_of_tebibytes_that_shrank_and_grew_costs_what_it_holds(place):
    options = ["-f", "qcow2", "-o", image.OVERLAY_OPTIONS]
    below, small, large = (place / f"{name}.qcow2" for name in ("below", "small", "large"))
    qemu_img("create", *options, below, "8T")
    for path, under, size in ((small, below, "1G"), (large, small, "8T")):
        qemu_img("create", *options, "-u", "-F", "qcow2", "-b", under, path, size)
        write_image(path, "64k", "128k")
    write_image(below, "64k", "7T")
    tracemalloc.start()
    qcow2_sum.make(place / "sum.qcow2", str(below), [large, small])
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 8 * MiB
    assert (place / "sum.qcow2").stat().st_blocks * 512 < 1 * MiB


def test_merging_beside_the_others_survives_a_death_at_every_seam(small, place, daemon, tmp_path):
    shutil.copytree(small[0], place / "m1")

    def check(replica, done):
        assert_points_true(replica, small[1], tmp_path, only=["p4", "p9", "p11"])
        if done:
            assert deepest(replica) <= 9

    sweep(place / "m1", daemon, lambda replica: replica.keep_short(), check, at_least=9)


def test_dropping_beside_merged_layers_survives_a_death_at_every_seam(small, place, daemon, tmp_path):
    shutil.copytree(small[0], place / "m1")
    replica = Replica.open(place / "m1", daemon)
    replica.keep_short()
    replica.close()

    def drop(replica):
        for number in (4, 3, 2):
            replica.drop(f"p{number}")

    def check(replica, done):
        assert_points_true(replica, small[1], tmp_path, only=["p1", "p6", "p11"])

    sweep(place / "m1", daemon, drop, check, at_least=9)


def test_a_machine_on_a_point_between_is_committed_and_turned(replica, source, daemon, tmp_path):
    replica.keep_short()
    replica.drop("p1")
    overlay = replica.open_run("failover", "p9")["sda"]
    write_image(overlay, "64k", "128k")
    ran = source.points["p9"] | {"sda": read_raw(overlay, tmp_path)}
    replica.settle("failover")
    assert read_raw(overlay, tmp_path) == ran["sda"]
    replica.rebase_from_run("failover", epoch=2)
    back = Source(seed=9, epoch=2)
    back.disks = {key: bytearray(data) for key, data in ran.items()}
    for number in range(1, 8):
        replica.apply(*back.cycle(f"q{number}"))
        replica.keep_short()
    replica.drop("q2")
    assert_points_true(replica, back, tmp_path)


def test_nothing_changes_below_a_machine_that_runs(replica, daemon, source, tmp_path):
    overlay = replica.open_run("drill", f"p{POINTS}")["sda"]
    hypervisor = StorageDaemon(tmp_path / "hypervisor")
    try:
        hypervisor.serve(overlay, "vm", writable=True)
        replica.keep_short()
        replica.drop("p5")
    finally:
        hypervisor.stop()
    assert read_raw(overlay, tmp_path) == source.points[f"p{POINTS}"]["sda"]
    replica.close_run("drill")
    assert deepest(replica) <= 10
    assert_points_true(replica, source, tmp_path)


def test_points_that_are_kept_elsewhere_stay_true(replica, place, daemon, source, tmp_path):
    replica.share(place / "before")
    replica.keep_short()
    replica.share(place / "after")
    for number in range(2, 12):
        replica.drop(f"p{number}")
    for name in ("before", "after"):
        kept = Replica.open(place / name, daemon)
        assert_points_true(kept, source, tmp_path)
        assert kept.open_run("restored", "p7")
        kept.close()


def test_a_copy_of_a_store_starts_what_it_holds(replica, daemon, source, tmp_path):
    """On a file system that shares nothing: the copy is larger, and as true."""
    replica.keep_short()
    replica.close()
    shutil.copytree(replica.files.root, tmp_path / "copy")
    other = Replica.open(tmp_path / "copy", daemon)
    for number in (3, 4, 8):
        other.drop(f"p{number}")
    assert_points_true(other, source, tmp_path)


def test_a_layer_that_names_a_strange_file_starts_nothing(replica, tmp_path):
    replica.keep_short()
    replica.close()
    (tmp_path / "secrets").write_bytes(bytes(1 * MiB))
    path = replica.files.layer("sda", 9)
    qemu_img("rebase", "-u", "-F", "raw", "-b", tmp_path / "secrets", path)
    with pytest.raises(errors.ImageProblem, match="somebody has changed it"):
        replica.open_run("drill", "p9")
    assert replica.open_run("drill", "p2")["sda"].exists()


@pytest.mark.parametrize("named", ["000009.qcow2", "000010.qcow2", "0000008.qcow2", "000001-000008.qcow2"])
def test_a_layer_that_names_itself_a_later_one_or_none_of_the_record_starts_nothing(
    replica, source, tmp_path, named
):
    replica.keep_short()
    replica.close()
    path = replica.files.layer("sda", 9)
    shutil.copy(replica.files.layer("sda", 8), path.with_name("0000008.qcow2"))
    qemu_img("rebase", "-u", "-F", "qcow2", "-b", named, path)
    with pytest.raises(errors.ImageProblem, match="somebody has changed it"):
        replica.open_run("drill", "p9")
    assert_points_true(replica, source, tmp_path, only=["p2"])


def test_a_store_of_a_release_with_smaller_blocks_becomes_shorter_and_stays_true(
    replica, source, tmp_path, monkeypatch
):
    while replica.keep_short():
        pass
    monkeypatch.setattr("secondsite.datapath.replica.chain.backing_files.FAN_OUT", FAN_OUT)
    for number in range(POINTS + 1, POINTS + 6):
        replica.apply(*source.cycle(f"p{number}", writes=4))
        while replica.keep_short():
            pass
    assert len(image.chain(replica.files.layer("sda", replica.state.layers[-2].number))) <= 5
    assert_points_true(replica, source, tmp_path)


def test_where_parts_of_files_are_not_shared_nothing_is_made(grown, daemon, source, tmp_path):
    shutil.copytree(grown[0], tmp_path / "m1")
    replica = Replica.open(tmp_path / "m1", daemon)
    if replica.keep_short():
        pytest.skip("this file system shares parts of files")
    assert replica.state.merged == ()
    assert not list(replica.files.disk("sda").glob("*-*"))
    assert_points_true(replica, source, tmp_path, only=["p9"])


def test_layers_of_another_kind_are_refused_and_nothing_is_left(place, tmp_path):
    odd = place / "odd.qcow2"
    qemu_img("create", "-f", "qcow2", odd, "1M")
    qemu_img("create", "-f", "qcow2", place / "base.qcow2", "1M")
    with pytest.raises(qcow2_sum.CannotShare):
        qcow2_sum.make(place / "sum.qcow2", "base.qcow2", [odd])


@pytest.mark.parametrize("of", ["layer", "below"])
@pytest.mark.parametrize(
    ("offset", "form", "value"),
    [
        (20, ">I", 0xFFFFFFFF),  # bits of a cluster
        (24, ">Q", (1 << 63) + 512),  # bytes of the disk
        (36, ">I", 0xFFFFFFFF),  # entries of the first table
        (40, ">Q", 1 << 62),  # where it is
        (8, ">Q", 1 << 62),  # where the name below is
    ],
)
def test_a_header_that_says_more_than_there_can_be_costs_no_memory(place, of, offset, form, value):
    options = ["-f", "qcow2", "-o", image.OVERLAY_OPTIONS]
    paths = {name: place / f"{name}.qcow2" for name in ("below", "small", "layer")}
    qemu_img("create", *options, paths["below"], "3G")
    for name, under, size in (("small", "below", "1G"), ("layer", "small", "3G")):
        qemu_img("create", *options, "-u", "-F", "qcow2", "-b", paths[under], paths[name], size)
    with paths[of].open("r+b") as file:
        file.seek(offset)
        file.write(struct.pack(form, value))
    tracemalloc.start()
    with contextlib.suppress(errors.ImageProblem):
        qcow2_sum.make(place / "sum.qcow2", str(paths["below"]), [paths["layer"], paths["small"]])
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 64 * MiB


@pytest.mark.parametrize(("points", "most"), [(50, 5), (200, 6), (500, 6), (1000, 6)])
def test_a_chain_has_a_file_for_each_digit_of_its_number(points, most, monkeypatch):
    monkeypatch.setattr("secondsite.datapath.replica.chain.backing_files.FAN_OUT", FAN_OUT)
    chain, longest = [ChainFile("b", NOWHERE), ChainFile("1", NOWHERE)], 0
    for number in range(2, points + 2):
        chain.append(ChainFile(str(number), NOWHERE))
        while block := window(chain, range(1, number)):
            first, end = block
            low, high = chain[first].name.partition("-")[0], chain[end - 1].name.rpartition("-")[2]
            chain[first:end] = [ChainFile(f"{low}-{high}", NOWHERE)]
        longest = max(longest, len(chain))
    assert longest <= most


@pytest.mark.longest
@pytest.mark.timeout(600)
@pytest.mark.every(by="test")
def test_every_one_of_two_hundred_points_is_bit_for_bit_what_it_was(
    store, place, daemon, tmp_path, monkeypatch
):
    monkeypatch.setattr("secondsite.datapath.replica.chain.backing_files.FAN_OUT", FAN_OUT)
    source = Source(seed=11, sizes={"sda": 1 * MiB})
    replica = Replica.create(place / "m1", daemon, "m1", source.replica_disks, epoch=1)
    for number in range(1, 201):
        replica.apply(*source.cycle(f"p{number}", writes=3, taken_at="2026-11-20T08:00:00+00:00"))
        replica.keep_short()
    assert deepest(replica) <= 7
    for layer in replica.state.layers[:-1]:
        held = read_raw(replica.files.layer("sda", layer.number), tmp_path)
        assert held == source.points[layer.point_id]["sda"], layer
    replica.close()
