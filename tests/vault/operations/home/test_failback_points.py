"""A failback may start from an app-consistent point instead of the last state; until commit there is still
the last one."""

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.points import Consistency
from secondsite.wire.control.orders import Kind
from tests.vault.support_operations import said


@pytest.fixture
def away(verbs):
    """web01 runs away from home, and is protected back."""
    verbs.protect()
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        assert verbs.run(verb).job.state == "succeeded"
    return verbs


def agreed(verbs):
    """An app-consistent point, and a minute of work since."""
    point = verbs.appliances.seal(verbs.machine().id, consistency=Consistency.APP)
    verbs.clock.pass_by(60)
    verbs.appliances.seal(verbs.machine().id)
    return point


def started(verbs):
    return verbs.appliances.started[-1].point_id


def test_it_starts_from_its_newest_app_consistent_point_if_that_was_chosen(away):
    point = agreed(away)
    job = away.run(Verb.PLANNED_FAILOVER, choice="latest_app_consistent")
    assert job.job.state == "succeeded"
    assert (started(away), away.machine().failed_over_point_id) == (point.id, point.id)
    assert point.id in said(job, "Prerequisites check").sentence
    facts = said(job, "Failover").facts
    assert facts["point_id"] == point.id
    assert 60 <= facts["loses_seconds"] < 70
    kinds = [kind for _, kind, _ in away.appliances.given]
    off = kinds.index(Kind.SHUT_DOWN)
    assert kinds.index(Kind.RUN_CYCLE) < kinds.index(Kind.DRAIN, off)  # its last state is there all the same


def test_the_last_state_can_still_be_taken_until_commit(away):
    agreed(away)
    away.run(Verb.PLANNED_FAILOVER, choice="latest_app_consistent")
    assert away.run(Verb.CHANGE_RECOVERY_POINT, choice="latest_processed").job.state == "succeeded"
    newest = away.appliances.points[away.machine().id, away.machine().epoch][-1]
    assert started(away) == newest.id
    assert away.state() is State.PLANNED_FAILED_OVER


def test_unasked_it_starts_from_its_last_state_and_another_point_can_be_taken_then(away):
    point = agreed(away)
    job = away.run(Verb.PLANNED_FAILOVER)
    assert said(job, "Failover").facts["loses_seconds"] == 0
    assert started(away) != point.id
    assert away.run(Verb.CHANGE_RECOVERY_POINT, choice="latest_app_consistent").job.state == "succeeded"
    assert started(away) == point.id


def test_without_such_a_point_nothing_is_shut_down(away):
    away.appliances.given.clear()
    job = away.run(Verb.PLANNED_FAILOVER, choice="latest_app_consistent")
    assert job.job.state == "failed"
    assert "no recovery point for the choice 'latest_app_consistent'" in job.job.error.message
    assert Kind.SHUT_DOWN not in [kind for _, kind, _ in away.appliances.given]
    assert away.state() is State.PROTECTED


@pytest.mark.parametrize("choice", ["latest_processed", "latest_verified", "custom"])
def test_other_kinds_are_not_for_a_failback(away, choice):
    with pytest.raises(errors.InvalidArgument, match="failback of web01 cannot start from") as refused:
        away.submit(Verb.PLANNED_FAILOVER, choice=choice)
    assert "latest_app_consistent" in refused.value.do


def test_away_from_home_there_is_nothing_to_choose(verbs):
    verbs.protect()
    agreed(verbs)
    with pytest.raises(errors.InvalidArgument, match="loses nothing"):
        verbs.submit(Verb.PLANNED_FAILOVER, choice="latest_app_consistent")
    assert verbs.state() is State.PROTECTED
