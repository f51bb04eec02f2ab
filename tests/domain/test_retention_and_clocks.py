"""No clock that is set, at any site and at any time, costs a point that is inside its retention."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondsite.domain import retention
from secondsite.domain.points import RecoveryPoint
from secondsite.ground.units import DAY, HOUR
from secondsite.ground.uptime import Uptime

pytestmark = pytest.mark.always

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass
class Replica:
    """Points as a target seals them. `now` is true time; what the clocks say is `now` and how far they
    were set."""

    retention_seconds: int
    notes_uptime: bool = True
    now: float = 0.0
    source_ahead: float = 0.0
    target_ahead: float = 0.0
    boots: int = 0
    booted: float = 0.0
    points: list[RecoveryPoint] = field(default_factory=list)
    sealed: dict[str, float] = field(default_factory=dict)
    """True time of every point that was ever made."""

    def live(self, change, by):
        match change:
            case "time passes":
                self.now += by
            case "the source's clock stands still":
                self.now += by
                self.source_ahead -= by
            case "the target's host is off":
                self.now += by
                self.boots, self.booted = self.boots + 1, self.now
            case "another host has the replica":
                self.boots, self.booted = self.boots + 1, self.now - by
            case "the source's clock is set":
                self.source_ahead += by
            case "the target's clock is set":
                self.target_ahead += by
            case "the clocks of both sites are set":
                self.source_ahead += by
                self.target_ahead += by

    def seal(self):
        seq = len(self.sealed) + 1
        point = RecoveryPoint(
            f"p{seq}",
            NOON + timedelta(seconds=self.now + self.source_ahead),
            epoch=1,
            seq=seq,
            sealed_at=NOON + timedelta(seconds=self.now + self.target_ahead),
            uptime=Uptime(f"boot-{self.boots}", self.now - self.booted) if self.notes_uptime else None,
        )
        self.points.append(point)
        self.sealed[point.id] = self.now

    def prune(self):
        """As the target does, one by one; gives the ids of those that went."""
        gone = []
        while doomed := retention.to_drop(self.points, self.retention_seconds):
            self.points.remove(doomed[0])
            gone.append(doomed[0].id)
        return gone

    def age(self, point_id):
        """In truth."""
        return self.now - self.sealed[point_id]

    def has_one_near(self, point_id, seconds):
        """A kept point that was made before this one, and so close to it."""
        return any(0 <= self.sealed[point_id] - self.sealed[kept.id] <= seconds for kept in self.points)


def step_of_grid(age):
    return next(every for until, every in retention.GRID if age <= until)


HOURS = st.sampled_from([HOUR, 2 * HOUR, 5 * HOUR])
passing = st.tuples(st.just("time passes"), HOURS | st.sampled_from([1, 300, 1800]))
standing = st.tuples(st.just("the source's clock stands still"), HOURS)
resting = st.tuples(st.just("the target's host is off"), HOURS | st.sampled_from([1, 3 * DAY]))
moving = st.tuples(st.just("another host has the replica"), HOURS)
setting = st.tuples(
    st.sampled_from(
        ["the source's clock is set", "the target's clock is set", "the clocks of both sites are set"]
    ),
    HOURS.map(lambda by: -by) | HOURS | st.sampled_from([400 * DAY, -400 * DAY]) | st.integers(-6000, 6000),
)
changes = st.lists(passing | standing | setting, max_size=3)
changes_and_hosts = st.lists(passing | standing | setting | resting | moving, max_size=2)
histories = st.lists(changes_and_hosts, min_size=12, max_size=40)


@pytest.mark.slow
@settings(max_examples=500)
@given(histories, st.sampled_from([600, DAY, 8 * DAY]))
def test_whatever_clocks_are_set_to_a_young_point_stays_and_an_older_one_leaves_a_neighbour(
    history, retention_seconds
):
    replica = Replica(retention_seconds)
    for changes in history:
        for change, by in changes:
            replica.live(change, by)
        replica.seal()
        for point_id in replica.prune():
            age = replica.age(point_id)
            if age > retention_seconds:
                continue
            assert age > 2 * HOUR, "a young point went"
            # a slot of the grid, and the hour by which its clock may have been set unnoticed
            assert replica.has_one_near(point_id, step_of_grid(age) + HOUR), "the grid lost its point"


@given(st.lists(changes, min_size=1, max_size=40))
def test_ages_are_the_true_ones_as_long_as_the_targets_host_runs(history):
    replica = Replica(DAY)
    for changes in history:
        for change, by in changes:
            replica.live(change, by)
        replica.seal()
    for point_id, age in retention.ages(replica.points).items():
        assert age == pytest.approx(replica.age(point_id), abs=0.001)


def test_clocks_that_are_set_at_both_sites_between_two_points_make_no_point_old():
    replica = Replica(retention_seconds=1800)
    for change, by in (("time passes", 1), ("the clocks of both sites are set", HOUR), ("time passes", 1)):
        replica.seal()
        replica.live(change, by)
    assert replica.prune() == []


def test_a_source_whose_clock_went_back_fills_no_slot_of_an_earlier_hour():
    replica = Replica(DAY)
    replica.seal()
    replica.live("time passes", HOUR)
    replica.live("the source's clock is set", -HOUR)
    replica.seal()
    replica.live("time passes", 3 * HOUR)
    replica.seal()
    assert replica.prune() == []


def test_time_in_which_the_targets_host_was_off_is_measured_by_nobody_and_makes_no_point_old():
    replica = Replica(DAY)
    replica.seal()
    replica.live("the target's host is off", 3 * DAY)
    replica.seal()
    assert replica.prune() == []
    replica.live("time passes", DAY + 1)
    replica.seal()
    assert replica.prune() == ["p1", "p2"]


def test_a_host_that_was_put_back_to_an_earlier_instant_makes_no_point_younger_than_the_next():
    points = [
        RecoveryPoint(f"p{seq}", NOON, epoch=1, seq=seq, uptime=Uptime("boot", seconds))
        for seq, seconds in enumerate([100, 400, 200, 250], start=1)
    ]
    assert retention.ages(points) == {"p1": 350, "p2": 50, "p3": 50, "p4": 0}
    assert retention.ages(points, until=Uptime("boot", 260))["p4"] == 10
    assert retention.ages(points, until=Uptime("another boot", 260))["p4"] == 0


def test_points_of_a_release_that_noted_no_uptime_age_by_the_slower_clock_and_not_at_all_across_the_upgrade():
    replica = Replica(1800, notes_uptime=False)
    replica.seal()
    replica.live("time passes", 60)
    replica.live("the source's clock is set", HOUR)
    replica.seal()
    replica.notes_uptime = True
    replica.live("the clocks of both sites are set", HOUR)
    replica.live("time passes", 60)
    replica.seal()
    assert retention.ages(replica.points) == {"p1": 60, "p2": 0, "p3": 0}
    replica.live("time passes", 1741)
    replica.seal()
    assert replica.prune() == ["p1"]


forged = st.lists(
    st.tuples(
        st.integers(-HOUR, HOUR) | st.integers(-5 * DAY, 5 * DAY), st.sampled_from([None, "shop-1", "shop-2"])
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=200)
@given(forged, st.sampled_from([HOUR, DAY, 8 * DAY]))
def test_whatever_a_source_says_of_the_points_that_it_sends_no_earlier_point_goes_for_them(
    claims, retention_seconds
):
    replica = Replica(retention_seconds)
    for _ in range(60):
        replica.live("time passes", 1800)
        replica.seal()
    clean = list(replica.points)
    for by, set_id in claims:
        replica.seal()
        told = replica.points.pop()
        replica.points.append(replace(told, taken_at=told.taken_at + timedelta(seconds=by), set_id=set_id))
    replica.live("time passes", 3 * HOUR)
    replica.seal()
    dropped = {each.id for each in retention.to_drop(replica.points, retention_seconds)}
    without = retention.to_drop([*clean, replica.points[-1]], retention_seconds)
    assert dropped & {each.id for each in clean} <= {each.id for each in without}


def point(seconds, seq, set_id=None):
    """Taken that long after noon."""
    uptime = Uptime("boot", float(seconds))
    return RecoveryPoint(
        f"p{seq}", NOON + timedelta(seconds=seconds), epoch=1, seq=seq, set_id=set_id, uptime=uptime
    )


def regularly(every_seconds, days):
    return [point(at, seq) for seq, at in enumerate(range(0, days * DAY, every_seconds))]


def left_of(points, retention_seconds):
    gone = {each.id for each in retention.to_drop(points, retention_seconds)}
    return [each for each in points if each.id not in gone]


@pytest.mark.parametrize(("every", "days"), [(5, 1), (60, 2), (300, 15), (300, 365)])
def test_a_chain_stays_short_enough_to_be_opened_whatever_the_policy_says(every, days):
    left = left_of(regularly(every, days), days * DAY)
    most = {1: 0, 2: 12, 15: 72 + 48, 365: 72 + 48 + 45 + 44}[days]
    assert len(left) <= retention.MOST_CLOSE + 24 + 22 + most + len(retention.GRID)


def test_points_of_every_minute_for_a_group_and_of_every_five_for_its_machine_all_stay_for_two_hours():
    times = sorted(
        [(at, True) for at in range(0, 2 * HOUR, 60)] + [(at + 30, False) for at in range(0, 2 * HOUR, 300)]
    )
    points = [point(at, seq, f"set-{at}" if in_set else None) for seq, (at, in_set) in enumerate(times)]
    assert left_of(points, DAY) == points


def test_of_more_points_than_a_chain_may_have_the_newest_stay_and_one_of_each_five_minutes():
    points = regularly(5, 1)[: HOUR // 5]
    left = left_of(points, DAY)
    assert left[-retention.MOST_CLOSE :] == points[-retention.MOST_CLOSE :]
    older = [each.taken_at for each in left[: -retention.MOST_CLOSE]]
    assert older == [NOON + timedelta(seconds=at) for at in range(0, HOUR - 800, 300)]


def test_a_point_of_a_set_stands_for_others_of_its_slot_that_arrive_after_it_and_for_none_before():
    times = [
        (0, "s1"),
        (600, None),
        (1200, "s2"),
        (HOUR, None),
        (HOUR + 60, "s3"),
        (HOUR + 90, None),
        (9 * HOUR, None),
    ]
    points = [point(at, seq, set_id) for seq, (at, set_id) in enumerate(times)]
    assert [each.id for each in left_of(points, DAY)] == ["p0", "p3", "p4", "p6"]


def test_a_damaged_point_of_a_set_does_not_stand_for_a_whole_one():
    points = [replace(point(0, 0, "s1"), damaged=True), point(600, 1), point(9 * HOUR, 2)]
    assert "p1" in [each.id for each in left_of(points, DAY)]
