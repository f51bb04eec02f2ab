"""Which set all machines of a group share."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain import errors, groups
from secondsite.domain.points import Consistency, RecoveryPoint

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def point(seq, set_id=None, **more):
    return RecoveryPoint(f"p{seq}", NOW + timedelta(seconds=seq), epoch=1, seq=seq, set_id=set_id, **more)


def test_the_newest_set_is_the_one_that_every_member_has():
    members = {
        "a": [point(1, "s"), point(5, "t"), point(9, "u")],
        "b": [point(2, "s"), point(3, "t"), point(4)],
    }
    assert groups.newest_set(members) == "t"


def test_a_set_that_a_member_lost_does_not_count():
    assert groups.newest_set({"a": [point(1, "s")], "b": [point(2)]}) is None
    assert groups.newest_set({"a": [point(1, "s")], "b": []}) is None
    assert groups.newest_set({}) is None


def test_an_app_consistent_set_is_so_on_every_member():
    def members(consistency):
        return {
            "a": [point(1, "s", consistency=Consistency.APP)],
            "b": [point(1, "s", consistency=consistency)],
        }

    assert groups.newest_set(members(Consistency.APP), app_consistent=True) == "s"
    assert groups.newest_set(members(Consistency.CRASH), app_consistent=True) is None
    assert groups.newest_set(members(Consistency.CRASH)) == "s"


def test_a_committed_point_is_no_part_of_a_set():
    assert groups.newest_set({"a": [point(1, "s", committed=True)], "b": [point(1, "s")]}) is None


@given(st.lists(st.sets(st.integers(1, 8)), min_size=1, max_size=5))
def test_whatever_members_kept_the_answer_is_the_newest_of_what_they_share(kept):
    members = {str(n): [point(seq, f"set{seq}") for seq in sorted(seqs)] for n, seqs in enumerate(kept)}
    shared = set.intersection(*kept)
    assert groups.newest_set(members) == (f"set{max(shared)}" if shared else None)


@pytest.mark.parametrize("wrong", [{"name": "No Name"}, {"target_site": "a"}, {"multi_vm_every_seconds": 1}])
def test_a_group_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(errors.InvalidArgument):
        groups.ReplicationGroup(**{"name": "shop", "source_site": "a", "target_site": "b", **wrong})


def test_the_set_id_names_the_group_and_the_instant():
    assert groups.set_id("shop", NOW) == "shop-20261120T120000.000000Z"


@pytest.mark.parametrize("at", [NOW, NOW + timedelta(microseconds=7)])
def test_a_set_id_says_its_instant(at):
    assert groups.instant_of("shop", groups.set_id("shop", at)) == at


@pytest.mark.parametrize(
    "said",
    [None, 7, "", "shop", "shop-", "20261120T120000.000000Z", "shop-20261120T120000Z",
    "shop-20261320T120000.000000Z",
     "other-20261120T120000.000000Z", "shop-20261120T120000.000000Z/..", "shop-shop-20261120T120000.000000Z",
     "shop-20261120T120000.0Z"],
)  # fmt: skip
def test_what_is_no_set_id_of_the_group_has_no_instant(said):
    assert groups.instant_of("shop", said) is None
