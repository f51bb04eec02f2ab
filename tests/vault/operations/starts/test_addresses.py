"""The addresses that are set for a machine's cards are given after each start at its second site, and
nowhere else."""

import pytest

from secondsite.domain.lifecycle import Verb
from secondsite.vault.health.findings import Situation, findings
from secondsite.vault.store import MachineSettingsRecord, StatusRecord
from secondsite.wire.common.cards import CardSettings
from secondsite.wire.common.evidence import RestoredNetwork
from secondsite.wire.control.orders import Kind
from secondsite.wire.rest.places import NetworkMapping
from tests.vault.support_operations import said

MAC = "52:54:00:00:00:01"
SET = {"address": "10.2.0.5/24", "gateway": "10.2.0.1", "dns_servers": ("10.2.0.2",)}


@pytest.fixture
def protected(verbs):
    verbs.protect()
    verbs.appliances.shows = True
    with verbs.store.transaction() as tx:
        tx.networks.put(
            NetworkMapping(source_site="a", source_network="lan", target_site="b", target_network="lan-b")
        )
    return verbs


def furnish(verbs, **settings):
    with verbs.store.transaction() as tx:
        tx.settings.put(MachineSettingsRecord(verbs.machine().id, (CardSettings(mac=MAC, **settings),)))


def asked(verbs, verb, ended="succeeded", **arguments):
    """The addresses that the target was asked to give, and the end of the verb's sentence."""
    run = verbs.run(verb, **arguments)
    assert run.job.state == ended, run
    return verbs.appliances.proving.addresses, said(run, "Proof").sentence


@pytest.mark.parametrize("verb", [Verb.FAILOVER, Verb.PLANNED_FAILOVER])
def test_a_failover_gives_the_card_its_address_with_what_goes_with_it(protected, verb):
    furnish(protected, **SET, test_address="10.9.0.5/24")
    (card,), _ = asked(protected, verb)
    assert card.model_dump() == {"key": "net0", "mac": MAC, **SET, "ipv6": None, "routes": ()}
    assert protected.appliances.proving.address_seconds > 60


def test_a_changed_point_gives_it_again(protected):
    furnish(protected, **SET)
    protected.run(Verb.FAILOVER)
    (card,), _ = asked(protected, Verb.CHANGE_RECOVERY_POINT, choice="latest")
    assert card.address == SET["address"]


def test_a_card_with_another_mac_address_there_is_found_by_that(protected):
    furnish(protected, **SET, keep_mac=False)
    (card,), _ = asked(protected, Verb.FAILOVER)
    assert card.mac == protected.appliances.started[-1].new_macs[MAC]


@pytest.mark.parametrize(
    ("settings", "network", "subnet", "given"),
    [
        (SET, "create", None, [("10.2.0.5/24", ())]),
        ({**SET, "test_address": "10.9.0.5/24"}, "create", None, [("10.9.0.5/24", ())]),
        (SET, "lab", None, []),
        ({**SET, "test_address": "10.9.0.5/24"}, "lab", None, [("10.9.0.5/24", ())]),
        (SET, "create", "10.2.0.0/24", [("10.2.0.5/24", ("10.2.0.1",))]),
        (SET, "create", "10.9.0.0/16", [("10.9.0.77/16", ("10.9.0.1",))]),
        ({}, "create", "10.2.0.0/24", []),
        (SET, "none", None, []),
        ({**SET, "test_network": "lab"}, "create", None, []),
    ],
)
def test_a_drill_gives_what_its_network_has_for_the_card(protected, settings, network, subnet, given):
    furnish(protected, **settings)
    protected.appliances.leases = {MAC: "10.2.0.5" if subnet == "10.2.0.0/24" else "10.9.0.77"}
    found, _ = asked(protected, Verb.TEST_FAILOVER, network=network, subnet=subnet)
    assert [(card.address, card.dns_servers) for card in found] == given
    assert all(card.gateway is None for card in found)


@pytest.mark.parametrize(("leased", "ended"), [({MAC: "10.2.0.5"}, "succeeded"), ({}, "partially_succeeded")])
def test_an_address_that_no_agent_sets_is_had_for_the_asking_where_the_drills_network_gives_it(
    protected, leased, ended
):
    """Whether a guest asks is what the operator looks for in a drill."""
    furnish(protected, **SET)
    protected.appliances.agent_sets_addresses, protected.appliances.leases = False, leased
    run = protected.run(Verb.TEST_FAILOVER, network="create", subnet="10.2.0.0/24" if leased else None)
    assert run.job.state == ended
    offers = "; the DHCP server of its network has 10.2.0.5 for net0"
    assert said(run, "Proof").sentence.endswith(offers) is bool(leased)


def test_what_is_set_does_not_count_on_the_way_home(protected):
    furnish(protected, **SET)
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        assert protected.run(verb).job.state == "succeeded"
    assert asked(protected, Verb.PLANNED_FAILOVER)[0] == ()


def test_an_older_appliance_is_named_with_what_was_not_done(protected):
    furnish(protected, **SET)
    protected.appliances.gives_no_addresses = True
    _, sentence = asked(protected, Verb.FAILOVER, "partially_succeeded")
    assert sentence.endswith("its appliance is of an older release; net0 was not given 10.2.0.5/24")


def test_a_machine_of_which_nothing_can_be_seen_says_which_address_it_was_not_given(protected):
    furnish(protected, **SET)
    protected.appliances.shows = False
    run = protected.run(Verb.FAILOVER)
    assert run.job.state == "partially_succeeded"
    assert said(run, "Proof").sentence.endswith("; net0 was not given 10.2.0.5/24")
    assert Kind.PROVE not in {kind for _, kind, _ in protected.appliances.given}


def found(verbs, code):
    situation = Situation(verbs.machine(), StatusRecord(verbs.machine().id), None, None, None)
    return [each.what for each in findings(situation, verbs.clock.now()) if each.code == code]


def not_set(verbs):
    return found(verbs, "address-not-set")


@pytest.mark.parametrize("shows", [True, False])
def test_an_address_that_a_machine_has_not_is_a_finding_until_its_commit(protected, shows):
    furnish(protected, **SET)
    protected.appliances.shows, protected.appliances.gives_no_addresses = shows, True
    protected.run(Verb.FAILOVER)
    (finding,) = not_set(protected)
    assert finding.startswith("net0 does not have the address 10.2.0.5/24 that is set for it")
    protected.run(Verb.COMMIT)
    assert not_set(protected) == []


@pytest.mark.parametrize("has", [(), ("10.2.0.5",)])
def test_one_that_it_was_given_in_any_way_is_none(protected, has):
    furnish(protected, **SET)
    protected.appliances.guest_has, protected.appliances.gives_no_addresses = has, bool(has)
    assert protected.run(Verb.FAILOVER).job.state == "succeeded"
    assert not_set(protected) == []


UNTIL_NEXT_BOOT, NOT_RESTORED = "address-until-next-boot", "network-not-restored"


def test_an_address_that_lasts_until_the_next_boot_is_a_finding_until_the_machine_is_home(protected):
    furnish(protected, **SET)
    protected.appliances.passing = "none of them configures eth0"
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        assert protected.run(verb).job.state == "succeeded"
        assert found(protected, UNTIL_NEXT_BOOT) == [
            "eth0 has 10.2.0.5/24 until its guest's next boot: none of them configures eth0."
        ]
    protected.run(Verb.PLANNED_FAILOVER)
    assert found(protected, UNTIL_NEXT_BOOT) == []


def comes_home(verbs):
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT, Verb.PLANNED_FAILOVER):
        assert verbs.run(verb).job.state == "succeeded"
    return verbs.appliances.proving


@pytest.mark.parametrize("settings", [SET, {}])
def test_at_home_its_guests_own_configuration_is_put_back_and_waited_for_if_it_was_changed(
    protected, settings
):
    furnish(protected, **settings)
    protected.run(Verb.TEST_FAILOVER)
    assert not protected.appliances.proving.own_network
    assert protected.appliances.proving.from_home
    protected.run(Verb.CLEANUP_TEST_FAILOVER)
    asked = comes_home(protected)
    assert (asked.own_network, asked.address_seconds > 60) == (True, bool(settings))
    assert not asked.from_home


@pytest.mark.parametrize(
    ("restored", "why"),
    [
        (RestoredNetwork(problem="no guest agent answered"), "is not known: no guest agent answered"),
        (RestoredNetwork(left=("/etc/network/interfaces",)), "keeps /etc/network/interfaces, which"),
        (RestoredNetwork(unapplied=("eth0",)), "eth0 has its own addresses from the next boot"),
        (RestoredNetwork(back=("/etc/network/interfaces",)), None),
    ],
)
def test_what_was_not_put_back_at_home_is_a_finding(protected, restored, why):
    furnish(protected, **SET)
    protected.appliances.restored = restored
    comes_home(protected)
    assert [why in each for each in found(protected, NOT_RESTORED)] == ([True] if why else [])


SIX = {"address": "2001:db8:2::5/64", "gateway": "fe80::1", "dns_servers": ("2001:db8:2::53",)}


@pytest.mark.parametrize(("network", "given"), [("create", [SIX]), ("none", [])])
def test_an_ipv6_address_goes_with_that_of_ipv4(protected, network, given):
    furnish(protected, **SET, ipv6=SIX)
    found, _ = asked(protected, Verb.TEST_FAILOVER, network=network)
    assert [card.ipv6.model_dump() for card in found] == given
    protected.run(Verb.CLEANUP_TEST_FAILOVER)
    protected.appliances.gives_ipv6 = False
    (card,), _ = asked(protected, Verb.FAILOVER, "partially_succeeded")
    assert card.ipv6.model_dump() == SIX
    assert not_set(protected) == [
        "net0 does not have the address 10.2.0.5/24 and 2001:db8:2::5/64 that is set for it: its IPv6 "
        "address could not be set."
    ]


ROUTE = {"to": "10.77.0.0/16", "via": "10.2.0.9"}


def test_routes_go_with_the_address_after_a_failover_and_in_no_drill(protected):
    furnish(protected, **SET, routes=(ROUTE,))
    (card,), _ = asked(protected, Verb.TEST_FAILOVER, network="create")
    assert card.routes == ()
    protected.run(Verb.CLEANUP_TEST_FAILOVER)
    (card,), _ = asked(protected, Verb.FAILOVER)
    assert [each.model_dump() for each in card.routes] == [ROUTE]
    assert not_set(protected) == []


def test_that_an_appliance_of_an_older_release_sets_no_routes_is_a_finding(protected):
    furnish(protected, **SET, routes=(ROUTE,))
    protected.appliances.gives_routes = False
    asked(protected, Verb.FAILOVER, "partially_succeeded")
    assert not_set(protected) == [
        "net0 does not have the address 10.2.0.5/24 that is set for it: its routes could not be set."
    ]


@pytest.mark.parametrize(
    ("settings", "network", "subnet", "given"),
    [
        ({"test_address": "10.9.0.5/24"}, "lab", None, "2001:db8:9::5/64"),
        ({"test_address": "10.9.0.5/24"}, "create", None, "2001:db8:9::5/64"),
        ({**SET, "ipv6": SIX}, "create", None, "2001:db8:9::5/64"),
        (SET, "create", "10.2.0.0/24", "2001:db8:9::5/64"),
    ],
)
def test_a_card_can_have_an_ipv6_address_of_its_own_in_a_drill(protected, settings, network, subnet, given):
    furnish(protected, **settings, test_ipv6_address=given)
    protected.appliances.leases = {MAC: "10.2.0.5"}
    (card,), _ = asked(protected, Verb.TEST_FAILOVER, network=network, subnet=subnet)
    assert card.ipv6.model_dump() == {"address": given, "gateway": None, "dns_servers": ()}
