"""What a Windows is asked for a card's addresses, with answers made from the agent's schema. No Windows
ran."""

import copy

import pytest

from secondsite.domain import errors
from secondsite.fabrics.libvirt.agent import addressing
from secondsite.fabrics.libvirt.host import connection
from secondsite.wire.common.cards import CardAddress, CardIpv6, CardRoute
from tests.fabrics.libvirt.agent.support_windows import CARD, HOME, MAC, Windows

WHOSE = "22222222-2222-4333-8444-555555555555"
ADDRESSES = f"the addresses of {CARD}"


@pytest.fixture
def windows(monkeypatch):
    found = Windows()
    monkeypatch.setattr("secondsite.fabrics.libvirt.host.connection.agent_command", found.answer)
    return found


class Hypervisor(connection.Hypervisor):
    def __init__(self):
        """It has no libvirt: its agent is played."""

    def domain(self, fabric_id):
        return fabric_id


GIVES = addressing.Addressing(Hypervisor())


def give(address="10.2.0.5/24", whose=WHOSE, mac=MAC, from_home=False, **more):
    wanted = CardAddress(key="net0", mac=mac, address=address, **more)
    return GIVES.give("machine", wanted, whose, 10, from_home=from_home)


def restored(whose=WHOSE):
    return GIVES.restore("machine", whose, 10)


def test_a_card_gets_its_address_with_what_goes_with_it_and_at_home_what_it_had(windows):
    six = CardIpv6(address="2001:db8:2::5/64", gateway="fe80::1", dns_servers=("2001:db8:2::53",))
    routes = (CardRoute(to="10.77.0.0/16", via="10.2.0.9"),)
    given = give(gateway="10.2.0.1", dns_servers=("10.2.0.2",), ipv6=six, routes=routes)
    assert (given.card, given.program, given.passing) == (CARD, "Windows", "")
    assert windows.state == {
        "ipv4": {
            "dhcp": False, "routers": True, "addresses": ["10.2.0.5/24"],
            "routes": [{"to": "0.0.0.0/0", "via": "10.2.0.1"}, {"to": "10.77.0.0/16", "via": "10.2.0.9"}],
        },
        "ipv6": {
            "dhcp": False, "routers": False, "addresses": ["2001:db8:2::5/64"],
            "routes": [{"to": "::/0", "via": "fe80::1"}],
        },
        "dns_servers": ["10.2.0.2", "2001:db8:2::53"],
    }  # fmt: skip
    back = restored()
    assert (back.back, back.left) == ((ADDRESSES,), ())
    assert (windows.state, windows.kept) == (HOME, {})
    assert restored().back == ()


def test_in_its_own_subnet_it_keeps_its_gateway_and_routes_and_the_other_family_is_not_touched(windows):
    give("10.1.0.7/24")
    assert windows.state["ipv4"]["routes"] == HOME["ipv4"]["routes"]
    assert windows.state["dns_servers"] == HOME["dns_servers"]
    (asked,) = windows.applied
    assert ([each["family"] for each in asked["families"]], asked["dns"]) == (["IPv4"], None)


def test_one_that_asked_for_its_address_asks_again_at_home(windows):
    windows.state["ipv4"] = {"dhcp": True, "routers": True, "addresses": [], "routes": []}
    windows.state["dns_servers"] = []
    before = copy.deepcopy(windows.state)
    give(gateway="10.2.0.1", dns_servers=("10.2.0.2",))
    assert windows.state["ipv4"]["dhcp"] is False
    restored()
    assert windows.state == before


def test_given_twice_it_is_changed_once_and_given_otherwise_what_it_had_first_is_kept(windows):
    for _ in range(2):
        give()
    assert len(windows.applied) == 1
    give("10.3.0.5/24")
    assert windows.state["ipv4"]["addresses"] == ["10.3.0.5/24"]
    restored()
    assert windows.state == HOME


def test_what_somebody_changed_since_is_left_and_what_another_machine_kept_is_not_put_back(windows):
    give()
    assert restored("another").back == ()
    windows.state["ipv4"]["addresses"] = ["10.2.0.99/24"]
    back = restored()
    assert (back.back, back.left) == ((), (ADDRESSES,))
    assert windows.state["ipv4"]["addresses"] == ["10.2.0.99/24"]


def test_what_its_owner_set_at_home_since_the_last_journey_is_what_comes_back(windows):
    give()
    windows.state["ipv4"]["addresses"] = ["10.1.0.77/24"]
    own = copy.deepcopy(windows.state)
    give("10.3.0.7/16", from_home=True)
    restored()
    assert windows.state == own


def test_what_somebody_changed_at_a_second_site_is_not_taken_for_what_it_had_at_home(windows):
    give()
    windows.state["ipv4"]["addresses"] = ["10.2.0.77/24"]
    give("10.3.0.7/16", from_home=False)
    restored()
    assert windows.state == HOME


def test_a_later_protection_keeps_what_is_there_then(windows):
    give()
    give("10.3.0.5/24", whose="another")
    restored("another")
    assert windows.state["ipv4"]["addresses"] == ["10.2.0.5/24"]


def test_what_it_cannot_do_is_said_in_its_words(windows):
    windows.fails = "Access is denied."
    with pytest.raises(errors.FabricError, match=r"could not do it: Access is denied\."):
        give()
    windows.fails, windows.does = None, False
    with pytest.raises(errors.FabricError, match="did not do it, and did not say why"):
        give()
    with pytest.raises(errors.FabricError, match="no card 52:54:00:00:00:99"):
        give(mac="52:54:00:00:00:99")


MANY = ", ".join(['"10.0.0.1"'] * 99)


@pytest.mark.parametrize(
    "said",
    [
        " ",
        "[]",
        '{"state": {}}',
        '{"state": {"ipv4": {"addresses": ["$(calc)"]}, "ipv6": {}}}',
        '{"state": {"ipv4": {"routes": [{"to": "x", "via": "y"}]}, "ipv6": {}}}',
        f'{{"state": {{"ipv4": {{}}, "ipv6": {{}}, "dns_servers": [{MANY}]}}}}',
        "x" * 300_000,
    ],
)
def test_what_it_tells_is_bounded_and_judged(windows, said):
    windows.says = said
    with pytest.raises(errors.FabricError, match="is not understood"):
        give()
    assert windows.applied == []


def test_what_was_kept_in_it_is_judged_as_well(windows):
    give()
    windows.kept["was"] = '{"ipv4": {"addresses": ["; calc"]}, "ipv6": {}}'
    with pytest.raises(errors.FabricError, match="what its guest kept of its cards is not understood"):
        restored()
