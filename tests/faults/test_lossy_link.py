"""A link that loses five packets of a hundred: slower, and nothing else."""

import time

import pytest

from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.source import acknowledge
from secondsite.ground.units import KiB, MiB
from tests.faults.support_faults import CountingGuest

CHANGED = 12 * MiB
WATCHED_SECONDS = 12
THRESHOLD_SECONDS = 30

pytestmark = [pytest.mark.every, pytest.mark.slow, pytest.mark.timeout(240)]


def test_with_five_percent_loss_replication_is_slower_and_keeps_its_rpo(world, figure, acknowledged):
    world.protect(rpo_threshold_seconds=THRESHOLD_SECONDS, crash_consistent_every_seconds=2, cycle_seconds=1)
    whole = measured(world, acknowledged)
    world.link.lose(0.05)
    lossy = measured(world, acknowledged)
    for name, found in (("whole", whole), ("lossy", lossy)):
        figure(**{f"{name}_bytes_per_second": found[0], f"{name}_rpo_seconds": found[1]})
    assert lossy[1] < THRESHOLD_SECONDS
    assert world.codes() == set()
    world.point_equals_the_disk()


@pytest.fixture
def acknowledged(monkeypatch):
    """The results of all cycles that the target has, none missed."""
    results, record = [], acknowledge.acknowledge

    def noted(plan, header, result):
        record(plan, header, result)
        results.append(result)

    monkeypatch.setattr(acknowledge, "acknowledge", noted)
    return results


def measured(world, acknowledged):
    """Bytes per second of the cycles of one large change, and the worst RPO while a guest writes 256 KiB a
    second."""
    rate = large_change(world, acknowledged)
    eventually(lambda: world.machine()["rpo"]["seconds"] < 5, 60)
    guest = CountingGuest(world.root, world.fabric_id, bytes_per_second=256 * KiB, span=16 * MiB)
    deadline, worst = time.monotonic() + WATCHED_SECONDS, 0.0
    try:
        while time.monotonic() < deadline:
            worst = max(worst, world.machine()["rpo"]["seconds"])
    finally:
        guest.close()
    assert guest.failed == []
    return rate, worst


def large_change(world, acknowledged):
    """Bytes per second while its cycles were under way."""
    acknowledged.clear()
    world.write(16 * MiB, noise(CHANGED))
    eventually(lambda: sum(each.wire_bytes for each in list(acknowledged)) > CHANGED, 90)
    large = [each for each in list(acknowledged) if each.wire_bytes > 1 * MiB]
    return sum(each.wire_bytes for each in large) / sum(each.seconds for each in large)
