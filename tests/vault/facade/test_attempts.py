"""Whoever guesses waits, for seconds; what is counted stays small."""

import pytest

from secondsite.domain import errors
from secondsite.vault.facade import attempts
from secondsite.vault.facade.attempts import OF_A_CODE, OF_A_NAME, OF_ALL, OF_AN_ADDRESS, Attempt, Attempts


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def counted(clock):
    return Attempts(clock)


def tries(counted, times, name="anna", address="192.0.2.1", **more):
    """How many of so many attempts were let through, and the last wait."""
    through, wait = 0, 0.0
    for _ in range(times):
        try:
            counted.begin(Attempt(name, address, **more))
            through += 1
        except errors.TooManyAttempts as refused:
            wait = refused.retry_after_seconds
    return through, wait


def test_a_name_is_tried_a_few_times_and_then_one_time_each_half_minute(counted, clock):
    assert tries(counted, 10) == (OF_A_NAME.burst, OF_A_NAME.seconds)
    clock.now += OF_A_NAME.seconds
    assert tries(counted, 10)[0] == 1
    clock.now += 3600
    assert tries(counted, 10)[0] == OF_A_NAME.burst


def test_spelling_makes_no_other_name(counted):
    assert tries(counted, OF_A_NAME.burst)[0] == OF_A_NAME.burst
    for name in ("Anna", " ANNA ", "anna "):
        assert tries(counted, 1, name)[0] == 0


def test_who_guesses_at_one_address_delays_nobody_at_another(counted, clock):
    for _ in range(100):
        tries(counted, 10)
        clock.now += 1
    assert tries(counted, 1, address="198.51.100.7")[0] == 1


def test_a_wrong_password_uses_up_no_guess_at_a_code(counted):
    tries(counted, 100)
    assert tries(counted, 1, has_code=True)[0] == 1


def test_an_attempt_that_waits_does_not_make_the_wait_longer(counted):
    assert tries(counted, 10)[1] == tries(counted, 1000)[1]


def test_many_names_from_one_address_are_many_attempts_and_a_network_is_one_address(counted):
    through = [tries(counted, 1, f"n{number}")[0] for number in range(40)]
    assert sum(through) == OF_AN_ADDRESS.burst
    through = [tries(counted, 1, f"m{number}", f"2001:db8::{number:x}")[0] for number in range(40)]
    assert sum(through) == OF_AN_ADDRESS.burst


def test_a_crowd_of_addresses_keeps_the_owner_out_of_no_place_that_is_theirs(counted):
    for number in range(200):
        tries(counted, 1, "anna", f"198.51.{number}.7")
    assert tries(counted, 1, "anna", "192.0.2.1")[0] == 0
    assert tries(counted, 1, "anna", "192.0.2.1", came_from="192.0.2.1")[0] == 1
    assert tries(counted, 20, "anna", "192.0.2.1", came_from="192.0.2.1")[0] == OF_A_NAME.burst - 1


def test_all_together_try_so_often_that_a_processor_has_time_left(counted, clock):
    through = sum(tries(counted, 1, f"n{number}", f"198.51.100.{number}")[0] for number in range(250))
    assert through == OF_ALL.burst
    clock.now += 10
    through = sum(tries(counted, 1, f"m{number}", f"203.0.113.{number}")[0] for number in range(250))
    assert through == 10 / OF_ALL.seconds


def test_an_attempt_that_was_right_does_not_count(counted):
    for _ in range(100):
        counted.begin(Attempt("anna", "192.0.2.1"))
        counted.succeeded(Attempt("anna", "192.0.2.1"))


def test_codes_are_guessed_more_slowly_than_passwords(counted, clock):
    assert tries(counted, 10, has_code=True) == (OF_A_CODE.burst, OF_A_CODE.seconds)
    clock.now += OF_A_CODE.seconds
    assert tries(counted, 10, has_code=True)[0] == 1


def test_what_is_counted_is_bounded_and_those_who_tried_most_stay(counted, clock, monkeypatch):
    monkeypatch.setattr(attempts, "MOST_KEPT", 100)
    monkeypatch.setattr(attempts, "OF_ALL", attempts.Allowance(10**6, 0.0001))
    tries(counted, OF_A_NAME.burst)
    for number in range(1000):
        tries(counted, 1, f"n{number}", f"198.51.{number % 250}.{number // 250}")
    assert len(counted._free_at) <= 100 + 3  # noqa: SLF001 its memory
    assert tries(counted, 1)[0] == 0
