"""Who is a second person, and what waits for one."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain import errors
from secondsite.domain.access import approvals
from secondsite.domain.access.approvals import ALWAYS, VERBS, WITH, Holder, Rules

persons = st.sampled_from(["anna", "Anna", " anna", "bob", "carl", "dora"])
holders = st.builds(Holder, st.text(max_size=5), persons, st.lists(persons, max_size=3).map(tuple))
named = st.lists(st.sampled_from(sorted(VERBS)), max_size=5)


def plain(person):
    return person.strip().casefold()


@given(holders, holders)
def test_a_second_person_is_one_for_both_or_for_none_and_neither_saw_the_others_secret(one, other):
    independent = not approvals.why_not(one, other)
    assert independent == (not approvals.why_not(other, one))
    met = plain(one.person) == plain(other.person)
    met = met or plain(one.person) in map(plain, other.shown_to)
    met = met or plain(other.person) in map(plain, one.shown_to)
    assert independent == (not met)


@given(st.lists(holders, max_size=5))
def test_it_is_switched_on_only_when_two_could_approve_each_other(in_charge):
    pairs = [(one, other) for at, one in enumerate(in_charge) for other in in_charge[:at]]
    if any(not approvals.why_not(*pair) for pair in pairs):
        approvals.require_two(in_charge)
    else:
        with pytest.raises(errors.NotPossibleNow):
            approvals.require_two(in_charge)


@given(named, st.sampled_from(sorted(VERBS)))
def test_what_is_named_waits_and_with_it_what_would_get_round_it(names, verb):
    rules = Rules(approvals.checked(names))
    around = any(verb in WITH.get(name, ()) for name in names)
    assert rules.guard([verb]) == (bool(names) and (verb in names or verb in ALWAYS or around))
    assert all(one < other for one, other in pairwise(rules.verbs))


@given(named, st.text(min_size=1))
def test_an_unknown_name_is_refused(names, text):
    if text not in VERBS:
        with pytest.raises(errors.InvalidArgument, match="No such verb"):
            approvals.checked([*names, text])


def test_who_may_not_shorten_a_policy_gives_no_machine_a_shorter_one():
    assert Rules(("update_policy",)).guard(["change_machine_policy"])
    assert not Rules(("delete_policy",)).guard(["change_machine_policy"])


def test_what_goes_round_a_verb_is_a_verb():
    assert {*WITH, *(verb for verbs in WITH.values() for verb in verbs)} <= VERBS
