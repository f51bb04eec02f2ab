"""What no bitmap tells is found by comparing whole disks: a point that was made so says it, a guest that runs
meanwhile is read no faster than the appliance may, and how long it takes is told from how fast it went."""

import pytest

from rig.appliances import DISK_BYTES, Pair
from rig.noise import noise
from secondsite.appliance.source.pace import Pace
from secondsite.appliance.source.progress import DiskPass, SourceProgress
from secondsite.datapath.transfer import compare
from secondsite.fabrics import simulated
from secondsite.ground.units import MiB
from secondsite.wire.common.sync_mode import SyncMode
from secondsite.wire.control.orders import Kind, RunCycle

pytestmark = pytest.mark.slow


@pytest.fixture
def read(monkeypatch, sites):
    """A full machine that is replicated, and how much was read of its disk under the limit."""
    a, b = sites
    pair = Pair(a, b, a.make_machine(own_daemon=True))
    a.write(pair.fabric_id, 0, noise(DISK_BYTES))
    pair.protect().synchronized()
    read: list[int] = []
    monkeypatch.setattr(a.appliance.replication.cycles, "_compare_limit", read.append)
    return pair, read


def compared(pair, point_id):
    return {point.id: point.compared for point in pair.status().points}[point_id]


def test_a_point_made_by_a_comparison_says_so_and_the_next_one_does_not(read):
    pair, limited = read
    assert not compared(pair, pair.point_now())
    assert not limited, "deltas are read as fast as they can be"
    simulated.kill(pair.source.root, pair.fabric_id)  # its bitmaps are lost
    pair.source.fabric.power.start(pair.fabric_id)
    pair.point_now()
    assert [point.compared for point in pair.status().points].count(True) == 1
    assert sum(limited) == DISK_BYTES
    pair.source.write(pair.fabric_id, MiB, noise(MiB, seed=2))
    assert not compared(pair, pair.point_now())
    assert sum(limited) == DISK_BYTES


def test_a_disk_is_compared_at_full_speed_while_no_guest_is_hurt_by_it(read):
    pair, limited = read
    pair.pause()
    simulated.kill(pair.source.root, pair.fabric_id)
    facts = pair.source.do(Kind.RUN_CYCLE, RunCycle(final=True), pair.machine_id, deadline_seconds=60)
    assert facts["point_id"]
    assert limited == []


def test_what_is_done_of_a_slice_is_told_before_it_has_arrived(read, monkeypatch):
    pair, _limited = read
    source = pair.source.appliance.replication.get(pair.machine_id)
    told: list[float] = []
    monkeypatch.setattr(compare, "REGION_BYTES", MiB)
    real = source.passed

    def passed(done):
        real(done)
        if (fraction := source.status().sync_fraction) is not None:
            told.append(fraction)

    monkeypatch.setattr(source, "passed", passed)
    simulated.kill(pair.source.root, pair.fabric_id)
    pair.source.fabric.power.start(pair.fabric_id)
    pair.point_now()
    assert [each for each in told if 0.1 < each < 0.9], "one slice has all of the disk"
    assert told == sorted(told)
    assert pair.source_status().sync_fraction is None


def test_how_fast_changes_are_sent_makes_no_slice_larger(read):
    pair, _limited = read
    source = pair.source.appliance.replication.get(pair.machine_id)
    before = source.slice_bytes
    for seed in range(3):
        pair.source.write(pair.fabric_id, MiB, noise(MiB, seed=seed + 5))
        pair.point_now()
    assert source.slice_bytes == before


def at(*positions, size=1000):
    passes = {
        f"vd{number}": DiskPass(mode=SyncMode.COMPARE, position=position, size_bytes=size)
        for number, position in enumerate(positions)
    }
    return SourceProgress(passes=passes)


def test_how_long_it_takes_is_not_told_without_a_pass_or_before_its_pace_is_known():
    pace = Pace()
    assert pace.seconds_left(SourceProgress(), 100) is None
    assert pace.seconds_left(at(0, size=0), 100) is None
    assert pace.seconds_left(at(0), 100) is None
    assert pace.seconds_left(at(0), 110) is None


def test_what_is_done_of_a_slice_counts_for_its_pace():
    pace = Pace()
    pace.seconds_left(at(0), 100)
    assert pace.seconds_left(at(0), 110, 500) == pytest.approx(10)
    assert pace.seconds_left(at(500), 110, 900) == 0


def test_what_is_left_takes_as_long_as_as_much_took():
    pace = Pace()
    pace.seconds_left(at(0, 500), 100)
    assert pace.seconds_left(at(500, 500), 110) == pytest.approx(20)
    assert pace.seconds_left(at(900), 130) == pytest.approx(30 * 100 / 1400)


def test_a_pass_that_begins_anew_is_timed_anew():
    pace = Pace()
    pace.seconds_left(at(0), 100)
    assert pace.seconds_left(at(900), 110) == pytest.approx(10 / 9)
    assert pace.seconds_left(SourceProgress(), 110) is None
    assert pace.seconds_left(at(0), 1000) is None
    assert pace.seconds_left(at(100), 1010) == pytest.approx(90)
