"""What a lowered retention and a released hold delete waits for the target's deletion delay."""

from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain.delayed_deletions import MOST_LOWERED, DelayedDeletion
from secondsite.ground.units import DAY, HOUR
from secondsite.ground.uptime import Uptime

DELAY = 14 * DAY


def uptime(seconds, boot="b1"):
    return Uptime(boot, seconds)


def begun(retention_seconds=DAY):
    return DelayedDeletion(retention_seconds, uptime(0))


def later(delayed, seconds, boot="b1", ids=("p1", "p2")):
    return delayed.at(uptime(seconds, boot)).within(DELAY, ids)


def test_a_lowered_retention_counts_once_the_delay_is_over_and_a_raised_one_at_once():
    lowered = begun().following(0)
    assert later(lowered, DELAY - 1).longest_seconds == DAY
    assert later(lowered, DELAY).longest_seconds == 0
    assert lowered.following(2 * DAY).longest_seconds == 2 * DAY
    assert not lowered.following(2 * DAY).waits


def test_raised_and_lowered_again_the_delay_begins_anew():
    again = begun().following(0).at(uptime(DELAY - 1)).following(DAY).following(0)
    assert later(again, 2 * DELAY - 2).longest_seconds == DAY
    assert later(again, 2 * DELAY).longest_seconds == 0


def test_in_steps_each_retention_counts_until_its_own_delay_is_over():
    steps = begun().following(HOUR).at(uptime(DAY)).following(0)
    assert later(steps, DELAY - 1).longest_seconds == DAY
    assert later(steps, DELAY + 1).longest_seconds == HOUR
    assert later(steps, DELAY + DAY).longest_seconds == 0


def test_a_released_hold_counts_until_the_delay_is_over_and_held_again_it_waits_for_nothing():
    released = begun().releasing("p1")
    assert later(released, DELAY - 1).spared == {"p1"}
    assert later(released, DELAY).spared == set()
    assert not released.holding("p1").waits
    again = later(released, DELAY - 1).holding("p1").releasing("p1")
    assert later(again, 2 * DELAY - 2).spared == {"p1"}
    assert later(released, 1, ids=["p2"]).spared == set()


def test_time_that_no_uptime_measured_does_not_count():
    lowered = later(begun().following(0), DELAY - 1)
    rebooted = later(lowered, 10 * DELAY, boot="b2")
    assert rebooted.longest_seconds == DAY
    assert later(rebooted, 10 * DELAY + 1, boot="b2").longest_seconds == 0


steps = st.lists(st.tuples(st.integers(0, 3 * DAY), st.integers(0, 40 * DAY)), max_size=3 * MOST_LOWERED)


@given(steps)
def test_however_often_it_is_changed_the_longest_of_the_delay_counts_and_little_is_remembered(changes):
    delayed, now, history = begun(), 0, [(0, DAY)]
    for passed, retention_seconds in changes:
        now += passed
        delayed = later(delayed, now).following(retention_seconds)
        history.append((now, retention_seconds))
    ends = [until for until, _ in history[1:]] + [now + 1]
    within = [retention for (_, retention), until in zip(history, ends, strict=True) if now - until < DELAY]
    assert delayed.longest_seconds >= max(within)
    assert len(delayed.lowered) <= MOST_LOWERED
    assert later(delayed, now + DELAY).longest_seconds == history[-1][1]
