"""Threads beside a test: they end with its block, and none of them dies in silence."""

import threading

import pytest

from rig.background import Background
from rig.eventually import eventually


class Counter(Background):
    """Counts until it is told to end, or to die."""

    def __init__(self, dies_at=None, **options):
        super().__init__({"counter": self._count}, **options)
        self.count = 0
        self._dies_at = dies_at

    def _count(self):
        while not self.ended.wait(0.001):
            self.count += 1
            if self.count == self._dies_at:
                raise ValueError("no more numbers")


def test_a_thread_works_until_the_block_ends():
    with Counter() as counter:
        eventually(lambda: counter.count > 3)
        counter.check()
    assert "counter" not in [thread.name for thread in threading.enumerate()]


def test_what_a_thread_died_of_is_raised_when_it_is_asked_for_and_at_the_end_of_the_block():
    with pytest.raises(ValueError, match="no more numbers") as death, Counter(dies_at=2) as counter:
        eventually(lambda: counter.count == 2)
        eventually(lambda: raises(counter.check))
    assert death.value.__notes__ == ["the thread 'counter' died of this"]


def test_a_block_that_raises_itself_says_that_its_thread_had_died_too():
    with pytest.raises(LookupError) as error, Counter(dies_at=2) as counter:
        eventually(lambda: raises(counter.check))
        raise LookupError("the block's own")
    assert error.value.__notes__ == ["ValueError('no more numbers'): the thread 'counter' died of this"]


def test_a_thread_that_does_not_end_is_named():
    lasting = threading.Event()
    try:

        def wait_long():
            lasting.wait(30)

        with (
            pytest.raises(TimeoutError, match="counter did not end"),
            Background({"counter": wait_long}, 0.1),
        ):
            pass
    finally:
        lasting.set()


def raises(check):
    try:
        check()
    except ValueError:
        return True
    return False
