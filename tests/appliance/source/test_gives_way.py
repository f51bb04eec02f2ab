"""A cycle that another program waits for ends at once, without a finding; what it would have sent arrives
afterwards."""

import contextlib
import dataclasses

import pytest

from rig.noise import noise
from secondsite.appliance.source import cycle_guard
from secondsite.ground.units import KiB, MiB

pytestmark = pytest.mark.slow


class Wanted:
    """The views of a fabric, in whose way somebody waits until one gives way."""

    def __init__(self, open_view):
        self._open = open_view
        self.waits = True
        self.gave_way = 0

    @contextlib.contextmanager
    def open(self, request):
        with self._open(request) as session:
            yield dataclasses.replace(session, wanted_seconds=self._seconds, gave_way=self._given)

    def _seconds(self):
        return 60.0 if self.waits else 0.0

    def _given(self):
        self.waits = False
        self.gave_way += 1


def test_a_cycle_that_is_in_the_way_ends_and_its_changes_come_later(pair, monkeypatch):
    pair.protect().synchronized()
    pair.pause()
    tracking = pair.source.fabric.tracking
    wanted = Wanted(tracking.open)
    monkeypatch.setattr(tracking, "open", wanted.open)
    monkeypatch.setattr(cycle_guard, "ASK_SECONDS", 0.0)
    pair.source.limit(256 * KiB)
    pair.source.write(pair.fabric_id, 0, noise(1 * MiB))
    point_id = pair.point_now()
    assert wanted.gave_way == 1
    assert pair.point_bytes(point_id) == pair.source.read(pair.fabric_id)
    assert "cycle-failed" not in [finding.code for finding in pair.source_status().findings]


def test_a_cycle_that_is_over_soon_is_not_asked(pair, monkeypatch):
    pair.protect().synchronized()
    tracking = pair.source.fabric.tracking
    wanted = Wanted(tracking.open)
    monkeypatch.setattr(tracking, "open", wanted.open)
    monkeypatch.setattr(cycle_guard, "ASK_SECONDS", 60.0)
    pair.source.write(pair.fabric_id, 0, noise(64 * KiB))
    point_id = pair.point_now()
    assert wanted.gave_way == 0
    assert pair.point_bytes(point_id) == pair.source.read(pair.fabric_id)
