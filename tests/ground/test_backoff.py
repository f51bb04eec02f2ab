"""How long to wait after failures in a row."""

from secondsite.ground.backoff import pause_seconds


def test_each_failure_doubles_the_pause_up_to_the_longest():
    assert [pause_seconds(n, 0.2, 5.0) for n in range(8)] == [0.0, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_a_first_pause_is_never_longer_than_the_longest():
    assert pause_seconds(1, 10.0, 3.0) == 3.0


def test_failures_of_a_whole_year_are_no_overflow():
    assert pause_seconds(10**7, 1.0, 60.0) == 60.0
