"""Appliances take turns to be heard."""

import queue
from threading import Timer

import pytest

from secondsite.vault.fleet.gateway.incoming import FairQueue


def all_of(turns):
    turns.end()
    found = []
    while (said := turns.get()) is not None:
        found.append(said)
    return found


def test_nobody_waits_until_another_one_has_said_all():
    turns: FairQueue[str] = FairQueue()
    for number in range(1000):
        turns.put("a", f"a{number}")
    turns.put("b", "b0")
    turns.put("b", "b1")
    assert all_of(turns)[:5] == ["a0", "b0", "a1", "b1", "a2"]


def test_what_one_says_comes_in_its_order_and_all_of_it_before_the_end():
    turns: FairQueue[str] = FairQueue()
    for number in range(50):
        turns.put("ab"[number % 3 == 0], f"{number}")
    found = all_of(turns)
    assert sorted(found, key=int) == [str(number) for number in range(50)]
    for own in ([each for each in found if int(each) % 3 == 0], [each for each in found if int(each) % 3]):
        assert own == sorted(own, key=int)
    assert turns.empty()


def test_who_waits_gets_what_comes_or_nothing_in_time():
    turns: FairQueue[str] = FairQueue()
    with pytest.raises(queue.Empty):
        turns.get(timeout=0.01)
    later = Timer(0.1, turns.put, ("a", "said"))
    later.start()
    assert turns.get(timeout=30) == "said"
    later.join()
