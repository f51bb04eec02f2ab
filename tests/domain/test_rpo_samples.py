"""The RPO's one definition, and the blocks that its series is kept in."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain import rpo_samples
from secondsite.domain.rpo_samples import Rpo

NOW = datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC)
ages = st.none() | st.floats(0, 10**6, width=32)


def test_the_three_ages_are_told_apart():
    measured = rpo_samples.measure(NOW - timedelta(seconds=30), NOW - timedelta(seconds=5), None, NOW)
    assert measured == Rpo(30.0, 5.0, None)


def test_nothing_is_younger_than_now():
    assert rpo_samples.age_seconds(NOW + timedelta(seconds=3), NOW) == 0.0


@given(st.dictionaries(st.integers(0, 59), st.builds(Rpo, ages, ages, ages)))
def test_a_block_comes_back_as_it_was_packed(block):
    found = rpo_samples.unpack(rpo_samples.pack(block))
    assert found.keys() == block.keys()
    for slot, measured in block.items():
        for field in ("rpo_seconds", "sent_seconds", "processed_seconds"):
            kept, given = getattr(found[slot], field), getattr(measured, field)
            assert (kept is None) == (given is None)
            assert kept is None or abs(kept - given) <= 0.001


def test_a_record_that_was_cut_off_is_left_out():
    data = rpo_samples.pack({0: Rpo(1, 2, 3), 1: Rpo(4, 5, 6)})
    assert rpo_samples.unpack(data[:-1]) == {0: Rpo(1, 2, 3)}


@given(st.integers(-(10**9), 10**9).map(lambda seconds: NOW + timedelta(seconds=seconds / 7)))
def test_every_moment_has_a_slot_that_began_at_most_ten_seconds_before(now):
    begins_at, slot = rpo_samples.block_of(now)
    (sample,) = rpo_samples.samples(begins_at, {slot: Rpo(None, None, None)})
    assert timedelta(0) <= now - sample.at < timedelta(seconds=rpo_samples.SLOT_SECONDS)
