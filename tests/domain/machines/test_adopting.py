"""What follows from what a new vault finds of machines of one that is gone."""

import pytest

from secondsite.domain.lifecycle import State
from secondsite.domain.machines import adopting
from secondsite.domain.machines.adopting import AHEAD, ReplicaSituation
from secondsite.domain.plans.plan import PlanGroup, PlanMachine, RecoveryPlan


@pytest.mark.parametrize(
    ("standing", "state"),
    [
        (ReplicaSituation(), State.PROTECTED),
        (ReplicaSituation(started=True), State.PROTECTED),
        (ReplicaSituation(started=True, defined=True), State.FAILED_OVER),
        (ReplicaSituation(committed=True, started=True, defined=True), State.COMMITTED),
        (ReplicaSituation(committed=True, started=True), State.COMMITTED),
    ],
)
def test_the_state_of_a_machine_is_what_stands_on_its_replica(standing, state):
    assert adopting.state_of(standing) is state


def test_its_number_is_far_above_all_that_was_seen_and_stays_when_it_is_asked_for_again():
    first = adopting.number(0, 7)
    assert first == 7 + AHEAD
    assert adopting.number(first, first) == first
    assert adopting.number(first, 7) == first
    assert adopting.number(first, first + 3) == first + 3 + AHEAD, "another vault gave that one"


def test_of_source_and_replica_at_one_appliance_the_later_epoch_counts():
    assert adopting.is_source(2, 1), "it came here, was committed, and is protected back from here"
    assert not adopting.is_source(1, 2), "what it was replicated from is left of an earlier direction"
    assert adopting.is_source(1, None)
    assert not adopting.is_source(None, 1)


def test_a_name_that_something_else_has_gets_another_end():
    assert adopting.free_name("quick", {"slow"}) == "quick"
    assert adopting.free_name("quick", {"quick"}) == "quick-adopted"
    assert adopting.free_name("quick", {"quick", "quick-adopted"}) == "quick-adopted1"


def test_a_plan_has_its_sites_under_their_names_of_now():
    plan = RecoveryPlan("shop", (PlanGroup((PlanMachine("m1", "web01", "paris", "rome"),)),))
    (machine,) = adopting.sites_named(plan, {"rome": "b"}).machines
    assert (machine.source_site, machine.target_site) == ("paris", "b")
