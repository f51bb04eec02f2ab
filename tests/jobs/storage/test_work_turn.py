"""One thread that runs jobs computes at a time, and none is held up for long."""

import threading
import time

import pytest

from rig.background import Background
from secondsite.jobs.storage.database import WorkTurn

LONG_SECONDS = 20.0


class Crowd:
    """How many are at it at once, of those that say so."""

    def __init__(self):
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0
        self.times = 0

    def __enter__(self):
        with self._lock:
            self._now += 1
            self.times += 1
            self.most = max(self.most, self._now)

    def __exit__(self, *_):
        with self._lock:
            self._now -= 1


def run_all(works):
    with Background({f"thread {number}": work for number, work in enumerate(works)}, LONG_SECONDS):
        pass


def test_one_computes_at_a_time():
    turn, crowd = WorkTurn(LONG_SECONDS), Crowd()

    def work():
        for _ in range(50):
            with turn.taken():
                with crowd:
                    time.sleep(0)
                with turn.left():
                    pass
                with crowd:
                    time.sleep(0)

    run_all([work] * 6)
    assert (crowd.most, crowd.times) == (1, 600)


def test_who_waits_for_others_lets_them_compute():
    turn, all_wait = WorkTurn(LONG_SECONDS), threading.Barrier(4)

    def work():
        with turn.taken(), turn.left():
            all_wait.wait(LONG_SECONDS)

    began = time.monotonic()
    run_all([work] * 4)
    assert time.monotonic() - began < LONG_SECONDS


def test_who_keeps_its_turn_holds_the_others_up_once():
    turn, keeps, goes_on, took = WorkTurn(0.2), threading.Event(), threading.Event(), []

    def keep():
        with turn.taken():
            keeps.set()
            assert goes_on.wait(LONG_SECONDS)

    def work():
        for _ in range(100):
            began = time.monotonic()
            with turn.taken():
                took.append(time.monotonic() - began)
        goes_on.set()

    with Background({"keeper": keep}, LONG_SECONDS):
        assert keeps.wait(LONG_SECONDS)
        with Background({"other": work}, LONG_SECONDS):
            assert goes_on.wait(LONG_SECONDS)
    assert max(took) >= 0.2
    assert sum(took) < 100 * 0.2 / 4, "all but the first go on at once"


def test_after_one_that_kept_its_turn_they_take_turns_again():
    turn, crowd = WorkTurn(1.0), Crowd()
    with turn.taken():
        run_all([lambda: _enter(turn, Crowd())])

    run_all([lambda: [_enter(turn, crowd) for _ in range(200)]] * 4)
    assert crowd.most == 1


def test_from_one_that_keeps_its_turn_only_one_takes_it_over():
    turn, crowd = WorkTurn(1.0), Crowd()
    with turn.taken():
        run_all([lambda: [_compute(turn, crowd, 0.001) for _ in range(20)]] * 4)
    assert (crowd.most, crowd.times) == (1, 80)


def test_in_a_long_line_where_nobody_keeps_its_turn_everybody_waits_for_it():
    turn, crowd = WorkTurn(1.0), Crowd()
    run_all([lambda: _compute(turn, crowd, 0.2)] * 8)
    assert crowd.most == 1


def test_who_lost_its_turn_takes_the_next_one_after_it_has_waited():
    turn, crowd, goes_on = WorkTurn(1.0), Crowd(), threading.Event()

    def keep():
        with turn.taken():
            assert goes_on.wait(LONG_SECONDS)
            with turn.left():
                pass
            with crowd:
                time.sleep(0.1)

    with Background({"keeper": keep}, LONG_SECONDS):
        with turn.taken():
            goes_on.set()
            with turn.left():
                pass
            with crowd:
                time.sleep(0.1)
    assert (crowd.most, crowd.times) == (1, 2)


def test_who_takes_a_turn_twice_has_one():
    turn, crowd, has_both = WorkTurn(LONG_SECONDS), Crowd(), threading.Event()

    def work():
        with turn.taken(), crowd:
            has_both.set()

    with turn.taken():
        with turn.taken():
            pass
        with Background({"other": work}, LONG_SECONDS):
            assert not has_both.wait(0.2)
            with turn.left():
                assert has_both.wait(LONG_SECONDS / 2)
    assert crowd.times == 1


@pytest.mark.parametrize("problem", [ValueError, KeyboardInterrupt])
def test_whatever_ends_the_work_or_the_wait_leaves_the_turn(problem):
    turn = WorkTurn(LONG_SECONDS)
    for breaks in (_break_at_work, _break_in_a_wait):
        with pytest.raises(problem):
            breaks(turn, problem)
        began = time.monotonic()
        run_all([lambda: _enter(turn, Crowd())])
        assert time.monotonic() - began < LONG_SECONDS / 2


def _break_at_work(turn, problem):
    with turn.taken():
        raise problem


def _break_in_a_wait(turn, problem):
    with turn.taken(), turn.left():
        raise problem


def _compute(turn, crowd, seconds):
    with turn.taken(), crowd:
        time.sleep(seconds)


def _enter(turn, crowd):
    with turn.taken(), crowd:
        pass


def test_a_thread_that_runs_no_job_never_waits():
    turn = WorkTurn(LONG_SECONDS)
    with turn.taken():
        began = time.monotonic()
        run_all([lambda: _leave(turn)])
        assert time.monotonic() - began < LONG_SECONDS / 2


def _leave(turn):
    with turn.left():
        pass
