"""Replication leaves the last of a store to the starts of its machines."""

import contextlib
import os

import pytest

from rig.appliances import Pair, runs
from rig.errors import OrderFailed
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.target import stores as rooms
from secondsite.ground.units import KiB, MiB
from secondsite.wire.control.checks import CheckTarget, MemoryNeed
from secondsite.wire.control.orders import Kind

pytestmark = pytest.mark.slow
TO_START = CheckTarget(must_hold_replica=True, memory=MemoryNeed(memory_bytes=1))


@pytest.fixture
def disk(small):
    return small("small", 100 * MiB)


@pytest.fixture
def pair(make_site, disk):
    """A machine with a point; the loop rests, and no kept cycle can be given up."""
    a, b = make_site("a").start(), make_site("b", store=disk / "store").start()
    found = Pair(a, b, a.make_machine()).protect().synchronized()
    found.pause()
    b.replica(found.machine_id).replica.journal.clear()
    yield found
    b.stop()


def fill(folder, but_bytes=0):
    """Nothing is left but so many bytes."""
    with (folder / "foreign").open("ab") as file, contextlib.suppress(OSError):
        seen = os.statvfs(folder)
        os.posix_fallocate(file.fileno(), 0, seen.f_bavail * seen.f_frsize - but_bytes)


def reserve_of(pair):
    return pair.target.appliance.host.stores.default.reserve


def obstacles(pair):
    return pair.target.do(Kind.CHECK_TARGET, TO_START, pair.machine_id)["obstacles"]


def point_of(pair):
    return pair.status().points[-1].id


def test_a_machine_is_failed_over_from_a_store_that_is_full_to_the_last_byte(pair, disk):
    fill(disk)
    assert reserve_of(pair).held_bytes > MiB
    assert not any(each["blocking"] for each in obstacles(pair) if "left" in each["what"])
    runs.start(pair, "failover", point_of(pair))
    assert reserve_of(pair).held_bytes == 0


def test_after_a_crash_on_a_full_store_what_was_kept_is_kept_again(pair, disk):
    fill(disk)
    reserve_of(pair).release()
    pair.target.appliance.host.stores.keep_reserves()
    assert reserve_of(pair).held_bytes > MiB
    runs.start(pair, "failover", point_of(pair))
    pair.target.appliance.host.stores.keep_reserves()
    assert reserve_of(pair).held_bytes == 0, "the machine that runs there needs it"


def test_a_drill_does_not_take_what_a_failover_needs(pair, disk):
    fill(disk)
    with pytest.raises(OrderFailed, match="store-full"):
        runs.start(pair, "drill", point_of(pair))
    assert reserve_of(pair).held_bytes > MiB


def test_a_check_names_the_store_that_has_too_little_left_for_a_start(pair, disk):
    reserve_of(pair).release()
    fill(disk, 40 * KiB)
    (said,) = (each for each in obstacles(pair) if "left" in each["what"])
    assert said["blocking"]
    assert said["what"].startswith("Store 'default' has ")
    assert "a start of web01 needs" in said["what"]
    assert str(disk / "store") in said["do"]


def test_a_check_warns_of_a_store_in_which_a_started_machine_soon_stands_still(pair, disk):
    reserve_of(pair).release()
    fill(disk, 1200 * KiB)
    (said,) = (each for each in obstacles(pair) if "left" in each["what"])
    assert not said["blocking"]


def test_cycles_are_not_taken_while_the_reserve_could_not_be_made_and_go_on_with_room(pair, disk):
    reserve_of(pair).release()
    fill(disk, 1500 * KiB)
    pair.source.write(pair.fabric_id, 0, noise(64 * KiB))
    pair.source.do(Kind.START_REPLICATION, pair.source_setup(), pair.machine_id)

    def told():
        return {each.code: each.what for each in pair.source_status().findings}.get("target-store-full")

    what = eventually(told, 30)
    assert what.startswith("store 'default' at the target has ")
    assert what.endswith("are kept for the start of its machines.")
    (disk / "foreign").unlink()
    eventually(lambda: told() is None, 40)
    pair.target.appliance.host.stores.empty_trash()
    assert reserve_of(pair).held_bytes > MiB


def test_a_start_of_many_disks_needs_more():
    assert rooms.reserved_space.needed_bytes(2) == 3 * rooms.reserved_space.OVERLAY_BYTES


def test_a_check_of_a_full_store_stops_a_planned_move_and_warns_before_one_in_need(pair, disk):
    fill(disk)
    for blocking in (False, True):
        wanted = CheckTarget(must_hold_replica=True, memory=MemoryNeed(memory_bytes=1, blocking=blocking))
        found = pair.target.do(Kind.CHECK_TARGET, wanted, pair.machine_id)["obstacles"]
        (said,) = (each for each in found if "full but for" in each["what"])
        assert said["blocking"] is blocking
        assert "web01" in said["what"]
