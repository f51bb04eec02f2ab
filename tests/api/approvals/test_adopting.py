"""To adopt takes two persons: until the second has approved it, the appliance does nothing, either."""

import pytest

from tests.support.vault import Dialler
from tests.vault.facade.nouns.adoption.support_saying import Appliance, found, kept, said


@pytest.fixture
def at(vault):
    return vault.enroll("b", "b-1")


@pytest.fixture
def appliance(vault, at):
    appliance = Appliance([found(kept=kept())], said())
    with Dialler(at, appliance.answers()):
        yield appliance


def test_the_appliance_does_nothing_before_the_second_person_approved(at, appliance, require, anna, bob):
    require("adopt")
    number = anna.waits("POST", f"/appliances/{at.id}/adopt", json={})
    assert not appliance.adopted
    bob.grant(number)
    assert [order.machine_id for order in appliance.adopted] == ["m1"]


def test_what_a_second_person_refused_is_done_at_no_appliance(at, appliance, require, anna, bob):
    require("adopt")
    bob("POST", f"/approvals/{anna.waits('POST', f'/appliances/{at.id}/adopt', json={})}/refuse")
    assert not appliance.adopted


def test_it_is_in_the_audit_log_before_the_appliance_begins(at, appliance, ask, log):
    ask("POST", f"/appliances/{at.id}/adopt", json={})
    entries = log("POST /appliances/{appliance}/adopt")
    assert [outcome for _verb, _who, outcome, _details in entries] == ["begun", "done"]
