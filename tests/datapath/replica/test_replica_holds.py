"""Holds: a point stays, whatever retention says, until somebody releases it."""

import pytest

from secondsite.datapath import errors
from secondsite.datapath.replica.replica import Replica
from tests.datapath.support_chain import assert_points_true

pytestmark = pytest.mark.slow


@pytest.fixture
def replica(tmp_path, daemon, source):
    replica = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1)
    for number in range(1, 5):
        replica.apply(*source.cycle(f"p{number}"))
    yield replica
    replica.close()


def ids(replica):
    return [point.point_id for point in replica.points()]


def test_a_held_point_is_not_dropped_and_its_reason_is_named(replica):
    replica.hold("p2", "before the upgrade")
    with pytest.raises(errors.PointHeld, match="before the upgrade"):
        replica.drop("p2")
    assert ids(replica) == ["p1", "p2", "p3", "p4"]
    assert [point.held for point in replica.points()] == [None, "before the upgrade", None, None]


def test_a_hold_survives_a_restart_and_its_neighbours_are_merged_around_it(replica, daemon, source, tmp_path):
    replica.hold("p2", "evidence")
    replica.close()
    again = Replica.open(tmp_path / "m1", daemon)
    again.drop("p1")
    again.drop("p3")
    with pytest.raises(errors.PointHeld):
        again.drop("p2")
    assert ids(again) == ["p2", "p4"]
    assert_points_true(again, source, tmp_path)
    again.close()


def test_a_released_point_may_go(replica, source, tmp_path):
    replica.hold("p2", "evidence")
    assert "no longer held (evidence)" in replica.release("p2")
    assert replica.release("p2") == "point p2 was not held"
    replica.drop("p2")
    assert ids(replica) == ["p1", "p3", "p4"]
    assert_points_true(replica, source, tmp_path)


def test_a_repeated_hold_changes_nothing_and_another_reason_replaces_the_first(replica):
    replica.hold("p2", "one")
    assert "already held" in replica.hold("p2", "one")
    assert "before: one" in replica.hold("p2", "two")
    assert replica.state.holds == (("p2", "two"),)


def test_a_point_that_is_not_there_cannot_be_held(replica):
    with pytest.raises(errors.PointUnknown):
        replica.hold("p9", "why not")


def test_a_commit_says_which_held_points_it_removes(replica):
    replica.hold("p2", "evidence")
    replica.hold("p4", "good")
    replica.open_run("failover", "p4")
    assert (
        replica.settle("failover")
        == "fixed on point p4; removed 3 other recovery points, 1 of them held: p2 (evidence)"
    )
    assert replica.state.holds == ()
    assert ids(replica) == ["p4"]
