"""A rolling scan passes over every block, in its time, and knows since when a block may differ."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain.machines import rolling_scan
from secondsite.domain.machines.rolling_scan import Moment, Portion, RollingScan
from secondsite.ground.units import DAY, GiB, MiB, TiB

START = datetime(2026, 11, 20, tzinfo=UTC)
FIRST, BEGAN = Moment(3, START), Moment(7, START - timedelta(days=10))


def at(minute):
    return START + timedelta(minutes=minute)


def moment(minute):
    return Moment(100 + minute, at(minute))


BLOCK = rolling_scan.BLOCK_BYTES
sizes = st.dictionaries(st.sampled_from(["sda", "sdb", "sdc"]), st.integers(1, 50 * BLOCK), min_size=1)


def blocks_of(disk, offset, length):
    """The blocks of a range that begins and ends at blocks."""
    assert offset % BLOCK == 0
    return {(disk, number) for number in range(offset // BLOCK, -(-(offset + length) // BLOCK))}


@given(sizes, st.lists(st.integers(1, 20 * BLOCK), min_size=200, max_size=200), st.booleans())
def test_a_pass_compares_every_block_once_and_the_next_one_begins_where_it_ended(disks, steps, began):
    scan = RollingScan(1)
    seen: set[tuple[str, int]] = set()
    if began:  # an earlier pass was broken off by nothing
        scan = RollingScan(1, whole_since=FIRST, ended_at=START - timedelta(days=1))
    for minute, most in enumerate(steps):
        portion = rolling_scan.following(scan, disks, most)
        assert portion
        assert 0 < portion.length <= max(most, BLOCK)
        blocks = blocks_of(portion.disk, portion.offset, portion.length)
        assert not blocks & seen
        seen |= blocks
        scan = rolling_scan.advanced(scan, disks, portion, moment(minute), at(minute + 1))
        if scan.ended_at == at(minute + 1):
            break
        assert 0 < rolling_scan.fraction(scan, disks) < 1
    assert seen == {each for disk, size in disks.items() for each in blocks_of(disk, 0, size)}
    assert scan.whole_since == moment(0)
    assert (scan.disk, scan.offset, scan.began) == ("", 0, None)


@given(sizes, st.sampled_from(["", "sda", "sdb", "sdz"]), st.integers(0, 100))
def test_wherever_it_stood_as_disks_went_or_shrank_it_goes_on_with_a_block_that_is_there(disks, disk, offset):
    portion = rolling_scan.following(RollingScan(1, disk, offset * 32768), disks, 10)
    assert portion
    assert 0 <= portion.offset < portion.offset + portion.length <= disks[portion.disk]
    assert portion.offset % BLOCK == 0


def test_without_a_disk_there_is_nothing_to_compare():
    assert rolling_scan.following(RollingScan(1), {}, GiB) is None


def test_as_much_is_due_as_its_share_of_a_day_but_neither_too_little_nor_too_much_at_once():
    assert rolling_scan.due_bytes(TiB, 5, 100) == pytest.approx(TiB * 0.05 * 100 / DAY, rel=0.01)
    assert rolling_scan.due_bytes(TiB, 5, 59) == 0
    assert rolling_scan.due_bytes(TiB, 0, DAY) == 0
    assert rolling_scan.due_bytes(GiB, 5, 100) == 0
    assert rolling_scan.due_bytes(GiB, 5, 2000) >= MiB
    assert rolling_scan.due_bytes(TiB, 100, DAY) == rolling_scan.MOST_BYTES


def test_a_block_was_equal_when_the_last_whole_pass_or_copy_of_its_disk_began():
    assert rolling_scan.equal_until(RollingScan(1), None) is None
    assert rolling_scan.equal_until(RollingScan(1), BEGAN) == BEGAN
    assert rolling_scan.equal_until(RollingScan(1, whole_since=FIRST), BEGAN) == BEGAN
    assert rolling_scan.equal_until(RollingScan(1, whole_since=BEGAN), FIRST) == BEGAN
    running = RollingScan(1, "sda", 5, began=moment(5), whole_since=FIRST)
    assert rolling_scan.equal_until(running, None) == FIRST, "the running pass was not there yet"


def test_points_of_later_cycles_of_the_same_history_are_doubtful():
    assert rolling_scan.is_doubtful(1, 8, 1, BEGAN.seq)
    assert not rolling_scan.is_doubtful(1, 7, 1, BEGAN.seq), "then all was equal"
    assert not rolling_scan.is_doubtful(2, 8, 1, 0), "another source made it"


def test_a_disk_that_comes_before_where_the_scan_is_waits_for_the_next_pass():
    disks = {"sdb": 4 * BLOCK}
    scan = rolling_scan.advanced(RollingScan(1), disks, Portion("sdb", 0, 2 * BLOCK), moment(0), at(1))
    disks["sda"] = 3 * BLOCK
    assert rolling_scan.following(scan, disks, GiB) == Portion("sdb", 2 * BLOCK, 2 * BLOCK)
    scan = rolling_scan.advanced(scan, disks, Portion("sdb", 2 * BLOCK, 2 * BLOCK), moment(2), at(3))
    assert scan.whole_since == moment(0)
    assert rolling_scan.following(scan, disks, GiB) == Portion("sda", 0, 3 * BLOCK)


def test_a_disk_that_grew_from_the_middle_of_a_block_is_gone_on_with_at_that_block():
    disks = {"sda": 2 * BLOCK + 512, "sdb": BLOCK}
    scan = rolling_scan.advanced(RollingScan(1), disks, Portion("sda", 0, 2 * BLOCK + 512), moment(0), at(1))
    disks["sda"] = 4 * BLOCK
    portion = rolling_scan.following(scan, disks, GiB)
    assert portion == Portion("sda", 2 * BLOCK, 2 * BLOCK)
    assert rolling_scan.advanced(scan, disks, portion, moment(2), at(3)).began == moment(0)
