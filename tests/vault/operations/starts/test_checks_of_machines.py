"""What is set to be checked of a machine goes with each start, and fails no verb."""

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.vault.store import MachineChecksRecord
from secondsite.wire.common.machine_checks import CheckKind, MachineCheck
from secondsite.wire.control.orders import Kind
from tests.vault.support_operations import said

pytestmark = pytest.mark.slow
PAGE = MachineCheck(name="page", kind=CheckKind.HTTP, deadline_seconds=90)
STARTS = {
    Verb.TEST_FAILOVER: State.PROTECTED,
    Verb.FAILOVER: State.FAILED_OVER,
    Verb.PLANNED_FAILOVER: State.PLANNED_FAILED_OVER,
}


@pytest.fixture
def checked(verbs):
    verbs.protect()
    verbs.appliances.shows = False
    with verbs.store.transaction() as tx:
        tx.checks.put(MachineChecksRecord(verbs.machine().id, (PAGE,)))
    return verbs


@pytest.mark.parametrize("verb", STARTS)
def test_a_check_that_passes_proves_the_start_of_a_machine_that_shows_nothing_else(checked, verb):
    tree = checked.run(verb)
    assert (tree.job.state, checked.state()) == ("succeeded", STARTS[verb])
    facts = said(tree, "Proof").facts["evidence"]
    assert (facts["proven"], [each["name"] for each in facts["checks"]]) == (True, ["page"])
    assert "virsh console" not in said(tree, "Proof").sentence


@pytest.mark.parametrize("verb", STARTS)
def test_a_check_that_fails_fails_no_verb_and_says_where_to_look(checked, verb):
    checked.appliances.failing_checks = {"page"}
    tree = checked.run(verb)
    assert (tree.job.state, checked.state()) == ("partially_succeeded", STARTS[verb])
    assert not said(tree, "Proof").facts["evidence"]["proven"]
    assert said(tree, "Proof").sentence.endswith("does the service listen?")


def test_the_appliance_has_as_long_as_the_longest_check_takes(checked):
    checked.appliances.silent.add(Kind.PROVE)
    tree = checked.run(Verb.FAILOVER)
    assert tree.job.state == "partially_succeeded"
    assert "did not finish in 120 s" in said(tree, "Proof").sentence


def test_an_appliance_of_an_older_release_is_told_to_know_no_checks(checked):
    checked.appliances.knows_no_checks = True
    tree = checked.run(Verb.FAILOVER)
    assert said(tree, "Proof").sentence.endswith("older release and knows no checks")
    checked.appliances.shows = None
    tree = checked.run(Verb.CHANGE_RECOVERY_POINT, choice="latest")
    assert said(tree, "Proof").state == "skipped"


def test_what_is_checked_ends_with_the_protection(checked):
    machine_id = checked.machine().id
    assert checked.run(Verb.DISABLE_PROTECTION).job.state == "succeeded"
    with checked.store.reading() as tx:
        assert tx.checks.find(machine_id) == ()
