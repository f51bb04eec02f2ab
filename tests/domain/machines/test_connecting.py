"""What lets somebody connect to a machine after its failover."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain.machines import connecting
from secondsite.domain.machines.connecting import (
    KINDS,
    Confirmation,
    Known,
    Line,
    Sight,
    Standing,
    System,
)
from secondsite.domain.machines.prepared import Preparations

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
LINUX = (Line.SSH_LISTENS, Line.SSH_AT_BOOT, Line.SSH_LET_IN)


def ago(**span):
    return NOW - timedelta(**span)


def said(line, at=NOW, site="rome"):
    return Confirmation(line, at, "ada", site)


NOBODY = Sight()


def known(line, sight=NOBODY, confirmed=(), target="rome") -> Known:
    (found,) = [each for each in connecting.table(sight, confirmed, target, NOW) if each.kind.line is line]
    return found


def test_which_lines_are_asked_is_decided_by_the_system():
    of = {
        system: {each.kind.line for each in connecting.table(Sight(system), (), "rome", NOW)}
        for system in System
    }
    assert of[System.LINUX] == {*LINUX, Line.TARGET_RULES}
    assert of[System.WINDOWS] == {*Line} - {*LINUX}
    assert of[System.UNKNOWN] == {*Line}


@pytest.mark.parametrize(
    ("named", "system"),
    [
        ("debian", System.LINUX),
        ("mswindows", System.WINDOWS),
        ("http://microsoft.com/win/2k19", System.WINDOWS),
        ("", System.UNKNOWN),
    ],
)
def test_a_system_is_known_by_the_words_of_agents_and_definitions(named, system):
    assert connecting.system(named) is system


def test_what_could_not_be_seen_is_no_line():
    found = Preparations(ssh_listens=True, ssh_at_boot=None, ssh_let_in=False)
    assert connecting.seen(found) == {Line.SSH_LISTENS: True, Line.SSH_LET_IN: False}


def test_of_what_nobody_looked_at_nothing_is_said():
    assert known(Line.SAN_POLICY).standing is Standing.OPEN
    assert known(Line.SSH_LISTENS, Sight(System.LINUX, None, {})).standing is Standing.OPEN


def test_a_confirmation_ages_and_says_who_gave_it():
    fresh = known(Line.NO_UPDATES, confirmed=[said(Line.NO_UPDATES, ago(days=6))])
    assert (fresh.standing, fresh.who, fresh.at) == (Standing.CONFIRMED, "ada", ago(days=6))
    assert (
        known(Line.NO_UPDATES, confirmed=[said(Line.NO_UPDATES, ago(days=8))]).standing is Standing.OUTDATED
    )
    assert (
        known(Line.SAN_POLICY, confirmed=[said(Line.SAN_POLICY, ago(days=8))]).standing is Standing.CONFIRMED
    )


def test_a_confirmation_of_a_clock_that_was_far_ahead_does_not_count_for_years():
    ahead = said(Line.SAN_POLICY, NOW + timedelta(days=400))
    assert known(Line.SAN_POLICY, confirmed=[ahead]).standing is Standing.OUTDATED


def test_what_an_agent_sees_to_be_otherwise_voids_a_confirmation():
    wrong = Sight(System.LINUX, ago(minutes=5), {Line.SSH_LET_IN: False})
    for at in (ago(hours=1), NOW):
        found = known(Line.SSH_LET_IN, wrong, [said(Line.SSH_LET_IN, at)])
        assert (found.standing, found.who) == (Standing.WRONG, None)


def test_where_no_agent_looks_any_more_a_person_s_later_word_counts():
    old = Sight(System.LINUX, ago(days=3), {Line.SSH_LET_IN: False})
    assert known(Line.SSH_LET_IN, old, [said(Line.SSH_LET_IN)]).standing is Standing.CONFIRMED
    assert known(Line.SSH_LET_IN, old, [said(Line.SSH_LET_IN, ago(days=4))]).standing is Standing.WRONG


def test_an_agent_s_look_is_told_with_its_instant_until_it_is_too_old():
    fresh = Sight(System.LINUX, ago(days=1), {Line.SSH_LISTENS: True})
    assert known(Line.SSH_LISTENS, fresh) == Known(KINDS[Line.SSH_LISTENS], Standing.SEEN, ago(days=1))
    old = Sight(System.LINUX, ago(days=91), {Line.SSH_LISTENS: True})
    assert known(Line.SSH_LISTENS, old).standing is Standing.OUTDATED
    assert known(Line.SSH_LISTENS, old, [said(Line.SSH_LISTENS)]).standing is Standing.CONFIRMED


def test_a_look_of_a_clock_that_was_far_ahead_keeps_no_person_s_word_from_counting():
    ahead = Sight(System.LINUX, NOW + timedelta(days=3650), {Line.SSH_AT_BOOT: False})
    assert known(Line.SSH_AT_BOOT, ahead).standing is Standing.WRONG
    assert known(Line.SSH_AT_BOOT, ahead, [said(Line.SSH_AT_BOOT)]).standing is Standing.CONFIRMED


@pytest.mark.parametrize("line", [Line.TARGET_RULES, Line.SSH_LET_IN])
def test_what_is_said_of_a_site_is_confirmed_for_that_site_alone(line):
    assert known(line, confirmed=[said(line)]).standing is Standing.CONFIRMED
    there = known(line, confirmed=[said(line)], target="paris")
    assert there.standing is Standing.OPEN


INSTANTS = st.integers(-800, 800).map(lambda days: NOW + timedelta(days=days))


@given(
    st.sampled_from(Line),
    st.one_of(st.none(), INSTANTS),
    st.sampled_from([True, False, None]),
    st.one_of(st.none(), INSTANTS),
)
def test_nothing_counts_as_good_that_nobody_saw_or_said(line, looked, holds, confirmed):
    lines = {} if holds is None else {line: holds}
    found = known(line, Sight(System.UNKNOWN, looked, lines), [said(line, confirmed)] if confirmed else ())
    if found.standing is Standing.SEEN:
        assert (found.at, holds) == (looked, True)
    if found.standing is Standing.CONFIRMED:
        assert (found.at, found.who) == (confirmed, "ada")
    if holds is False and looked and abs(NOW - looked) < timedelta(days=1):
        assert found.standing is Standing.WRONG
