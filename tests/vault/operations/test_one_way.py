"""Machines that are named together and would go different ways are not moved until one way is chosen
(S-135)."""

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import State, Verb
from tests.vault.support_operations import said

BOTH = ("web01", "db01")


@pytest.fixture
def apart(verbs):
    """db01 runs at its second site, and is protected back from there."""
    verbs.protect(*BOTH)
    for verb in (Verb.FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        assert verbs.run(verb, "db01").job.state == "succeeded"
    return verbs


@pytest.mark.parametrize("verb", [Verb.FAILOVER, Verb.PLANNED_FAILOVER])
def test_without_a_choice_nothing_is_moved(apart, verb):
    with pytest.raises(errors.NotPossibleNow) as refused:
        apart.submit(verb, *BOTH)
    assert refused.value.message == "These machines would go different ways: away: web01; home: db01."
    assert "--direction away or --direction home" in refused.value.do
    assert [apart.state(name) for name in BOTH] == [State.PROTECTED] * 2


@pytest.mark.parametrize(("way", "goes", "stays"), [("away", "web01", "db01"), ("home", "db01", "web01")])
def test_the_others_are_left_out_and_named(apart, way, goes, stays):
    job = apart.run(Verb.PLANNED_FAILOVER, *BOTH, direction=way)
    assert job.job.state == "succeeded"
    assert f"left out, since they would go the other way: {stays}" in said(job, "Machines").sentence
    assert (apart.state(goes), apart.state(stays)) == (State.PLANNED_FAILED_OVER, State.PROTECTED)


def test_of_the_others_nothing_is_asked(apart):
    apart.run(Verb.PLANNED_FAILOVER, "db01")
    assert apart.run(Verb.FAILOVER, *BOTH, direction="away").job.state == "succeeded"
    assert apart.state("web01") is State.FAILED_OVER


@pytest.mark.parametrize("machines", [("web01",), ("web01", "web01")])
def test_a_way_that_none_of_them_would_go_is_refused(apart, machines):
    with pytest.raises(errors.NotPossibleNow, match="Of these machines none would go home: away: web01"):
        apart.submit(Verb.FAILOVER, *machines, direction="home")


def test_machines_of_one_way_need_no_choice(verbs):
    verbs.protect(*BOTH)
    assert verbs.run(Verb.FAILOVER, *BOTH).job.state == "succeeded"
