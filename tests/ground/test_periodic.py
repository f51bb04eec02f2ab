"""Rounds that come again, also after one that failed."""

import threading
import time
from typing import Any

from rig.eventually import eventually
from secondsite.ground.periodic import Every, Periodic


def test_a_round_that_fails_is_told_and_the_next_one_comes():
    told: list[Any] = []
    rounds: list[Any] = []

    def look():
        rounds.append(threading.current_thread().name)
        if len(rounds) == 1:
            raise KeyError("the first")

    every = Every("looks", 0.001, look, told.append)
    every.start()
    eventually(lambda: len(rounds) >= 3, 10)
    every.stop(10)
    assert [type(each) for each in told] == [KeyError]
    assert set(rounds) == {"looks"}


def test_stopping_waits_for_the_round_that_runs_and_begins_no_other():
    inside, leave = threading.Event(), threading.Event()
    rounds: list[Any] = []

    def look():
        rounds.append(1)
        inside.set()
        leave.wait(10)

    every = Every("looks", 0.0, look, rounds.append)
    every.start()
    assert inside.wait(10)
    threading.Timer(0.05, leave.set).start()
    every.stop(10)
    assert leave.is_set()
    assert rounds == [1]


class Woken(Periodic):
    def __init__(self, breath_seconds):
        super().__init__("woken", lambda error: None, breath_seconds)
        self.rounds = []

    def look(self):
        self.rounds.append(time.monotonic())

    def pause_seconds(self):
        return 3600.0


def test_who_is_woken_looks_at_once_but_with_a_breath_between():
    woken = Woken(breath_seconds=0.2)
    woken.start()
    for _ in range(2):
        before = len(woken.rounds)
        woken.wake()
        eventually(lambda before=before: len(woken.rounds) > before, 10)
    woken.stop(10)
    first, second = woken.rounds
    assert second - first >= 0.2


def test_one_that_was_never_started_can_be_stopped():
    Woken(0.0).stop()
