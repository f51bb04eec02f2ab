"""For how long the checks of a failed-over plan have held."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain import errors
from secondsite.domain.plans import held_checks
from secondsite.domain.plans.held_checks import MOST_APART_SECONDS, HeldChecks, Look

BEGAN = datetime(2026, 12, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Happened:
    """What happens until a look, and what that sees: seconds that pass, by how much the clock is set, for how
    long lived time stands still, and of what the look is."""

    passes: float
    is_set: float
    stands: float
    of: str
    problem: str


happenings = st.lists(
    st.builds(
        Happened,
        passes=st.sampled_from([0.0, 1.0, 60.0, 61.0, 179.0, 200.0, 7200.0]),
        is_set=st.sampled_from([0.0, 0.0, 0.0, -7200.0, -5.0, 5.0, 90.0, 7200.0]),
        stands=st.sampled_from([0.0, 0.0, 0.0, 30.0, 7200.0]),
        of=st.sampled_from(["one", "one", "one", "one", "other"]),
        problem=st.sampled_from(["", "", "", "", "web01: ssh: refused"]),
    ),
    max_size=40,
)


def states(happened):
    """The state after each look, with the seconds that have truly passed by then."""
    held: HeldChecks | None = None
    truly, clock, lived = 0.0, BEGAN, BEGAN
    for each in happened:
        truly += each.passes
        clock += timedelta(seconds=each.passes + each.is_set)
        lived = min(clock, lived + timedelta(seconds=max(0.0, each.passes - each.stands)))
        look = Look(each.of, clock, lived, each.problem)
        held = held_checks.after(held, look)
        yield truly, look, held


def truly_held(seen):
    """For how long, in truth, nothing but looks at the same that found all passed followed one another."""
    of, since = None, None
    for truly, look, _ in seen:
        if look.problem:
            of, since = None, None
        elif of != look.of or since is None:
            of, since = look.of, truly
        yield 0.0 if since is None else truly - since


@given(happenings)
def test_whatever_clocks_do_nothing_counts_as_held_for_longer_than_it_was(happened):
    seen = list(states(happened))
    for (_, _, held), most in zip(seen, truly_held(seen), strict=True):
        assert held.seconds <= most + 1e-6


@given(happenings)
def test_what_does_not_hold_is_never_due_and_says_why(happened):
    for _, look, held in states(happened):
        assert held.problem == look.problem
        assert (held.since is None) is bool(look.problem)
        assert not (look.problem and (held.seconds or held_checks.is_due(held, 1)))


@given(st.integers(2, 30), st.floats(1, MOST_APART_SECONDS))
def test_looks_that_follow_one_another_add_up(many, apart):
    *_, last = states([Happened(apart, 0.0, 0.0, "one", "")] * many)
    assert last[2].seconds == pytest.approx((many - 1) * apart, rel=1e-3)
    assert held_checks.is_due(last[2], int(last[2].seconds))


@given(happenings)
def test_it_is_never_due_before_it_was_said_to_be(happened):
    said = None
    for _, look, held in states(happened):
        if held_checks.is_due(held, 300):
            assert said is not None
            assert look.now >= said
        said = held_checks.not_before(held, 300)
        assert (said is None) is (held.since is None)


def test_time_that_did_not_count_makes_it_later():
    """A vault that was killed every two minutes said a time that had passed long ago."""
    steady, killed = after_two(60.0, 0.0, 0.0, "one", ""), after_two(170.0, 0.0, 130.0, "one", "")
    later = [held_checks.not_before(each, 300) - each.since for each in (steady, killed)]
    assert later == [timedelta(seconds=300), timedelta(seconds=420)]


def after_two(*second):
    *_, (_, _, held) = states([Happened(60.0, 0.0, 0.0, "one", ""), Happened(*second)])
    return held


def test_a_vault_that_was_away_for_a_while_begins_anew():
    assert after_two(60.0, 0.0, 0.0, "one", "").seconds == 60.0
    assert after_two(3600.0, 0.0, 3599.0, "one", "").seconds == 0.0


@pytest.mark.parametrize("set_by", [-86_400.0, 86_400.0])
def test_a_clock_that_was_set_begins_anew(set_by):
    assert after_two(60.0, set_by, 0.0, "one", "").seconds == 0.0


def test_another_point_or_edition_begins_anew():
    held = after_two(60.0, 0.0, 0.0, "other", "")
    assert (held.seconds, held.since) == (0.0, held.looked_at)


@pytest.mark.parametrize("seconds", [1, 299, 604_801])
def test_a_time_in_which_nobody_could_say_no_is_refused(seconds):
    with pytest.raises(errors.InvalidArgument, match="cannot commit by itself"):
        held_checks.check(seconds)


@pytest.mark.parametrize("seconds", [0, 300, 604_800])
def test_no_time_and_the_bounds_are_possible(seconds):
    held_checks.check(seconds)
