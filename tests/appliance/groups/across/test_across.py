"""Common points of machines behind several appliances, on real disks of simulated machines, while a writer
counts through all of them."""

import time
from datetime import UTC, datetime

import pytest

from secondsite.appliance.groups import common_point, permitted_leaders
from secondsite.appliance.groups.leader import LeaderSide
from secondsite.appliance.groups.outcome import Common
from secondsite.appliance.groups.permitted_leaders import REST, FollowerSide
from secondsite.fabrics import simulated
from tests.appliance.groups.support_groups import Counting, Together, assert_in_order

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.longest]

POINTS = 50
"""Of each of the four worlds: two hundred in all."""
WORLDS = {
    "two machines, two appliances": (2, "ac", "b"),
    "three machines, two appliances": (3, "ac", "b"),
    "four machines, three appliances": (4, "ace", "b"),
    "two machines, two appliances at each site": (2, "ac", "bd"),
}


class HastyLeader(LeaderSide):
    """It lets its own machines go before it has heard that the others stand still."""

    def paused(self, _instant, _longest_seconds):
        self._say("FIX")
        return datetime.now(UTC)

    def verdict(self, fixed):
        self._hear("PAUSED", 2)
        return super().verdict(fixed)


class HastyFollower(FollowerSide):
    """It lets its machines go before it has heard that the leader's stand still."""

    def paused(self, instant, _longest_seconds):
        self._leader.say("PAUSED")
        return instant

    def verdict(self, fixed):
        self._leader.hear("FIX", time.monotonic() + 2)
        return super().verdict(fixed)


@pytest.fixture(params=WORLDS)
def apart(request, make_site):
    """A group that appliance a leads, as the others have been told."""
    count, sources, targets = WORLDS[request.param]
    leader, *others = (make_site(name).start() for name in sources)
    target, *more = (make_site(name).start() for name in targets)
    together = Together((leader, target), count, others, more).protect()
    together.tell(together.group(multi_vm_every_seconds=3600), to=others)
    return together


@pytest.mark.timeout(300)
def test_at_every_common_point_the_order_of_writes_across_all_machines_is_kept(apart, record_property):
    taken: list[Common] = []
    missed: list[Common] = []
    with Counting(apart) as writer:
        while len(taken) < POINTS:
            common = apart.take()
            (taken if common.reason is None else missed).append(common)
            assert len(missed) < POINTS, missed[-1].reason
            time.sleep(REST * common.pause_seconds)
    apart.drained()
    sets = [common.set_id for common in taken]
    assert set(sets) <= apart.whole_sets()
    counters = [apart.counters(set_id) for set_id in sorted(apart.whole_sets())]
    for each in counters:
        assert_in_order(each)
    assert counters == sorted(counters)
    for set_id in sets:
        assert len(apart.instants(set_id)) == 1
    record_property("counters", f"{len({tuple(each) for each in counters})} of {writer.written}")
    stood = [common.pause_seconds for common in taken]
    record_property("stood_still_ms", [round(each * 1000, 1) for each in stood])
    assert max(stood) <= 2


@pytest.mark.parametrize("hasty", ["leader", "follower"])
def test_a_side_that_does_not_wait_for_the_other_is_seen(make_site, monkeypatch, hasty):
    """That the check above finds a broken barrier."""
    a, b, c = (make_site(name).start() for name in "abc")
    apart = Together((a, b), 2, others=[c]).protect()
    apart.tell(apart.group(multi_vm_every_seconds=3600), to=[c])
    if hasty == "leader":
        monkeypatch.setattr(common_point, "LeaderSide", HastyLeader)
    else:
        monkeypatch.setattr(permitted_leaders, "FollowerSide", HastyFollower)
    other = c if hasty == "leader" else a
    simulated.dial(other.root, [simulated.Fault(method="common_pause.pause", delay_seconds=0.4)])
    with Counting(apart):
        common = apart.take()
    apart.drained()
    assert common.set_id in apart.whole_sets()
    with pytest.raises(AssertionError):
        assert_in_order(apart.counters(common.set_id))
