"""Once a cycle is over, its guard does not touch the machine any more: the next cycle's job is not ended
for the last one's sake."""

import threading
from typing import Any

import pytest

from secondsite.appliance.source import cycle_guard
from secondsite.appliance.source.cycle_guard import GuardedCycle
from secondsite.ground import threads


class FullDisk:
    """The reserve and the session of a cycle whose scratch space is full."""

    at_rest = False

    def __init__(self):
        self.judged, self.goes_on = threading.Event(), threading.Event()
        self.calls = []

    def release(self):
        """The guard has decided, and is about to end the job."""
        self.judged.set()
        assert self.goes_on.wait(20)

    def scratch_bytes(self):
        return 10**30

    def wanted_seconds(self):
        return 0.0

    def abandon(self):
        self.calls.append("abandon")


@pytest.fixture
def full():
    return FullDisk()


def guarded(full, tmp_path):
    nobody: Any = None  # it has no connection to cut
    return GuardedCycle(nobody, full, tmp_path, 1, 60.0, threading.Event())


def test_who_settles_waits_for_an_end_that_the_guard_has_decided_and_not_begun(full, tmp_path):
    cycle = guarded(full, tmp_path)
    guard = threads.worker("guard", lambda: cycle.look(full))
    settles = threads.worker("settles", lambda: (cycle.settle(), full.calls.append("settled")))
    guard.start()
    assert full.judged.wait(20)
    settles.start()
    settles.join(0.2)
    full.goes_on.set()
    for each in (settles, guard):
        each.join(20)
    assert full.calls == ["abandon", "settled"]


def test_after_that_it_looks_no_more(full, tmp_path):
    cycle = guarded(full, tmp_path)
    cycle.settle()
    full.goes_on.set()
    cycle.look(full)
    assert (cycle.ended_by, full.calls) == (None, [])


def test_an_end_that_was_decided_too_late_is_not_begun(full, tmp_path, monkeypatch):
    monkeypatch.setattr(cycle_guard, "ABANDON_SECONDS", 0.1)
    cycle = guarded(full, tmp_path)
    guard = threads.worker("guard", lambda: cycle.look(full))
    guard.start()
    assert full.judged.wait(20)
    cycle.settle()
    full.goes_on.set()
    guard.join(20)
    assert full.calls == []
