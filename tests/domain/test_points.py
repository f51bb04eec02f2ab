"""Which point is picked, and which are dropped."""

import dataclasses
import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain import errors, points, retention
from secondsite.domain.points import Consistency, Grade, RecoveryPoint, RecoveryPointChoice
from secondsite.domain.policies import ReplicationPolicy
from secondsite.ground.units import DAY, HOUR

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def point(seq, age_seconds=0.0, **more):
    return RecoveryPoint(f"p{seq}", NOW - timedelta(seconds=age_seconds), epoch=1, seq=seq, **more)


def test_latest_is_the_one_that_came_last_even_if_the_clock_went_back():
    assert points.pick([point(1, 0), point(2, 3600)], RecoveryPointChoice.LATEST).id == "p2"


def test_app_consistent_choices_pass_over_crash_consistent_points():
    found = points.pick(
        [point(1, consistency=Consistency.APP), point(2)], RecoveryPointChoice.LATEST_APP_CONSISTENT
    )
    assert found.id == "p1"


def test_a_multi_vm_choice_uses_the_set_that_is_named():
    found = [point(1, set_id="s"), point(2, set_id="t"), point(3)]
    assert points.pick(found, RecoveryPointChoice.LATEST_MULTI_VM_PROCESSED, set_id="s").id == "p1"
    with pytest.raises(errors.NotFound):
        points.pick(found, RecoveryPointChoice.LATEST_MULTI_VM_PROCESSED, set_id="u")


def test_a_machine_outside_any_group_uses_its_latest_point_for_a_multi_vm_choice():
    found = [point(1, consistency=Consistency.APP), point(2)]
    assert points.pick(found, RecoveryPointChoice.LATEST_MULTI_VM_PROCESSED).id == "p2"
    assert points.pick(found, RecoveryPointChoice.LATEST_MULTI_VM_APP_CONSISTENT).id == "p1"


def test_in_a_slot_the_first_point_of_a_set_stays_and_the_first_ordinary_one():
    ages = [(1, 1800, None), (2, 1600, "s"), (3, 1400, None), (4, 1200, "t")]
    hours_ago = [point(seq, 5 * HOUR + age, set_id=set_id) for seq, age, set_id in ages]
    assert [each.id for each in retention.to_drop([*hours_ago, point(5)], DAY)] == ["p3", "p4"]


def test_a_named_point_is_found_or_its_absence_is_said():
    assert points.pick([point(1), point(2)], RecoveryPointChoice.CUSTOM, "p1").id == "p1"
    with pytest.raises(errors.NotFound, match="p9"):
        points.pick([point(1)], RecoveryPointChoice.CUSTOM, "p9")
    with pytest.raises(errors.InvalidArgument):
        points.pick([point(1)], RecoveryPointChoice.CUSTOM)


def test_a_committed_point_is_on_record_but_not_selectable():
    with pytest.raises(errors.NotFound):
        points.pick([point(1, committed=True)], RecoveryPointChoice.LATEST)


def test_a_vault_that_knows_nothing_of_a_commit_takes_over_what_stands_on_its_point():
    there = point(1, committed=True)
    assert points.pick([there], RecoveryPointChoice.CUSTOM, there.id, committed_too=True) is there
    with pytest.raises(errors.NotFound):
        points.pick([there], RecoveryPointChoice.CUSTOM, there.id)


def test_points_do_not_expire_while_no_new_ones_arrive():
    old = [point(seq, age_seconds=30 * DAY - seq * 300) for seq in range(5)]
    assert retention.to_drop(old, DAY) == []


def test_retention_zero_keeps_the_latest_only():
    assert [p.id for p in retention.to_drop([point(1, 20), point(2, 10), point(3, 0)], 0)] == ["p1", "p2"]


def test_a_day_of_five_minute_points_leaves_two_hours_and_then_one_an_hour():
    every_five = [point(seq, age_seconds=(288 - seq) * 300) for seq in range(289)]
    kept = len(every_five) - len(retention.to_drop(every_five, DAY))
    assert 45 <= kept <= 49


@pytest.mark.parametrize(
    ("policy", "hours"),
    [(ReplicationPolicy("default"), 24), (ReplicationPolicy("long", retention_seconds=72 * HOUR), 72)],
)
def test_in_the_window_of_a_policy_there_is_a_choice_all_through_and_none_before(policy, hours):
    """S-160, S-161, S-324, S-325"""
    every_five = [point(seq, (12 * 80 - seq) * 300) for seq in range(12 * 80)]
    gone = {each.id for each in retention.to_drop(every_five, policy.retention_seconds)}
    kept = [each for each in every_five if each.id not in gone]
    ages = [(kept[-1].taken_at - each.taken_at).total_seconds() / HOUR for each in reversed(kept)]
    assert hours - 2 < ages[-1] <= hours
    assert max(later - age for age, later in itertools.pairwise(ages)) <= 2.1
    assert points.pick(kept, RecoveryPointChoice.CUSTOM, kept[0].id) is kept[0]


points_strategy = st.lists(st.floats(0, 20 * DAY), min_size=1, max_size=60).map(
    lambda ages: [point(seq, age) for seq, age in enumerate(sorted(ages, reverse=True))]
)


@given(points_strategy, st.integers(0, 15 * DAY))
def test_the_newest_stays_nothing_held_goes_and_young_points_all_stay(all_points, retention_seconds):
    held = {all_points[0].id}
    dropped = retention.to_drop(all_points, retention_seconds, held)
    newest = all_points[-1]
    assert newest not in dropped
    assert not held & {p.id for p in dropped}
    young = [
        p
        for p in all_points
        if (newest.taken_at - p.taken_at).total_seconds() <= min(2 * HOUR, retention_seconds)
    ]
    assert not set(young) & set(dropped)


@given(points_strategy, st.integers(0, 15 * DAY))
def test_pruning_again_drops_nothing_more(all_points, retention_seconds):
    dropped = set(retention.to_drop(all_points, retention_seconds))
    assert retention.to_drop([p for p in all_points if p not in dropped], retention_seconds) == []


def test_a_damaged_point_is_passed_over_by_every_choice_but_its_name():
    found = [point(1, consistency=Consistency.APP), point(2, consistency=Consistency.APP, damaged=True)]
    for name in ("latest", "latest_processed", "latest_app_consistent"):
        choice = RecoveryPointChoice(name)
        assert points.pick(found, choice).id == "p1"
    with pytest.raises(errors.NotFound, match="0 other points, 1 damaged") as refused:
        points.pick(found[1:], RecoveryPointChoice.LATEST_PROCESSED)
    assert "latest_processed" not in refused.value.do
    assert "point verify" in refused.value.do


def test_a_damaged_point_that_is_named_is_refused_with_what_to_do():
    with pytest.raises(errors.PointDamaged, match="p2") as refused:
        points.pick([point(1), point(2, damaged=True)], RecoveryPointChoice.CUSTOM, "p2")
    assert "point verify MACHINE p2" in refused.value.do


def test_the_newest_point_that_is_whole_outlives_retention():
    found = [point(1, 3 * DAY), point(2, 2 * DAY), point(3, damaged=True)]
    assert [each.id for each in retention.to_drop(found, DAY)] == ["p1"]


def test_one_clock_that_is_set_makes_no_young_point_old():
    def sealed(seq, source_seconds, target_seconds):
        return point(seq, -source_seconds, sealed_at=NOW + timedelta(seconds=target_seconds))

    source_ahead = [sealed(1, 0, 0), sealed(2, 60, 60), sealed(3, 3720, 120)]
    target_ahead = [sealed(1, 0, 0), sealed(2, 60, 60), sealed(3, 120, 3720)]
    one_after_the_other = [sealed(1, 0, -3600), sealed(2, 60, 60), sealed(3, 3720, 120)]
    assert retention.to_drop(one_after_the_other, 1800) == []
    both = [sealed(1, 0, 0), sealed(2, 60, 60), sealed(3, 3720, 3720)]
    assert retention.to_drop(source_ahead, 1800) == []
    assert retention.to_drop(target_ahead, 1800) == []
    assert [each.id for each in retention.to_drop(both, 1800)] == ["p1", "p2"]


def test_of_a_slot_the_damaged_point_goes_and_not_the_whole_one():
    found = [point(1, 5 * HOUR, damaged=True), point(2, 5 * HOUR - 60), point(3)]
    assert [each.id for each in retention.to_drop(found, DAY)] == ["p1"]


def test_the_latest_verified_is_the_newest_that_proved_something_and_is_whole():
    found = [
        point(1, proof=Grade.BOOTED),
        point(2, proof=Grade.APPLICATION),
        point(3, proof=Grade.BOOTED, damaged=True),
        point(4),
    ]
    assert points.pick(found, RecoveryPointChoice.LATEST_VERIFIED).id == "p2"


def test_without_a_verified_point_it_is_said_how_one_gets_verified():
    with pytest.raises(errors.NotFound, match="latest_verified") as caught:
        points.pick([point(1), point(2)], RecoveryPointChoice.LATEST_VERIFIED)
    assert "latest_processed" in caught.value.do
    assert "drill" in caught.value.do


@given(points_strategy, st.integers(0, 15 * DAY), st.data())
def test_the_newest_verified_point_stays_and_costs_no_other(all_points, retention_seconds, data):
    verified = data.draw(st.lists(st.booleans(), min_size=len(all_points), max_size=len(all_points)))
    graded = [
        dataclasses.replace(each, proof=Grade.BOOTED if is_verified else None)
        for each, is_verified in zip(all_points, verified, strict=True)
    ]
    dropped = {each.id for each in retention.to_drop(graded, retention_seconds)}
    plain = {each.id for each in retention.to_drop(all_points, retention_seconds)}
    newest = points.newest(each for each in graded if each.proof)
    assert newest is None or newest.id not in dropped
    assert dropped <= plain


def test_the_only_verified_point_stays_while_it_is_in_doubt():
    """It is as good as damaged then, until it is read."""
    old = point(1, 20 * DAY, proof=Grade.APPLICATION, damaged=True)
    assert old not in retention.to_drop([old, *(point(seq, 600 - seq) for seq in range(2, 9))], HOUR)


@given(
    st.lists(st.tuples(st.integers(1, 30), st.booleans()), min_size=1, max_size=20, unique_by=lambda p: p[0])
)
def test_an_older_point_is_always_older_whole_and_no_further_back_than_asked(made):
    known = [point(seq, damaged=damaged) for seq, damaged in made]
    for than in known:
        whole = sorted((p.seq for p in known if p.seq < than.seq and not p.damaged), reverse=True)
        for places in (1, 2, 4, 64):
            found = points.older(known, points.arrival(than), places)
            assert (None if found is None else found.seq) == (
                whole[min(places, len(whole)) - 1] if whole else None
            )


def test_a_point_is_older_than_one_that_was_thinned_out_meanwhile():
    assert points.older([point(1), point(2)], (1, 9), 1) == point(2)
