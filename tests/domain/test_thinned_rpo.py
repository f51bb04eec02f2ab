"""A long series of the RPO is thinned without hiding its worst moments."""

from datetime import UTC, datetime, timedelta

from secondsite.domain.rpo_samples import Rpo, Sample, thinned

NOW = datetime(2026, 11, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def sample(seconds, rpo, sent=None):
    return Sample(NOW + timedelta(seconds=seconds), Rpo(rpo, sent, None))


def test_of_each_span_the_largest_of_each_measurement_is_kept():
    found = [sample(0, 5.0, 1.0), sample(10, 9.0), sample(50, 7.0, 3.0), sample(60, 2.0)]
    assert list(thinned(found, MINUTE)) == [sample(0, 9.0, 3.0), sample(60, 2.0)]


def test_what_was_not_known_stays_unknown():
    assert list(thinned([sample(0, None), sample(10, None)], MINUTE)) == [sample(0, None)]


def test_a_span_without_samples_has_none():
    found = [sample(0, 1.0), sample(300, 2.0)]
    assert list(thinned(found, MINUTE)) == found


def test_spans_as_long_as_a_slot_change_nothing():
    found = [sample(10 * number, float(number)) for number in range(7)]
    assert list(thinned(found, timedelta(seconds=10))) == found
