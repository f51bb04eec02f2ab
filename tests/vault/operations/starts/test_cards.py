"""What is set for a machine's network cards counts at its second site, in a failover and in a drill, and
nowhere else."""

from dataclasses import replace

import pytest

from secondsite.domain.lifecycle import Verb
from secondsite.vault.store import MachineSettingsRecord
from secondsite.wire.common.cards import CardSettings
from secondsite.wire.control.orders import OtherCards
from secondsite.wire.rest.places import NetworkMapping
from tests.vault.support_operations import said

MAC, OTHER_MAC = "52:54:00:00:00:01", "52:54:00:00:00:02"


def furnish(verbs, **settings):
    verbs.protect()
    with verbs.store.transaction() as tx:
        tx.networks.put(
            NetworkMapping(source_site="a", source_network="lan", target_site="b", target_network="lan-b")
        )
        card = CardSettings(mac=MAC, **settings)
        tx.settings.put(MachineSettingsRecord(verbs.machine().id, (card,)))


def move_at_home(verbs, network, mac=MAC):
    """The machine's owner puts its card into another network, or replaces it."""

    def moved(found):
        (nic,) = found.nics
        return found.model_copy(update={"nics": (nic.model_copy(update={"network": network, "mac": mac}),)})

    verbs.appliances.inventory = [moved(each) for each in verbs.appliances.inventory]


def started(verbs, verb, **arguments):
    run = verbs.run(verb, **arguments)
    assert run.job.state == "succeeded", run
    return verbs.appliances.started[-1], run


@pytest.mark.parametrize("verb", [Verb.FAILOVER, Verb.PLANNED_FAILOVER])
def test_a_card_s_own_network_comes_before_the_mapped_one(verbs, verb):
    furnish(verbs, network="dmz-b")
    payload, _ = started(verbs, verb)
    assert (payload.networks, payload.networks_by_mac) == ({"net0": "dmz-b"}, {MAC: "dmz-b"})
    assert [card.network for card in verbs.appliances.checked.cards] == ["dmz-b"]
    assert payload.new_macs == {}


@pytest.mark.parametrize(("more", "becomes"), [({}, "lan-b/web"), ({"lan/web": "dmz-b"}, "dmz-b")])
def test_a_portgroup_keeps_its_name_unless_it_is_mapped_by_itself(verbs, more, becomes):
    furnish(verbs)
    move_at_home(verbs, "lan/web")
    with verbs.store.transaction() as tx:
        for source, target in more.items():
            tx.networks.put(
                NetworkMapping(source_site="a", source_network=source, target_site="b", target_network=target)
            )
    payload, _ = started(verbs, Verb.PLANNED_FAILOVER)
    assert payload.networks == {"net0": becomes}
    assert verbs.appliances.checked.networks == (becomes,)


def test_a_planned_failover_checks_the_network_that_the_card_has_by_now_and_records_it(verbs):
    furnish(verbs)
    move_at_home(verbs, "campus/two words")
    payload, run = started(verbs, Verb.PLANNED_FAILOVER)
    assert payload.networks == {"net0": None}
    assert "has no mapped network at b: it will not be connected" in run.tasks[0].sentence
    assert verbs.appliances.checked.networks == ()
    assert [nic.network for nic in verbs.machine().definition.nics] == ["campus/two words"]
    assert verbs.appliances.checked.definition.nics == verbs.machine().definition.nics


@pytest.mark.parametrize(
    ("settings", "set_cards"),
    [({}, ()), ({"keep_mac": False}, ()), ({"network": "dmz-b"}, (MAC,)), ({"connected": False}, (MAC,))],
)
def test_a_start_says_what_its_point_s_networks_are_mapped_to_and_for_which_cards_that_does_not_count(
    verbs, settings, set_cards
):
    furnish(verbs, **settings)
    payload, _ = started(verbs, Verb.FAILOVER)
    assert (payload.mappings, payload.set_cards) == ({"lan": "lan-b"}, set_cards)


def test_on_the_way_home_no_mapping_counts(verbs):
    furnish(verbs)
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        assert verbs.run(verb).job.state == "succeeded"
    payload, _ = started(verbs, Verb.PLANNED_FAILOVER)
    assert payload.mappings is None


def test_a_card_that_is_not_to_be_connected_is_not_and_the_check_says_why(verbs):
    furnish(verbs, connected=False)
    payload, run = started(verbs, Verb.PLANNED_FAILOVER)
    assert payload.networks == {"net0": None}
    assert "will not be connected, as is set for it" in run.tasks[0].sentence
    assert verbs.appliances.checked.networks == ()


def test_a_drill_has_its_own_networks_and_they_must_be_there(verbs):
    furnish(verbs, network="dmz-b", test_network="lab-b")
    payload, run = started(verbs, Verb.TEST_FAILOVER, network="create")
    assert payload.networks_by_mac == {MAC: "lab-b"}
    assert verbs.appliances.checked.networks == ("lab-b",)
    assert "but net0 on lab-b" in said(run, "Start").sentence
    assert verbs.run(Verb.CLEANUP_TEST_FAILOVER).job.state == "succeeded"
    payload, _ = started(verbs, Verb.FAILOVER)
    assert payload.networks_by_mac == {MAC: "dmz-b"}


def test_a_drill_without_a_network_connects_no_card_whatever_is_set(verbs):
    furnish(verbs, test_network="lab-b")
    payload, _ = started(verbs, Verb.TEST_FAILOVER, network="none")
    assert payload.networks_by_mac == {MAC: None}
    assert verbs.appliances.checked.networks == ()


def test_a_card_that_is_left_out_of_drills_is_not_connected_in_one(verbs):
    furnish(verbs, test_connected=False)
    payload, run = started(verbs, Verb.TEST_FAILOVER, network="lab-b")
    assert payload.networks_by_mac == {MAC: None}
    assert "but net0 on none" in said(run, "Start").sentence


def test_a_new_address_is_the_same_at_every_start_and_another_in_a_drill(verbs):
    furnish(verbs, keep_mac=False)
    drill, _ = started(verbs, Verb.TEST_FAILOVER, network="lab-b")
    assert verbs.run(Verb.CLEANUP_TEST_FAILOVER).job.state == "succeeded"
    first, _ = started(verbs, Verb.PLANNED_FAILOVER)
    assert verbs.run(Verb.CANCEL_FAILOVER).job.state == "succeeded"
    again, _ = started(verbs, Verb.PLANNED_FAILOVER)
    assert first.new_macs == again.new_macs
    assert list(first.new_macs) == [MAC]
    assert first.new_macs[MAC] not in (MAC, drill.new_macs[MAC])
    assert all(mac.startswith("52:54:00:") for mac in (*first.new_macs.values(), *drill.new_macs.values()))


def test_what_is_set_does_not_count_on_the_way_home_and_counts_again_after_it(verbs):
    furnish(verbs, network="dmz-b", keep_mac=False)
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        assert verbs.run(verb).job.state == "succeeded"
    home, _ = started(verbs, Verb.PLANNED_FAILOVER)
    assert (home.home, home.networks_by_mac, home.new_macs) == (True, {MAC: "lan"}, {})
    for verb in (Verb.COMMIT, Verb.REPROTECT):
        assert verbs.run(verb).job.state == "succeeded"
    away, _ = started(verbs, Verb.PLANNED_FAILOVER)
    assert away.networks_by_mac == {MAC: "dmz-b"}


def test_what_was_set_goes_with_the_protection(verbs):
    furnish(verbs, network="dmz-b")
    machine_id = verbs.machine().id
    assert verbs.run(Verb.DISABLE_PROTECTION).job.state == "succeeded"
    with verbs.store.reading() as tx:
        assert tx.settings.cards(machine_id) == ()


@pytest.mark.parametrize(
    ("settings", "becomes"), [({"network": "dmz-b"}, "dmz-b"), ({"connected": False}, None)]
)
def test_what_is_set_for_a_card_that_is_no_more_is_told_and_counts_for_its_points(verbs, settings, becomes):
    furnish(verbs, **settings)
    move_at_home(verbs, "lan", OTHER_MAC)
    payload, run = started(verbs, Verb.PLANNED_FAILOVER)
    assert f"What is set for the card {MAC} counts for none that the machine has now" in run.tasks[0].sentence
    assert payload.networks_by_mac == {MAC: becomes, OTHER_MAC: "lan-b"}
    assert payload.set_cards == (MAC,)
    assert payload.other_cards == OtherCards(network=None)


@pytest.mark.parametrize(("network", "others"), [("lab-b", "lab-b"), ("none", None)])
def test_a_drill_says_where_the_cards_go_that_only_an_older_point_has(verbs, network, others):
    furnish(verbs, test_network="dmz-b")
    with verbs.store.transaction() as tx:
        machine = tx.machines.get(verbs.machine().id)
        tx.machines.put(replace(machine, definition=with_another_card(machine.definition)))
    payload, _ = started(verbs, Verb.TEST_FAILOVER, network=network)
    assert payload.other_cards == OtherCards(network=others)
    assert payload.networks_by_mac == ({MAC: "dmz-b"} if others else {}) | {OTHER_MAC: others}


def with_another_card(definition):
    """With another card in place of its one."""
    (nic,) = definition.nics
    return definition.model_copy(update={"nics": (nic.model_copy(update={"mac": OTHER_MAC}),)})


def test_a_change_of_the_point_asks_for_the_cards_that_its_point_has(verbs):
    furnish(verbs, network="dmz-b")
    assert verbs.run(Verb.FAILOVER).job.state == "succeeded"
    point = verbs.machine().failed_over_point_id
    assert verbs.run(Verb.CHANGE_RECOVERY_POINT, point=point).job.state == "succeeded"
    at = verbs.appliances.checked.at
    assert (at.point_id, at.networks_by_mac, at.mappings) == (point, {MAC: "dmz-b"}, {"lan": "lan-b"})
