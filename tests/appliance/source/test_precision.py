"""What travels is what changed: the digest cache of a source, with real disks, real appliances and real
deaths."""

import os
import random
from typing import Any

import pytest

from rig.appliances import DISK_BYTES, Pair
from rig.dying import Killed
from rig.eventually import eventually
from rig.noise import noise
from secondsite.datapath.extents import BLOCK_BYTES, PAGE_BYTES
from secondsite.ground import seams
from secondsite.ground.units import KiB, MiB
from secondsite.wire.control import Order
from secondsite.wire.control.orders import Kind, RunCycle

pytestmark = pytest.mark.slow

PAGES = DISK_BYTES // PAGE_BYTES


@pytest.fixture
def quiet(pair):
    """A synchronized machine with a full disk; cycles come on order only."""
    pair.source.write(pair.fabric_id, 0, noise(DISK_BYTES))
    pair.protect().synchronized()
    pair.source.do(Kind.PAUSE_REPLICATION, machine_id=pair.machine_id)
    return pair


def same(pair):
    return pair.target.point_bytes(pair.machine_id, pair.point_now()) == pair.source.read(pair.fabric_id)


def cycle(pair):
    return pair.source.do(Kind.RUN_CYCLE, RunCycle(), pair.machine_id)


def scatter(pair, count, seed):
    rng = random.Random(seed)
    for page in rng.sample(range(PAGES), count):
        pair.source.write(pair.fabric_id, page * PAGE_BYTES, rng.randbytes(PAGE_BYTES))


def cut_off(pair, kill):
    """A cycle that ends as `kill -9` would end it, and the appliance started again."""
    order = Order(order_id=os.urandom(8).hex(), kind=Kind.RUN_CYCLE, machine_id=pair.machine_id)
    died = False
    with seams.armed(kill):
        try:
            pair.source.appliance.perform(order)
        except Killed:
            died = True
    if died:
        pair.source.stop()
        pair.source.start()
        pair.source.do(Kind.PAUSE_REPLICATION, machine_id=pair.machine_id)
    return died


def test_scattered_pages_travel_as_pages(quiet):
    cycle(quiet)
    scatter(quiet, 30, seed=1)
    fact = cycle(quiet)
    assert fact["changed_bytes"] == 30 * PAGE_BYTES
    assert fact["wire_bytes"] < 1.1 * 30 * PAGE_BYTES
    assert same(quiet)
    verdict = quiet.target.replica(quiet.machine_id).replica.verify(fact["point_id"])
    assert verdict.ok, "the digests of blocks that were written in part are those of their content"


def test_what_is_written_again_as_it_was_does_not_travel(quiet):
    content = noise(MiB)
    quiet.source.write(quiet.fabric_id, 2 * MiB, content)
    cycle(quiet)
    quiet.source.write(quiet.fabric_id, 2 * MiB, content)
    assert cycle(quiet)["changed_bytes"] == 0
    assert same(quiet)


def test_pages_of_zeros_and_discards_stay_holes_at_the_target(quiet):
    cycle(quiet)
    before = quiet.target.replica(quiet.machine_id).replica.stats().stored_bytes
    for page in range(0, 512, 2):
        quiet.source.write(quiet.fabric_id, page * PAGE_BYTES, bytes(PAGE_BYTES))
    quiet.source.write(quiet.fabric_id, 4 * MiB, bytes(2 * MiB))
    fact = cycle(quiet)
    assert fact["wire_bytes"] < 16 * KiB
    assert same(quiet)
    after = quiet.target.replica(quiet.machine_id).replica.stats().stored_bytes
    assert after - before < 2 * MiB


def test_death_at_every_seam_of_a_cycle_leaves_the_next_point_true(quiet):
    """Every write returns pages to what the target once held, which a wrong cache would leave out."""
    contents = [random.Random(seed).randbytes(64 * KiB) for seed in (1, 2)]
    places = [MiB, 3 * MiB + 4 * KiB]
    for place in places:
        quiet.source.write(quiet.fabric_id, place, contents[0])
    cycle(quiet)
    seen, reach = set(), 0
    while True:
        reach += 1
        passed: list[Any] = []

        def kill(name, passed=passed, reach=reach):
            if name.startswith(("digests.", "appliance.cycle.", "appliance.state.")):
                passed.append(name)
                if len(passed) == reach:
                    seen.add(name)
                    raise Killed

        for place in places:
            quiet.source.write(quiet.fabric_id, place, contents[reach % 2])
        if not cut_off(quiet, kill):
            break
        quiet.source.write(quiet.fabric_id, places[0], contents[(reach + 1) % 2])
        assert same(quiet), f"died at {passed[-1]}"
    assert {"digests.intended", "digests.synced", "digests.committed", "appliance.cycle.acknowledged"} <= seen


def test_a_lost_database_brings_no_old_cache_back(quiet):
    cycle(quiet)
    source = quiet.source
    source.stop()
    for path in source.config.home.glob("appliance.db*"):
        path.unlink()
    source.start()
    source.write(quiet.fabric_id, MiB, noise(64 * KiB))
    Pair.protect(quiet)
    eventually(lambda: not quiet.source_status().sync_mode, 20)
    assert same(quiet)


def test_a_cache_that_cannot_be_kept_costs_bytes_and_nothing_else(quiet):
    cycle(quiet)
    folder = quiet.source.config.home / "digests" / quiet.machine_id
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.parent.rmdir()
    folder.parent.write_text("in the way")
    scatter(quiet, 3, seed=2)
    fact = cycle(quiet)
    assert fact["changed_bytes"] == 3 * BLOCK_BYTES
    assert same(quiet)


def test_a_lost_bitmap_with_a_percent_changed_costs_little_more_than_that(pair):
    pair.source.write(pair.fabric_id, 0, noise(DISK_BYTES))
    pair.protect().synchronized()
    source = pair.source.appliance.replication.get(pair.machine_id)
    with source.lock("a test", 10):
        before = source.progress.total_wire_bytes
        pair.source.fabric.tracking.acknowledge(pair.fabric_id, None)
        scatter(pair, PAGES // 100, seed=3)
        points = len(pair.status().points)
    eventually(lambda: len(pair.status().points) > points, 20)
    # a cycle more or less may have passed; each costs its headers
    assert source.progress.total_wire_bytes - before < 1.1 * PAGES // 100 * PAGE_BYTES + 32 * KiB
    assert same(pair)


def test_ending_replication_removes_the_cache(quiet):
    cycle(quiet)
    folder = quiet.source.config.home / "digests" / quiet.machine_id
    assert {path.name for path in folder.iterdir()} == {"record", "vda.x3"}
    source = quiet.source.appliance.replication
    with source.get(quiet.machine_id).lock("a test", 10):
        source.remove(source.get(quiet.machine_id))
    assert not folder.exists()
