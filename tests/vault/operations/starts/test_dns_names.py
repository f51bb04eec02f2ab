"""DNS names of a machine's cards follow it, by the site where it runs; a test failover leaves them, and no
verb fails by them."""

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.vault.health.findings import Situation, findings
from secondsite.vault.store import MachineSettingsRecord, StatusRecord
from secondsite.wire.common.cards import CardSettings
from secondsite.wire.control.orders import Kind
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import said

MAC, NAME, HOME, AWAY = "52:54:00:00:00:01", "web01.shop.example", "10.7.9.1", "10.2.0.5"


@pytest.fixture
def named(verbs):
    verbs.protect()
    verbs.appliances.shows = True
    verbs.appliances.pointed[NAME] = HOME
    furnish(verbs, address=f"{AWAY}/24")
    return verbs


def furnish(verbs, **settings):
    card = CardSettings(mac=MAC, names=(NAME,), **settings)
    with verbs.store.transaction() as tx:
        tx.settings.put(MachineSettingsRecord(verbs.machine().id, (card,)))


def run(verbs, verb, wanted="succeeded", **arguments):
    tree = verbs.run(verb, **arguments)
    assert tree.job.state == wanted, tree
    return tree


def names(verbs):
    """What was asked of whom last."""
    appliance, payload = verbs.appliances.named[-1]
    (wanted,) = payload.names
    return appliance, wanted.name, wanted.mac, wanted.address


def found(verbs):
    situation = Situation(verbs.machine(), StatusRecord(verbs.machine().id), None, None, None)
    return [each for each in findings(situation, verbs.clock.now()) if each.code == "names-elsewhere"]


@pytest.mark.parametrize("verb", [Verb.FAILOVER, Verb.PLANNED_FAILOVER])
def test_after_a_failover_the_target_lets_the_name_point_to_its_address_there(named, verb):
    tree = run(named, verb)
    assert names(named) == (B, NAME, MAC, AWAY)
    assert [task.title for task in tree.tasks][-2:] == ["Proof", "DNS names"]
    assert (said(tree, "DNS names").sentence, found(named)) == ("did update_names", [])
    assert named.appliances.pointed[NAME] == AWAY


def test_a_card_with_another_mac_address_there_is_found_by_that(named):
    furnish(named, keep_mac=False)
    run(named, Verb.FAILOVER, "partially_succeeded")
    assert names(named)[2] == named.appliances.started[-1].new_macs[MAC]


def test_a_changed_point_sees_to_it_again(named):
    run(named, Verb.FAILOVER)
    run(named, Verb.CHANGE_RECOVERY_POINT, choice="latest")
    assert [appliance for appliance, _ in named.appliances.named] == [B, B]


def test_on_the_way_home_it_points_to_what_it_did_before_though_no_agent_says_that(named):
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT, Verb.PLANNED_FAILOVER):
        run(named, verb)
    assert names(named) == (A, NAME, MAC, HOME)
    assert (named.appliances.pointed[NAME], dict(named.machine().names.home)) == (HOME, {})


def test_a_cancelled_failover_sets_it_back_at_home(named):
    run(named, Verb.PLANNED_FAILOVER)
    tree = run(named, Verb.CANCEL_FAILOVER)
    assert names(named) == (A, NAME, MAC, HOME)
    assert [task.title for task in tree.tasks][-2:] == ["Start", "DNS names"]
    assert named.appliances.pointed[NAME] == HOME


def test_a_test_failover_and_its_clean_up_give_no_such_order(named):
    run(named, Verb.TEST_FAILOVER, network="create")
    run(named, Verb.CLEANUP_TEST_FAILOVER)
    assert Kind.UPDATE_NAMES not in {kind for _, kind, _ in named.appliances.given}
    assert named.appliances.pointed == {NAME: HOME}


def test_no_verb_that_is_a_drill_has_a_step_of_names(named):
    for verb in (Verb.TEST_FAILOVER, Verb.CLEANUP_TEST_FAILOVER):
        request = {"network": "create"} if verb is Verb.TEST_FAILOVER else {}
        assert "names" not in [task.key for task in run(named, verb, **request).tasks]


@pytest.mark.parametrize("away", [False, True])
def test_a_name_that_stays_is_a_finding_with_the_way_out_and_fails_nothing(named, away):
    if away:
        named.appliances.fail(Kind.UPDATE_NAMES)
    else:
        named.appliances.names_stay = {NAME}
    sentence = said(run(named, Verb.FAILOVER, "partially_succeeded"), "DNS names").sentence
    assert sentence.endswith("try again with 'secondsite machine update-names web01'")
    (finding,) = found(named)
    assert finding.what.startswith(f"{NAME} may not point to web01 at b: ")
    named.appliances.mend()
    named.appliances.names_stay = set()
    run(named, Verb.UPDATE_NAMES)
    assert (found(named), named.state(), names(named)[0]) == ([], State.FAILED_OVER, B)
    assert dict(named.machine().names.home) == {NAME: HOME}


def test_a_finding_ends_when_the_machine_is_home_again(named):
    named.appliances.names_stay = {NAME}
    run(named, Verb.PLANNED_FAILOVER, "partially_succeeded")
    named.appliances.names_stay, named.appliances.agent_says = set(), HOME
    run(named, Verb.CANCEL_FAILOVER)
    assert found(named) == []


def test_where_a_machine_is_protected_its_own_site_is_asked(named):
    named.appliances.agent_says = HOME
    run(named, Verb.UPDATE_NAMES)
    assert names(named) == (A, NAME, MAC, None)


def test_a_machine_without_names_costs_no_order(verbs):
    verbs.protect()
    assert said(run(verbs, Verb.FAILOVER), "DNS names").state == "skipped"
    assert Kind.UPDATE_NAMES not in {kind for _, kind, _ in verbs.appliances.given}


def test_the_check_asks_the_target_which_names_it_cannot_change(named):
    run(named, Verb.PLANNED_FAILOVER)
    assert named.appliances.checked.names == (NAME,)
