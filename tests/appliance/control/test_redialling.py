"""A vault that was killed and starts again is dialled often, any other one less and less."""

import pytest

from secondsite.appliance.control.redial_delay import (
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    STARTS_WITHIN_SECONDS,
    RedialDelay,
)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def pauses(dialling, clock, count, addresses=1, *, nobody_listens=True):
    """Of so many tries in vain, each after the pause of the one before."""
    found = []
    for _ in range(count):
        dialling.dials()
        found.append(dialling.pause_seconds(addresses, nobody_listens))
        clock.now += found[-1]
    return found


def after_a_connection(clock):
    dialling = RedialDelay(clock)
    dialling.dials()
    dialling.connected()
    dialling.ended()
    return dialling


def test_a_host_that_refuses_after_a_connection_is_asked_often_for_some_seconds(clock):
    dialling, began = after_a_connection(clock), clock.now
    assert set(pauses(dialling, clock, 60)) == {FIRST_PAUSE_SECONDS}
    clock.now = began + STARTS_WITHIN_SECONDS
    assert pauses(dialling, clock, 1) == [LONGEST_PAUSE_SECONDS]


def test_a_host_that_never_answered_is_asked_less_and_less(clock):
    assert pauses(RedialDelay(clock), clock, 6) == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0]


def test_a_vault_that_refuses_is_dialled_less_and_less_also_after_a_connection(clock):
    """Each such try costs it a handshake."""
    found = pauses(after_a_connection(clock), clock, 4, nobody_listens=False)
    assert found == [0.4, 0.8, 1.6, 3.2]


def test_of_several_addresses_all_are_tried_before_a_pause(clock):
    assert pauses(RedialDelay(clock), clock, 6, addresses=3) == [0.0, 0.0, 0.2, 0.0, 0.0, 0.4]
    assert pauses(after_a_connection(clock), clock, 5, addresses=3) == [0.0, 0.2, 0.0, 0.0, 0.2]


def test_of_the_many_tries_the_first_are_told(clock):
    dialling = after_a_connection(clock)
    told = []
    for _ in range(5):
        dialling.dials()
        told.append(dialling.is_told(nobody_listens=True))
    assert told == [True, False, False, False, False]
    assert dialling.is_told(nobody_listens=False)
