"""Before a machine is moved its check says whether the addresses that its guest has will do where it goes."""

import pytest

from secondsite.domain.lifecycle import Verb
from secondsite.vault.store import MachineSettingsRecord, PoolRecord
from secondsite.wire.common.cards import CardSettings, PoolSettings
from secondsite.wire.rest.places import NetworkMapping

MAC = "52:54:00:00:00:01"


@pytest.fixture
def protected(verbs):
    verbs.protect()
    verbs.appliances.shows = True
    with verbs.store.transaction() as tx:
        tx.networks.put(
            NetworkMapping(source_site="a", source_network="lan", target_site="b", target_network="lan-b")
        )
    verbs.appliances.told = {MAC: ("10.1.0.5",)}
    return verbs


def checked(verbs):
    run = verbs.run(Verb.PLANNED_FAILOVER)
    assert run.job.state == "succeeded", run
    return run.tasks[0].sentence


@pytest.mark.parametrize(
    ("address", "subnet"),
    [
        ("10.1.0.5", "10.1.0.0/24"),
        ("172.200.3.4", "172.200.0.0/16"),
        ("203.0.113.9", "203.0.113.0/24"),
        ("198.18.7.7", "198.18.0.0/16"),
    ],
)
def test_an_address_that_fits_is_kept_also_one_outside_the_private_ranges(protected, address, subnet):
    protected.appliances.told, protected.appliances.subnets = {MAC: (address,)}, {"lan-b": subnet}
    sentence = checked(protected)
    assert f"net0 keeps {address}, which fits lan-b ({subnet})" in sentence
    assert "warning" not in sentence
    assert protected.machine().warned is None


def test_one_that_does_not_fit_is_warned_of_with_what_to_do(protected):
    protected.appliances.subnets = {"lan-b": "10.2.0.0/24"}
    sentence = checked(protected)
    assert (
        "net0 (52:54:00:00:00:01) keeps 10.1.0.5, which is not in the network 'lan-b' (10.2.0.0/24)"
        in sentence
    )
    assert "it will not be reachable there" in sentence
    assert "secondsite card set web01 net0 --address" in sentence
    assert protected.machine().warned is not None


def test_the_pool_of_a_network_says_its_subnet_where_the_site_does_not(protected):
    pool = PoolSettings(site="b", network="lan-b", subnet="10.2.0.0/24", ranges=("10.2.0.100",))
    with protected.store.transaction() as tx:
        tx.pools.put(PoolRecord("dmz", pool))
    assert "which is not in the network 'lan-b' (10.2.0.0/24)" in checked(protected)


def test_of_a_network_whose_subnet_nobody_knows_it_is_only_said_what_is_kept(protected):
    assert "net0 keeps 10.1.0.5: the subnet of lan-b is not known" in checked(protected)


@pytest.mark.parametrize("told", [{}, {"52:54:00:00:00:99": ("10.1.0.5",)}])
def test_of_a_guest_that_says_nothing_nothing_is_said(protected, told):
    protected.appliances.told, protected.appliances.subnets = told, {"lan-b": "10.2.0.0/24"}
    assert "keeps" not in checked(protected)


def test_a_card_that_gets_another_address_keeps_none(protected):
    protected.appliances.subnets = {"lan-b": "10.2.0.0/24"}
    with protected.store.transaction() as tx:
        card = CardSettings(mac=MAC, address="10.2.0.5/24")
        tx.settings.put(MachineSettingsRecord(protected.machine().id, (card,)))
    assert "keeps" not in checked(protected)


VIRTUAL = "comes to 'lan-b' of b, a virtual network without a DHCP server"


@pytest.mark.parametrize("verb", [Verb.PLANNED_FAILOVER, Verb.FAILOVER])
@pytest.mark.parametrize("gives", [False, True, None])
def test_a_virtual_network_in_which_nobody_gives_addresses_is_warned_of(protected, verb, gives):
    protected.appliances.told = {}
    protected.appliances.known_of = {"lan-b": {"gives_addresses": gives}}
    run = protected.run(verb)
    assert run.job.state == "succeeded"
    assert (VIRTUAL in run.tasks[0].sentence) == (gives is False)
    assert ("--from-pool" in run.tasks[0].sentence) == (gives is False)


def test_a_guest_whose_address_fits_there_needs_nobody_who_gives_one(protected):
    protected.appliances.subnets = {"lan-b": "10.1.0.0/24"}
    protected.appliances.known_of = {"lan-b": {"gives_addresses": False}}
    assert VIRTUAL not in checked(protected)


def test_a_pool_for_the_vlan_of_a_card_says_its_subnet(protected):
    protected.appliances.subnets = {"lan-b": "10.2.0.0/24"}
    pool = PoolSettings(site="b", network="lan-b", vlan=12, subnet="10.1.0.0/24", ranges=("10.1.0.100",))
    with protected.store.transaction() as tx:
        tx.pools.put(PoolRecord("v12", pool))
    there, *others = protected.appliances.inventory
    nics = tuple(each.model_copy(update={"vlans": (12,)}) for each in there.nics)
    protected.appliances.inventory = [there.model_copy(update={"nics": nics}), *others]
    assert "net0 keeps 10.1.0.5, which fits lan-b (10.1.0.0/24)" in checked(protected)


@pytest.mark.parametrize("address", [None, "10.2.0.5/24"])
def test_a_failback_says_which_addresses_the_machine_has_at_home(protected, address):
    if address is not None:
        with protected.store.transaction() as tx:
            card = CardSettings(mac=MAC, address=address)
            tx.settings.put(MachineSettingsRecord(protected.machine().id, (card,)))
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        assert protected.run(verb).job.state == "succeeded"
    words = (
        "its guest keeps the addresses that it has"
        if address is None
        else "at home its guest has its own addresses again: net0 in place of 10.2.0.5"
    )
    assert words in checked(protected)


def has_an_address(verbs, **more):
    with verbs.store.transaction() as tx:
        card = CardSettings(mac=MAC, address="10.2.0.5/24", **more)
        tx.settings.put(MachineSettingsRecord(verbs.machine().id, (card,)))


UNSETTABLE = "net0 (52:54:00:00:00:01) should have 10.2.0.5/24 at b, but no guest agent answers in web01"


def test_an_address_that_nobody_can_set_is_told_before(protected):
    has_an_address(protected)
    protected.appliances.told = {}
    assert UNSETTABLE in checked(protected)


def test_not_of_a_guest_whose_agent_answers_nor_where_a_dhcp_server_gives_it(protected):
    has_an_address(protected)
    assert UNSETTABLE not in checked(protected)


def test_not_where_a_dhcp_server_gives_it(protected):
    has_an_address(protected)
    protected.appliances.told, protected.appliances.known_of = {}, {"lan-b": {"gives_addresses": True}}
    protected.appliances.subnets = {"lan-b": "10.2.0.0/24"}
    assert UNSETTABLE not in checked(protected)


def test_an_address_that_is_set_and_lies_outside_what_its_pool_names_is_refused(protected):
    pool = PoolSettings(site="b", network="lan-b", subnet="10.2.0.0/24", ranges=("10.2.0.100",))
    machine = protected.machine().id
    with protected.store.transaction() as tx:
        tx.pools.put(PoolRecord("dmz", pool))
        tx.settings.put(MachineSettingsRecord(machine, (CardSettings(mac=MAC, address="10.3.0.5/24"),)))
    run = protected.run(Verb.PLANNED_FAILOVER)
    assert run.job.state == "failed"
    what = "the address 10.3.0.5/24, which is not in the network 'lan-b' (10.2.0.0/24, by its pool)"
    assert what in run.tasks[0].error.message
    with protected.store.transaction() as tx:
        tx.settings.put(MachineSettingsRecord(machine, (CardSettings(mac=MAC, address="10.2.0.5/24"),)))
    assert "nobody there reaches it" not in checked(protected)


def test_an_unplanned_failover_only_warns_of_it(protected):
    pool = PoolSettings(site="b", network="lan-b", subnet="10.2.0.0/24", ranges=("10.2.0.100",))
    with protected.store.transaction() as tx:
        tx.pools.put(PoolRecord("dmz", pool))
        own = (CardSettings(mac=MAC, address="10.3.0.5/24"),)
        tx.settings.put(MachineSettingsRecord(protected.machine().id, own))
    run = protected.run(Verb.FAILOVER)
    assert run.job.state == "succeeded"
    assert "nobody there reaches it" in run.tasks[0].sentence
