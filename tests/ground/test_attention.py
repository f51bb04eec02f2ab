"""What somebody says too often is heard later, and told once in a while."""

import pytest

from secondsite.ground.attention import SAVED_SECONDS, SHARE, Attention
from secondsite.ground.log_limit import EVERY_SECONDS, LogLimit


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def test_whoever_takes_more_than_a_share_rests_until_it_is_one():
    clock = Clock()
    attention, taken = Attention(clock), 0.0
    began = clock.now
    for _ in range(1000):
        attention.spend(0.1)
        taken += 0.1
        clock.now += 0.1 + attention.rest_seconds()
    assert taken <= SAVED_SECONDS + SHARE * (clock.now - began) + 0.1
    clock.now += SAVED_SECONDS / SHARE
    assert attention.rest_seconds() == 0.0


def test_whoever_takes_less_never_rests():
    clock = Clock()
    attention = Attention(clock)
    for _ in range(1000):
        attention.spend(0.04)
        clock.now += 0.1
        assert attention.rest_seconds() == 0.0


def test_what_was_saved_may_be_taken_at_once():
    attention = Attention(Clock())
    attention.spend(SAVED_SECONDS)
    assert attention.rest_seconds() == 0.0
    attention.spend(1.0)
    assert attention.rest_seconds() == pytest.approx(1.0 / SHARE)


def test_of_many_times_one_is_told_with_how_many_were_not():
    clock = Clock()
    seldom = LogLimit(clock)
    assert [seldom.untold("a") for _ in range(1000)] == [0, *[None] * 999]
    assert seldom.untold("b") == 0
    clock.now += EVERY_SECONDS
    assert [seldom.untold("a") for _ in range(3)] == [999, None, None]
