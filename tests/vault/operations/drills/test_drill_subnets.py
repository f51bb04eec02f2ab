"""A drill's network with addresses: what the target is asked for, and what is refused before."""

import dataclasses

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import Verb
from secondsite.vault.steps.sides import shared_drill_network
from secondsite.vault.store import MachineSettingsRecord
from secondsite.wire.common.cards import CardSettings
from secondsite.wire.control import orders
from secondsite.wire.control.orders import Kind
from secondsite.wire.rest.places import NetworkMapping
from tests.vault.support_operations import Verbs, folder_in_memory, said

SUBNET = "10.9.0.0/24"
MAC = "52:54:00:00:00:01"


@pytest.fixture
def verbs():
    with folder_in_memory() as folder:
        verbs = Verbs(folder)
        verbs.protect()
        yield verbs
        verbs.close()


def test_the_target_is_told_the_subnet_and_the_machines_name(verbs):
    assert verbs.run(Verb.TEST_FAILOVER, subnet=SUBNET).job.state == "succeeded"
    serving = verbs.appliances.asked_network.serving
    assert serving.subnet == SUBNET
    assert [(host.name, host.mac) for host in serving.hosts] == [("web01", "52:54:00:00:00:01")]
    assert verbs.appliances.checked.serve


def test_a_machine_alone_removes_its_network_as_it_made_it(verbs):
    verbs.run(Verb.TEST_FAILOVER, subnet=SUBNET)
    made = verbs.appliances.asked_network
    assert verbs.run(Verb.CLEANUP_TEST_FAILOVER).job.state == "succeeded"
    removed = verbs.appliances.removed_network
    assert (removed.name, removed.drill) == (made.name, made.drill) == (made.name, verbs.machine().id)


@pytest.mark.parametrize("subnet", ["10.9.0.1/24", "10.0.0.0/8", "10.9.0.0/30", "fd00::/64", "office"])
def test_what_is_no_subnet_for_it_is_refused(verbs, subnet):
    with pytest.raises(errors.InvalidArgument, match="not a subnet"):
        verbs.submit(Verb.TEST_FAILOVER, subnet=subnet)


@pytest.mark.parametrize("network", ["none", "lab"])
def test_a_subnet_is_for_networks_that_are_made(verbs, network):
    with pytest.raises(errors.InvalidArgument, match="made for the test failover"):
        verbs.submit(Verb.TEST_FAILOVER, subnet=SUBNET, network=network)


def test_an_older_appliance_is_named_before_anything_is_made(verbs):
    verbs.appliances.shares_networks = False
    job = verbs.run(Verb.TEST_FAILOVER, subnet=SUBNET).job
    assert "gives no addresses" in job.error.message
    assert Kind.CREATE_NETWORK not in {kind for _, kind, _ in verbs.appliances.given}


def test_an_order_of_an_older_vault_asks_for_a_network_without_addresses():
    assert orders.CreateNetwork.model_validate({"name": "ss-1"}) == orders.CreateNetwork(name="ss-1")


def test_a_network_that_networks_are_mapped_to_is_warned_of(verbs):
    with verbs.store.transaction() as tx:
        tx.networks.put(
            NetworkMapping(source_site="a", source_network="lan", target_site="b", target_network="lab")
        )
    job = verbs.run(Verb.TEST_FAILOVER, network="lab")
    assert job.job.state == "succeeded"
    assert (
        "'lab' is the one that failed-over machines are connected to"
        in said(job, "Prerequisites check").sentence
    )
    assert verbs.appliances.checked.test_networks == ("lab",)


def set_card(verbs, **settings):
    with verbs.store.transaction() as tx:
        tx.settings.put(MachineSettingsRecord(verbs.machine().id, (CardSettings(mac=MAC, **settings),)))


@pytest.mark.parametrize(
    ("settings", "wished"),
    [
        ({"address": "10.9.0.5/16"}, "10.9.0.5"),
        ({"address": "10.9.0.5/16", "test_address": "10.9.0.7/24"}, "10.9.0.7"),
        ({}, None),
    ],
)
def test_the_target_is_asked_for_the_address_of_a_failover_or_the_one_for_drills(verbs, settings, wished):
    set_card(verbs, **settings)
    assert verbs.run(Verb.TEST_FAILOVER, subnet=SUBNET).job.state == "succeeded"
    assert [host.address for host in verbs.appliances.asked_network.serving.hosts] == [wished]


@pytest.mark.parametrize(
    ("name", "label"),
    [("сервер", "vm-525400000001"), ("データベース", "vm-525400000001"), ("Web 01", "web-01")],
)
def test_a_machine_whose_name_has_no_letter_of_dns_has_an_address_that_nobody_else_gets(verbs, name, label):
    with verbs.store.transaction() as tx:
        machine = tx.machines.find("web01")
        tx.machines.put(dataclasses.replace(machine, name=name))
    with verbs.store.reading() as tx:
        record = tx.machines.get(machine.id)
        asked = shared_drill_network.served(tx, record, shared_drill_network.network(record, None), SUBNET)
    assert asked.serving is not None
    assert [(host.name, host.mac) for host in asked.serving.hosts] == [(label, MAC)]


def test_a_drill_at_home_in_the_network_that_the_machine_has_there_is_warned_of(verbs):
    for verb in (Verb.FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        assert verbs.run(verb).job.state == "succeeded"
    checked = said(verbs.run(Verb.TEST_FAILOVER, network="lan"), "Prerequisites check").sentence
    assert "'lan' is the one that failed-over machines are connected to" in checked


def test_a_drill_in_the_network_that_is_set_for_a_card_is_warned_of(verbs):
    with verbs.store.transaction() as tx:
        card = CardSettings(mac=MAC, network="special")
        tx.settings.put(MachineSettingsRecord(verbs.machine().id, (card,)))
    checked = said(verbs.run(Verb.TEST_FAILOVER, network="special"), "Prerequisites check").sentence
    assert "'special' is the one that failed-over machines are connected to" in checked
