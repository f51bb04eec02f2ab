"""A link that loses five packets of a hundred: slower, and nothing else."""

import time

import pytest

from rig.eventually import eventually
from rig.noise import noise
from secondsite.ground.units import KiB, MiB
from tests.faults.support_faults import CountingGuest

CHANGED = 12 * MiB
WATCHED_SECONDS = 12
THRESHOLD_SECONDS = 30

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_with_five_percent_loss_replication_is_slower_and_keeps_its_rpo(world, figure):
    world.protect(rpo_threshold_seconds=THRESHOLD_SECONDS, crash_consistent_every_seconds=2, cycle_seconds=1)
    whole = measured(world)
    world.link.lose(0.05)
    lossy = measured(world)
    for name, found in (("whole", whole), ("lossy", lossy)):
        figure(**{f"{name}_bytes_per_second": found[0], f"{name}_rpo_seconds": found[1]})
    assert lossy[1] < THRESHOLD_SECONDS
    assert world.codes() == set()
    world.point_equals_the_disk()


def measured(world):
    """Bytes per second of the cycles of one large change, and the worst RPO while a guest writes 256 KiB a second."""
    rate = large_change(world)
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


def large_change(world):
    """Bytes per second while its cycles were under way."""
    source = world.a.appliance.replication.get(world.machine()["id"])
    before, cycles = source.progress.total_wire_bytes, {}
    world.write(16 * MiB, noise(CHANGED))

    def arrived():
        seen = source.progress
        if seen.last_cycle_wire_bytes > 1 * MiB:
            cycles[seen.last_seq] = (seen.last_cycle_wire_bytes, seen.last_cycle_seconds)
        return seen.total_wire_bytes - before > CHANGED

    eventually(arrived, 90)
    return sum(count for count, _ in cycles.values()) / sum(seconds for _, seconds in cycles.values())
