"""A link that swallows everything for long: nobody is told, the guest writes on, and what was missed goes
once."""

import threading
import time

import pytest

from rig.eventually import eventually
from secondsite.ground.units import KiB, MiB
from tests.faults.support_faults import CountingGuest

THRESHOLD_SECONDS = 20

pytestmark = [pytest.mark.every, pytest.mark.slow, pytest.mark.longest, pytest.mark.timeout(420)]


@pytest.mark.parametrize("cut_seconds", [45, pytest.param(95, marks=pytest.mark.chaos)])
def test_after_long_without_a_link_what_changed_goes_over_once_and_the_guest_never_noticed(
    world, figure, cut_seconds
):
    world.write(0, bytes(range(256)) * (128 * KiB))
    world.protect(rpo_threshold_seconds=THRESHOLD_SECONDS, crash_consistent_every_seconds=2, cycle_seconds=1)
    guest = CountingGuest(world.root, world.fabric_id, bytes_per_second=512 * KiB)
    try:
        eventually(lambda: world.codes() == set(), 30)
        guest.mark()
        before = world.link.sent_to_far().bytes
        world.link.lose(1)
        said = seen_for(cut_seconds, world.codes)
        assert {"peer-unreachable", "rpo-exceeded"} <= said
        world.link.lose(0)
        began = time.monotonic()
        eventually(lambda: world.machine()["rpo"]["seconds"] < THRESHOLD_SECONDS, 90)
        seconds = time.monotonic() - began
        sent, changed = world.link.sent_to_far().bytes - before, guest.changed_bytes()
    finally:
        guest.close()
    figure(
        cut_seconds=cut_seconds, seconds_until_rpo_holds=seconds, sent_bytes=sent, changed_bytes=changed,
        sent_vs_changed=sent / changed, guest_failures=len(guest.failed),
        slowest_write_seconds=guest.slowest_seconds,
    )  # fmt: skip
    assert guest.failed == []
    assert changed > 16 * MiB
    assert sent < 1.5 * changed
    eventually(lambda: world.codes() == set(), 60)
    world.point_equals_the_disk()


def seen_for(seconds, look):
    """All that `look` gave within the time."""
    seen, pace = set(), threading.Event()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        seen |= look()
        pace.wait(1)
    return seen
