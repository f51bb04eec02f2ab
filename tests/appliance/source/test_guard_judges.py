"""The guard ends a cycle before its scratch space is full, and one that takes too long."""

import threading
from typing import Any

import pytest

from secondsite.appliance.source.cycle_guard import CycleInterrupted, GuardedCycle, ScratchUnseen
from secondsite.appliance.source.scratch_reserve import ScratchReserve
from secondsite.domain import errors
from secondsite.ground.units import MiB

BUDGET = 64 * MiB


class View:
    """Of a machine whose guest has overwritten so many bytes."""

    at_rest = False

    def __init__(self, used):
        self.used = used
        self.abandoned = threading.Event()

    def scratch_bytes(self):
        if isinstance(self.used, OSError):
            raise self.used
        return self.used

    def wanted_seconds(self):
        return 0.0

    def abandon(self):
        self.abandoned.set()


def looked_at(tmp_path, view, seconds=60.0, *then):
    """The reason for which the guard ends the cycle, once it has looked at each of these uses."""
    nobody: Any = None  # it has no connection to cut
    cycle = GuardedCycle(nobody, view, tmp_path, BUDGET, seconds, threading.Event())
    reserve = ScratchReserve(tmp_path, BUDGET)
    cycle.look(reserve)
    for used in then:
        view.used = used
        cycle.look(reserve)
    cycle.settle()
    return cycle.ended_by


@pytest.mark.parametrize("used", [BUDGET * 9 // 10, BUDGET, 2 * BUDGET])
def test_a_cycle_whose_scratch_space_is_nearly_used_up_is_ended_and_its_job_with_it(tmp_path, used):
    view = View(used)
    assert isinstance(looked_at(tmp_path, view), errors.ScratchExhausted)
    assert view.abandoned.is_set()


def test_a_guest_that_overwrites_so_fast_that_the_rest_would_not_last_ends_it_early(tmp_path):
    view = View(0)
    assert isinstance(looked_at(tmp_path, view, 60.0, BUDGET // 2), errors.ScratchExhausted)
    assert view.abandoned.is_set()


def test_scratch_files_that_cannot_be_seen_end_it(tmp_path):
    view = View(OSError("somebody removed them"))
    assert isinstance(looked_at(tmp_path, view), ScratchUnseen)
    assert view.abandoned.is_set()


def test_a_cycle_is_over_at_its_deadline_and_goes_on_before_that(tmp_path):
    assert isinstance(looked_at(tmp_path, View(0), -1.0), errors.DeadlineExceeded)
    assert looked_at(tmp_path, View(MiB)) is None


def test_who_needs_the_machine_ends_it(tmp_path):
    nobody: Any = None
    needed = threading.Event()
    idle: Any = View(0)
    cycle = GuardedCycle(nobody, idle, tmp_path, BUDGET, 60.0, needed)
    needed.set()
    cycle.look(ScratchReserve(tmp_path, BUDGET))
    assert type(cycle.ended_by) is CycleInterrupted
