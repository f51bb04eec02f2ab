"""The free space of stores is remembered by the hour."""

from datetime import timedelta

from secondsite.vault.fleet.statuses.store_history import KEPT, StoreHistory
from secondsite.wire.common.stores import StoreSpace
from tests.support.vault import NOW


def note(history, at, free_bytes, name="default"):
    history.note("a1", [StoreSpace(name=name, free_bytes=free_bytes, size_bytes=10**9)], at)


def hours(count):
    return timedelta(hours=count)


def test_a_store_that_fills_has_an_end_however_often_it_is_told_of():
    history = StoreHistory()
    for minutes in range(0, 10 * 60, 1):
        note(history, NOW + timedelta(minutes=minutes), 10**9 - minutes * 10**6)
    at = history.full_at("a1", "default")
    assert at is not None
    assert abs(at - (NOW + timedelta(minutes=1000))) < timedelta(minutes=1)
    assert history.full_at("a1", "other") is None
    assert history.full_at("a2", "default") is None


def test_what_is_long_ago_or_of_a_wrong_clock_does_not_count():
    history = StoreHistory()
    note(history, NOW + timedelta(days=300), 0)
    for count in range(9):
        note(history, NOW + hours(count), 10**8)
    assert history.full_at("a1", "default") is None
    for count in range(9):
        note(history, NOW + KEPT + hours(count + 10), 10**8 - count * 10**7)
    assert history.full_at("a1", "default") is not None


def test_one_that_cannot_be_read_is_left_out():
    history = StoreHistory()
    history.note("a1", [StoreSpace(name="default", problem="It is not mounted.")], NOW)
    assert history.full_at("a1", "default") is None
