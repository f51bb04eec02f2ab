"""Common points of machines behind two appliances, on real disks of simulated machines."""

import statistics

import pytest

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


def test_one_point(apart):
    with Counting(apart) as writer:
        common = apart.take()
    assert common.reason is None
    apart.drained()
    assert apart.newest_set() == common.set_id
    assert_in_order(apart.counters(common.set_id))
