"""One thread that runs jobs computes at a time, and none is held up for long."""

import threading
import time

from rig.background import Background
from secondsite.jobs.storage.work_turn import WorkTurn

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
    turn, goes_on, took = WorkTurn(0.2), threading.Event(), []

    def keep():
        with turn.taken():
            assert goes_on.wait(LONG_SECONDS)

    def work():
        for _ in range(100):
            began = time.monotonic()
            with turn.taken():
                took.append(time.monotonic() - began)
        goes_on.set()

    with turn.taken():
        pass
    keeper = Background({"keeper": keep}, LONG_SECONDS)
    with keeper:
        while turn._lock.acquire(blocking=False):  # noqa: SLF001 nothing else tells that it has it
            turn._lock.release()  # noqa: SLF001
            time.sleep(0.001)
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
