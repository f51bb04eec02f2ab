"""Common points of machines behind two appliances, on real disks of simulated machines."""

import statistics
import time

import pytest

from secondsite.appliance.groups.asked import REST
from tests.appliance.groups.support_groups import Counting, Together, assert_in_order

pytestmark = pytest.mark.slow

POINTS = 200


@pytest.fixture
def apart(make_site):
    """Two machines, one behind appliance a, one behind appliance c, that both know that a leads."""
    a, b, c = (make_site(name).start() for name in ("a", "b", "c"))
    together = Together((a, b), 2, others=(c,)).protect()
    together.tell(together.group(multi_vm_every_seconds=3600), to=[c])
    return together


@pytest.mark.timeout(300)
def test_two_hundred_points_of_two_machines_behind_two_appliances_keep_the_order_of_their_writes(
    apart, record_property
):
    taken, missed = [], []
    with Counting(apart) as writer:
        while len(taken) < POINTS:
            common = apart.take()
            (taken if common.reason is None else missed).append(common)
            assert len(missed) < POINTS, missed[-1].reason
            writer.check()
            time.sleep(REST * common.pause_seconds + 0.005)
        written = writer.written
    apart.drained()
    t1 = time.monotonic()
    whole = apart.whole_sets()
    assert {common.set_id for common in taken} <= whole
    counters = [apart.counters(set_id) for set_id in sorted(whole)]
    for each in counters:
        assert_in_order(each)
    assert counters == sorted(counters)
    assert len({tuple(each) for each in counters}) > POINTS / 2
    print("read", time.monotonic() - t1)
    stood = sorted(common.pause_seconds * 1000 for common in taken)
    print(
        f"stood still: median {statistics.median(stood):.1f} ms, 95th {stood[int(0.95 * len(stood))]:.1f}, longest {stood[-1]:.1f} ms; {len(missed)} missed, {written} rounds written"
    )
    print({c.reason for c in missed})
