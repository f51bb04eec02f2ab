"""A replica that lives long: points come, retention prunes, and what stays is true and costs what it
holds."""

import random
from pathlib import Path

import pytest

from bench.support import history
from secondsite.datapath.disks import image
from secondsite.datapath.frames.frame import Frame
from secondsite.datapath.replica.chain.chain import ChainFile, close_chains, open_chain
from secondsite.datapath.replica.replica import Replica
from secondsite.ground.units import MINUTE, KiB, MiB
from tests.datapath.support_chain import Source, assert_points_true

PAGE_BYTES = 4 * KiB


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.chaos
def test_a_hundred_points_under_retention_stay_true_and_cost_little_more_than_their_pages(tmp_path):
    load = history.Load(
        points=100, step_seconds=20 * MINUTE, disk_bytes=16 * MiB, pages=128, run_bytes=512 * KiB
    )
    found = history.live(tmp_path, load)
    assert found.false == ()
    assert found.dropped > 60
    assert found.ratio < 1.25


@pytest.mark.slow
def test_a_merged_layer_holds_the_pages_of_both_and_no_more(tmp_path, daemon):
    source = Source(sizes={"sda": 64 * MiB})
    replica = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1)
    for number in range(1, 5):
        _apply_scattered(replica, source, f"p{number}", pages=256, seed=number)
    alone = {point.point_id: point.added_bytes for point in replica.points()}
    assert replica.drop("p2").merged == 1
    merged = {point.point_id: point.added_bytes for point in replica.points()}["p3"]
    assert merged < alone["p2"] + alone["p3"]
    assert_points_true(replica, source, tmp_path)


def test_zeros_of_the_upper_layer_hide_what_the_lower_one_held_after_a_merge(tmp_path, daemon):
    source = Source(sizes={"sda": 4 * MiB})
    replica = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1)
    for point_id, frame in (
        ("p1", Frame(0, 0, 1 * MiB, False, b"a" * MiB)),
        ("p2", Frame(0, 64 * KiB, 512 * KiB, False, b"b" * 512 * KiB)),
        ("p3", Frame(0, 96 * KiB, 8 * KiB, True, b"")),
    ):
        _apply(replica, source, point_id, [frame])
    assert replica.drop("p2").merged == 1
    assert replica.drop("p1").merged == 1
    assert_points_true(replica, source, tmp_path)


@pytest.mark.slow
def test_a_chain_of_four_times_as_many_layers_takes_about_four_times_as_long_to_open(tmp_path, daemon):
    base = tmp_path / "0.qcow2"
    image.create(base, 16 * MiB)
    layers = [ChainFile("0", base)]
    for number in range(1, 200):
        path = tmp_path / f"{number}.qcow2"
        image.create_overlay(path, layers[-1].path, "qcow2", 16 * MiB)
        layers.append(ChainFile(str(number), path))
    daemon.start()
    few, many = (_opening(daemon, f"c{count}-", layers[:count]) for count in (50, 200))
    assert many < 12 * few


def _opening(daemon, prefix, layers):
    """Seconds of the daemon's processor, the least of two times."""
    found = []
    for _ in range(2):
        began = _processor_seconds(daemon)
        open_chain(daemon, prefix, layers, writable=False)
        found.append(_processor_seconds(daemon) - began)
        close_chains(daemon, prefix)
    return min(found)


def _processor_seconds(daemon):
    """By the scheduler's count in nanoseconds: that of ticks is too coarse."""
    tasks = Path(f"/proc/{daemon.pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def _apply_scattered(replica, source, point_id, pages, seed):
    rng = random.Random(seed)
    places = rng.sample(range(len(source.disks["sda"]) // PAGE_BYTES), pages)
    frames = [Frame(0, place * PAGE_BYTES, PAGE_BYTES, False, rng.randbytes(PAGE_BYTES)) for place in places]
    _apply(replica, source, point_id, frames)


def _apply(replica, source, point_id, frames):
    disk = source.disks["sda"]
    for frame in frames:
        disk[frame.offset : frame.offset + frame.length] = bytes(frame.length) if frame.zero else frame.data
    header, _ = source.cycle(point_id, writes=0)
    replica.apply(header, frames)
