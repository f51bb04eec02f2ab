"""File systems that fill up: scratch, inbox and store. The guest writes on, no point is lost, all goes on
with room."""

import contextlib
import os
import time
from typing import Any

import pytest

from rig.appliances import Pair
from rig.errors import OrderFailed
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.source.scratch_reserve import ScratchReserve
from secondsite.ground import seams
from secondsite.ground.units import KiB, MiB
from secondsite.wire.control.orders import Kind, PointOrder, RunCycle
from tests.faults.support_faults import CountingGuest

pytestmark = [pytest.mark.every, pytest.mark.slow, pytest.mark.timeout(240)]


def free_bytes(folder):
    seen = os.statvfs(folder)
    return seen.f_bavail * seen.f_frsize


@contextlib.contextmanager
def filled(folder, but=0):
    """The file system is full but for so many bytes; then there is room again."""
    reserve = folder / "foreign"
    with reserve.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, free_bytes(folder) - but))
    try:
        yield
    finally:
        reserve.unlink()


def codes(pair):
    return {finding.code for finding in (*pair.source_status().findings, *pair.status().findings)}


def next_point(pair):
    try:
        return pair.point_now()
    except (AssertionError, OrderFailed):
        return None


def whole_again(pair):
    """A new point that equals the disk; gives the seconds until it was there."""
    began = time.monotonic()
    point_id = eventually(lambda: next_point(pair), 60)
    seconds = time.monotonic() - began
    assert pair.target.point_bytes(pair.machine_id, point_id) == pair.source.read(pair.fabric_id)
    eventually(lambda: codes(pair) == set(), 30)
    return seconds


@contextlib.contextmanager
def saying(pair):
    """All findings of the source meanwhile, however short they hold."""
    said: set[Any] = set()
    source = pair.source.appliance.replication.get(pair.machine_id)
    with seams.armed(lambda _name: said.update(finding.code for finding in source.findings.all())):
        yield said


# ---- scratch
# ---------------------------------------------------------------------------------------------------------


def a_cycle_is_open(pair):
    """A cycle that will last: a large change over a slow link."""
    pair.source.limit(256 * KiB)
    pair.source.write(pair.fabric_id, 0, noise(8 * MiB))
    eventually(lambda: list(pair.source.config.scratch.iterdir()), 15)


def test_a_guest_that_bursts_is_let_go_before_scratch_space_is_full(make_site, small, figure):
    folder = small("scratch", 96 * MiB)
    a, b = make_site("a", scratch=folder / "scratch").start(), make_site("b").start()
    pair = Pair(a, b, a.make_machine(size_bytes=128 * MiB))
    a.write(pair.fabric_id, 0, noise(128 * MiB))
    pair.protect().synchronized(60)
    with saying(pair) as said:
        a_cycle_is_open(pair)
        guest = CountingGuest(a.root, pair.fabric_id, 1 << 40, span=128 * MiB, block_bytes=1 * MiB)
        least, began = free_bytes(folder), time.monotonic()
        while not list(said & {"scratch-exhausted"}) and time.monotonic() - began < 60:
            least = min(least, free_bytes(folder))
            said |= codes(pair)
        guest.close()
    rate = guest.written_bytes / (time.monotonic() - began)
    figure(burst_bytes_per_second=rate, guest_failures=len(guest.failed), least_free_bytes=least,
           slowest_write_seconds=guest.slowest_seconds)  # fmt: skip
    assert "scratch-exhausted" in said
    assert guest.failed == []
    a.limit(None)
    whole_again(pair)


def test_a_stranger_who_fills_the_scratch_file_system_costs_the_cycle_and_no_write(make_site, small, figure):
    folder = small("scratch", 64 * MiB)
    a, b = make_site("a", scratch=folder / "scratch").start(), make_site("b").start()
    pair = Pair(a, b, a.make_machine(size_bytes=64 * MiB))
    a.write(pair.fabric_id, 0, noise(60 * MiB))
    pair.protect().synchronized(60)
    with saying(pair) as said:
        a_cycle_is_open(pair)
        guest = CountingGuest(a.root, pair.fabric_id, 4 * MiB, span=60 * MiB, block_bytes=256 * KiB)
        eventually(lambda: guest.written_bytes > 2 * MiB)
        with filled(folder, but=2 * MiB):
            eventually(lambda: "scratch-exhausted" in said | codes(pair), 30)
            guest.close()
        a.limit(None)
        seconds = whole_again(pair)
    figure(guest_failures=len(guest.failed), seconds_until_replication_goes_on=seconds)
    assert guest.failed == []


def test_scratch_files_that_an_owner_removes_cost_the_cycle_and_no_write(make_site, small, figure):
    folder = small("scratch", 64 * MiB)
    a, b = make_site("a", scratch=folder / "scratch").start(), make_site("b").start()
    pair = Pair(a, b, a.make_machine(size_bytes=128 * MiB))
    a.write(pair.fabric_id, 0, noise(128 * MiB))
    pair.protect().synchronized(60)
    a_cycle_is_open(pair)
    for scratch in (folder / "scratch").iterdir():
        scratch.unlink()  # the file stays open, so it goes on growing without a name
    guest = CountingGuest(a.root, pair.fabric_id, 8 * MiB, span=128 * MiB, block_bytes=256 * KiB)
    eventually(lambda: guest.written_bytes > 96 * MiB, 60)
    guest.close()
    figure(guest_failures=len(guest.failed), slowest_write_seconds=guest.slowest_seconds)
    assert guest.failed == []
    a.limit(None)
    whole_again(pair)


def test_ballast_is_room_that_nobody_else_can_take(small):
    folder = small("scratch", 32 * MiB)
    reserve = ScratchReserve(folder, 1024 * MiB)
    reserve.fill()
    held = reserve.size_bytes
    assert 3 * MiB < held <= 4 * MiB
    assert list(folder.iterdir()) == []
    with filled(folder):
        assert free_bytes(folder) < 64 * KiB
        reserve.release()
        assert free_bytes(folder) >= held
        reserve.fill()
        assert reserve.size_bytes == 0, "it was given away a moment ago"


def test_a_scratch_file_system_that_is_full_from_the_start_is_said_and_the_guest_writes_on(
    make_site, small, figure
):
    folder = small("scratch", 16 * MiB)
    a, b = make_site("a", scratch=folder / "scratch").start(), make_site("b").start()
    pair = Pair(a, b, a.make_machine())
    pair.protect().synchronized()
    pair.source.do(Kind.PAUSE_REPLICATION, machine_id=pair.machine_id)
    a.appliance.replication._guard._reserve.release()  # noqa: SLF001 what happens a moment before
    a.write(pair.fabric_id, 0, noise(MiB, seed=3))  # who wrote nothing needs no view, and no scratch space
    with filled(folder):
        pair.source.do(Kind.START_REPLICATION, pair.source_setup(), pair.machine_id)
        eventually(lambda: codes(pair), 30)
        a.write(pair.fabric_id, 0, noise(2 * MiB))
    figure(seconds_until_replication_goes_on=whole_again(pair))


# ---- inbox and store
# -------------------------------------------------------------------------------------------------


def test_an_inbox_without_room_keeps_all_points_and_the_cycle_comes_again(make_site, figure):
    a, b = make_site("a").start(), make_site("b", inbox_budget_bytes=2 * MiB).start()
    pair = Pair(a, b, a.make_machine())
    pair.protect().synchronized()
    points = {point.id for point in pair.status().points}
    with saying(pair) as said, b.replica(pair.machine_id).lock("a test", 10):
        a.write(pair.fabric_id, 0, noise(1 * MiB))
        a.do(Kind.RUN_CYCLE, RunCycle(), pair.machine_id)
        a.write(pair.fabric_id, 1 * MiB, noise(6 * MiB))
        eventually(lambda: "target-store-full" in said | codes(pair), 30)
    figure(seconds_until_replication_goes_on=whole_again(pair), points_lost=0)
    assert points <= {point.id for point in pair.status().points}


def test_a_store_that_is_full_keeps_all_points_and_goes_on_with_room(make_site, small, figure):
    folder = small("store", 64 * MiB)
    a, b = make_site("a").start(), make_site("b", store=folder / "store").start()
    pair = Pair(a, b, a.make_machine())
    pair.protect().synchronized()
    a.write(pair.fabric_id, 0, noise(1 * MiB))
    kept = {pair.point_now(): a.read(pair.fabric_id)}
    guest = CountingGuest(a.root, pair.fabric_id, 2 * MiB, span=8 * MiB)
    try:
        with filled(folder, but=512 * KiB):
            eventually(lambda: "target-store-full" in codes(pair), 40)
    finally:
        guest.close()
    seconds = whole_again(pair)
    for point_id, content in kept.items():
        assert b.point_bytes(pair.machine_id, point_id) == content
    figure(guest_failures=len(guest.failed), points_lost=0, seconds_until_replication_goes_on=seconds)
    assert guest.failed == []
    b.stop()


def test_an_appliance_starts_on_a_full_store_and_reads_its_points(make_site, small):
    folder = small("store", 64 * MiB)
    a, b = make_site("a").start(), make_site("b", store=folder / "store").start()
    pair = Pair(a, b, a.make_machine()).protect().synchronized()
    a.write(pair.fabric_id, 0, noise(1 * MiB))
    point_id = pair.point_now()
    b.stop()
    with filled(folder):
        b.start()
        b.do(Kind.VERIFY_POINT, PointOrder(point_id=point_id), pair.machine_id)
    whole_again(pair)
    b.stop()
