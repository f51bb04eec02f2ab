"""How long a reprotect will take is told from former ones, and not made up without any."""

import pytest

from secondsite.domain.prediction.predicting import Return, expect

GB = 10**9


def test_without_a_former_one_nothing_is_told():
    assert expect("m1", GB, 0, []).seconds is None
    assert expect("m1", GB, 0, [Return("m2", 0, 0, 5.0), Return("m2", GB, 5, 0.0)]).seconds is None


def test_others_are_scaled_to_its_disks_and_its_own_come_first():
    others = [Return("m2", GB, 1000, 10.0), Return("m3", 2 * GB, 1000, 20.0)]
    found = expect("m1", 4 * GB, 0, others)
    assert (found.seconds, found.returns, found.own) == (40.0, 2, False)
    found = expect("m1", 4 * GB, 0, [*others, Return("m1", 4 * GB, 1000, 7.0)])
    assert (found.seconds, found.returns, found.own) == (7.0, 1, True)


def test_what_is_to_be_sent_takes_its_time_at_the_rate_of_the_one_that_sent_most():
    known = [Return("m1", GB, 1000, 10.0), Return("m1", GB, 10**8, 20.0)]
    assert expect("m1", GB, 10**6, known).seconds == pytest.approx(15.0)
    assert expect("m1", GB, 10**9, known).seconds == pytest.approx(200.0)
