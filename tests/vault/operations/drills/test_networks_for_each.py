"""A test failover with one network for each that its machines are in at home, with the subnet that those
have there."""

import dataclasses

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import Verb
from secondsite.vault.store import MachineSettingsRecord, PoolRecord
from secondsite.wire.common.cards import CardSettings, PoolSettings
from secondsite.wire.common.machines import NetworkInfo, NicDefinition
from secondsite.wire.control.orders import Kind
from secondsite.wire.rest.places import NetworkMapping
from tests.vault.support_appliances import A
from tests.vault.support_operations import Verbs, folder_in_memory, said

NAMES = ("web01", "db01")
EACH = "create-each"
FRONT, BACK = "52:54:00:00:01:0{}", "52:54:00:00:02:0{}"


@pytest.fixture
def verbs():
    with folder_in_memory() as folder:
        verbs = Verbs(folder, NAMES)
        verbs.protect(*NAMES)
        yield verbs
        verbs.close()


def give_cards(verbs, name, *nics):
    with verbs.store.transaction() as tx:
        machine = tx.machines.find(name)
        definition = machine.definition.model_copy(update={"nics": nics})
        tx.machines.put(dataclasses.replace(machine, definition=definition))


def two_networks(verbs):
    """web01 is in the front and in the back, db01 in the back."""
    front = NicDefinition(key="net0", mac=FRONT.format(1), network="front")
    backs = [NicDefinition(key=f"net{n}", mac=BACK.format(n), network="back") for n in (1, 2)]
    give_cards(verbs, "web01", front, backs[0])
    give_cards(verbs, "db01", backs[1])


def map_to(verbs, **networks):
    with verbs.store.transaction() as tx:
        for source, target in networks.items():
            tx.networks.put(
                NetworkMapping(source_site="a", source_network=source, target_site="b", target_network=target)
            )


def connected(verbs, name):
    """The networks of the machine's drill, by the MAC addresses of its cards."""
    return next(
        each for each in reversed(verbs.appliances.started) if each.name == f"{name}-test"
    ).networks_by_mac


def test_machines_land_in_different_networks_and_share_that_which_they_share_at_home(verbs):
    two_networks(verbs)
    assert verbs.run(Verb.TEST_FAILOVER, *NAMES, network=EACH).job.state == "succeeded"
    web, db = connected(verbs, "web01"), connected(verbs, "db01")
    assert web[BACK.format(1)] == db[BACK.format(2)]
    assert web[FRONT.format(1)] not in (None, web[BACK.format(1)])
    assert {len(users) for users in verbs.appliances.networks.values()} == {1, 2}


def test_one_card_for_each_vlan_of_a_network_is_in_another_one(verbs):
    nics = [NicDefinition(key=f"net{n}", mac=BACK.format(n), network="trunk", vlans=(n,)) for n in (1, 2)]
    give_cards(verbs, "web01", *nics)
    job = verbs.run(Verb.TEST_FAILOVER, network=EACH)
    assert len(set(connected(verbs, "web01").values())) == 2
    assert "stands for trunk (VLAN 2)" in said(job, "Create test network").sentence


def test_each_has_the_subnet_of_a_failover_or_else_that_of_home(verbs):
    two_networks(verbs)
    map_to(verbs, front="dmz")
    verbs.appliances.subnets["dmz"] = "10.2.0.0/24"
    home = [("front", "10.1.0.0/24"), ("back", "10.1.9.0/24")]
    verbs.appliances.networks_of[A] = tuple(NetworkInfo(name=n, kind="bridge", subnets=(s,)) for n, s in home)
    verbs.run(Verb.TEST_FAILOVER, "web01", network=EACH)
    asked = verbs.appliances.asked_network
    served = {each.serving.subnet: [host.mac for host in each.serving.hosts] for each in (asked, *asked.more)}
    assert served == {"10.2.0.0/24": [FRONT.format(1)], "10.1.9.0/24": [BACK.format(1)]}


def pool(verbs, name, **settings):
    with verbs.store.transaction() as tx:
        tx.pools.put(PoolRecord(name, PoolSettings(site="b", **settings)))


def ranges_of(order):
    return {each.serving.subnet: each.serving.ranges for each in (order, *order.more)}


def test_it_gives_out_what_the_pool_or_else_the_server_of_that_network_gives(verbs):
    two_networks(verbs)
    map_to(verbs, front="dmz", back="inner")
    verbs.appliances.subnets = {"dmz": "10.2.0.0/24", "inner": "10.3.0.0/24"}
    verbs.appliances.known_of = {name: {"ranges": ("10.9.9.1-10.9.9.9",)} for name in ("dmz", "inner")}
    pool(verbs, "dmz", network="dmz", subnet="10.2.0.0/24", ranges=("10.2.0.100-10.2.0.149",))
    verbs.run(Verb.TEST_FAILOVER, "web01", network=EACH)
    assert ranges_of(verbs.appliances.asked_network) == {
        "10.2.0.0/24": ("10.2.0.100-10.2.0.149",),
        "10.3.0.0/24": ("10.9.9.1-10.9.9.9",),
    }


def test_each_vlan_of_a_network_has_the_subnet_and_the_range_of_its_pool(verbs):
    nics = [NicDefinition(key=f"net{n}", mac=BACK.format(n), network="trunk", vlans=(n,)) for n in (1, 2)]
    give_cards(verbs, "web01", *nics)
    map_to(verbs, trunk="trunk-b")
    verbs.appliances.subnets["trunk-b"] = "10.2.0.0/24"
    for n in (1, 2):
        pool(
            verbs,
            f"v{n}",
            network="trunk-b",
            vlan=n,
            subnet=f"10.4.{n}.0/24",
            ranges=(f"10.4.{n}.10-10.4.{n}.19",),
        )
    verbs.run(Verb.TEST_FAILOVER, network=EACH)
    assert ranges_of(verbs.appliances.asked_network) == {
        f"10.4.{n}.0/24": (f"10.4.{n}.10-10.4.{n}.19",) for n in (1, 2)
    }


def test_a_subnet_that_its_host_has_itself_is_given_to_no_network_and_the_check_says_why(verbs):
    map_to(verbs, lan="dmz")
    verbs.appliances.subnets["dmz"] = "10.2.0.0/24"
    verbs.appliances.known_of["dmz"] = {"unserved": "The host here is in 10.2.0.0/24 itself."}
    job = verbs.run(Verb.TEST_FAILOVER, network=EACH)
    assert verbs.appliances.asked_network.serving is None
    assert (
        "gives no addresses: The host here is in 10.2.0.0/24 itself."
        in said(job, "Prerequisites check").sentence
    )


def test_a_card_that_is_to_have_an_address_out_of_a_pool_needs_a_network_that_gives_some(verbs):
    two_networks(verbs)
    card = CardSettings(mac=BACK.format(2), from_pool=True)
    with verbs.store.transaction() as tx:
        tx.settings.put(MachineSettingsRecord(verbs.machine("db01").id, (card,)))
    job = verbs.run(Verb.TEST_FAILOVER, "db01", network=EACH).job
    assert "should have an address of a pool, but the network for 'back' gives none" in job.error.message
    assert Kind.CREATE_NETWORK not in {kind for _, kind, _ in verbs.appliances.given}


def test_one_of_which_nobody_knows_the_subnet_gives_no_addresses_and_is_warned_of(verbs):
    two_networks(verbs)
    job = verbs.run(Verb.TEST_FAILOVER, "db01", network=EACH)
    assert verbs.appliances.asked_network.serving is None
    assert "The network for 'back' gives no addresses" in said(job, "Prerequisites check").sentence


def test_a_source_that_is_away_is_not_waited_for(verbs):
    two_networks(verbs)
    verbs.appliances.away.add(A)
    before = verbs.clock.monotonic()
    assert verbs.run(Verb.TEST_FAILOVER, "db01", network=EACH).job.state == "succeeded"
    assert verbs.clock.monotonic() - before < 60


def names(order):
    """Of all its networks, with the drill that uses each."""
    return [(each.name, each.drill) for each in (order, *order.more)]


def test_the_clean_up_removes_all_of_them_and_a_failed_start_too(verbs):
    two_networks(verbs)
    verbs.run(Verb.TEST_FAILOVER, "web01", network=EACH)
    made = verbs.appliances.asked_network
    assert verbs.run(Verb.CLEANUP_TEST_FAILOVER, "web01").job.state == "succeeded"
    removed = verbs.appliances.removed_network
    assert names(removed) == names(made)
    assert len(names(made)) == 2
    verbs.appliances.removed_network = None
    verbs.appliances.fail(Kind.START_REPLICA)
    verbs.run(Verb.TEST_FAILOVER, "web01", network=EACH)
    assert names(verbs.appliances.removed_network) == names(verbs.appliances.asked_network)


def test_a_card_with_a_network_of_its_own_in_drills_is_on_that_and_none_is_made_for_it(verbs):
    two_networks(verbs)
    own = (
        CardSettings(mac=FRONT.format(1), test_network="lab"),
        CardSettings(mac=BACK.format(1), test_connected=False),
    )
    with verbs.store.transaction() as tx:
        tx.settings.put(MachineSettingsRecord(verbs.machine("web01").id, own))
    assert verbs.run(Verb.TEST_FAILOVER, "web01", network=EACH).job.state == "succeeded"
    assert connected(verbs, "web01") == {FRONT.format(1): "lab", BACK.format(1): None}
    assert verbs.appliances.asked_network is None


def test_an_older_appliance_is_named_before_anything_is_made(verbs):
    verbs.appliances.makes_several = False
    job = verbs.run(Verb.TEST_FAILOVER, network=EACH).job
    assert "makes one network for a test failover" in job.error.message
    assert Kind.CREATE_NETWORK not in {kind for _, kind, _ in verbs.appliances.given}


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"network": EACH, "subnet": "10.9.0.0/24"}, "the subnet of the one that it stands for"),
        ({"network": "lab", "dns_servers": ("10.9.0.2",)}, "not for an existing one"),
        ({"dns_servers": ("10.9.0.2",)}, "cannot be set for a network without addresses"),
        ({"subnet": "10.9.0.0/24", "dns_servers": ("10.8.0.2",)}, "10.8.0.2 is not in 10.9.0.0/24"),
    ],
)
def test_what_does_not_go_together_is_refused(verbs, asked, why):
    with pytest.raises(errors.InvalidArgument, match=why):
        verbs.submit(Verb.TEST_FAILOVER, **asked)


def test_a_dns_server_is_named_in_the_network_that_it_lies_in(verbs):
    two_networks(verbs)
    map_to(verbs, front="dmz", back="inner")
    verbs.appliances.subnets = {"dmz": "10.2.0.0/24", "inner": "10.3.0.0/24"}
    verbs.run(Verb.TEST_FAILOVER, "web01", network=EACH, dns_servers=("10.3.0.53",))
    asked = verbs.appliances.asked_network
    named = {each.serving.subnet: each.serving.dns_servers for each in (asked, *asked.more)}
    assert named == {"10.2.0.0/24": (), "10.3.0.0/24": ("10.3.0.53",)}


def test_one_that_no_network_of_the_machine_could_name_is_refused_before_anything_is_made(verbs):
    job = verbs.run(Verb.TEST_FAILOVER, network=EACH, dns_servers=("10.3.0.53",)).job
    assert "10.3.0.53 cannot be named in any network of the machine" in job.error.message
    assert Kind.CREATE_NETWORK not in {kind for _, kind, _ in verbs.appliances.given}


def test_one_in_a_network_of_another_machine_is_warned_of_and_the_others_name_their_own(verbs):
    map_to(verbs, lan="dmz")
    verbs.appliances.subnets["dmz"] = "10.2.0.0/24"
    job = verbs.run(Verb.TEST_FAILOVER, network=EACH, dns_servers=("10.3.0.53",))
    assert job.job.state == "succeeded"
    assert "lan (10.2.0.0/24): these name their own" in said(job, "Prerequisites check").sentence
    assert verbs.appliances.asked_network.serving.dns_servers == ()


def test_an_address_for_drills_is_looked_at_in_the_existing_network(verbs):
    with verbs.store.transaction() as tx:
        card = CardSettings(mac="52:54:00:00:00:01", test_address="10.5.0.5/24")
        tx.settings.put(MachineSettingsRecord(verbs.machine().id, (card,)))
    verbs.run(Verb.TEST_FAILOVER, "web01", network="lab")
    assert [(card.network, card.address) for card in verbs.appliances.checked.cards] == [
        ("lab", "10.5.0.5/24")
    ]
