"""What follows from a status is found once, and goes with it."""

import gc

from secondsite.vault.health.identity_cache import IdentityCache
from secondsite.wire.control.statuses import ReplicaStatus
from tests.support.vault import point, replica_status


def test_it_is_found_once_for_each_object_and_equal_ones_are_others():
    asked = []

    def count_points(replica: ReplicaStatus) -> int:
        asked.append(replica.machine_id)
        return len(replica.points)

    count = IdentityCache(count_points)
    one, like_it, other = (
        replica_status(points=[point(1)]),
        replica_status(points=[point(1)]),
        replica_status("m2"),
    )
    assert [count(each) for each in (one, one, like_it, other, other)] == [1, 1, 1, 0, 0]
    assert asked == ["m1", "m1", "m2"]


def test_what_was_found_goes_with_the_object():
    derived: IdentityCache[ReplicaStatus, int] = IdentityCache(lambda replica: replica.epoch)
    derived(replica_status())
    gc.collect()
    assert not derived._known  # noqa: SLF001 that nothing is left shows nowhere else


def test_an_object_at_the_place_of_one_that_went_is_looked_at_anew():
    seq: IdentityCache[ReplicaStatus, int] = IdentityCache(lambda replica: replica.points[0].seq)
    assert [seq(replica_status(points=[point(number)])) for number in range(100)] == list(range(100))
