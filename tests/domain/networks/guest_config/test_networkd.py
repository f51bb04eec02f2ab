"""systemd-networkd's file of ours for a card."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain.networks.guest_config import networkd
from secondsite.domain.networks.guest_config.card_plan import NotUnderstood
from tests.domain.networks.guest_config.support_plans import FOUR, SIX, plan, plans

PRESENT = """[Match]
Name=en*

[Network]
DHCP=yes
Address=10.1.0.5/24
Address=2001:db8:1::5/64
Gateway=10.1.0.1
DNS=10.1.0.2
Domains=shop.example

[Route]
Destination=10.9.0.0/16
Gateway=10.1.0.254

[Route]
Gateway=fe80::9

[Link]
MTUBytes=1400
"""


def lines(wanted, present=PRESENT):
    text = networkd.file(wanted, present).content
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_card_has_its_address_and_what_is_said_of_the_other_family_stays():
    assert lines(plan()) == [
        "[Match]", "MACAddress=52:54:00:00:00:01", "Type=ether",
        "[Network]", "Address=10.2.0.5/24", "Gateway=10.2.0.1", "DNS=10.2.0.2",
        "DHCP=ipv6", "Address=2001:db8:1::5/64", "Domains=shop.example",
        "[Route]", "Gateway=fe80::9",
        "[Link]", "MTUBytes=1400",
    ]  # fmt: skip


def test_both_families_are_set_and_no_router_is_asked():
    assert lines(plan(FOUR, SIX, routes=(SIX["route"],))) == [
        "[Match]", "MACAddress=52:54:00:00:00:01", "Type=ether",
        "[Network]", "Address=10.2.0.5/24", "Address=2001:db8:2::5/64", "Gateway=10.2.0.1",
        "Gateway=fe80::1", "DNS=10.2.0.2", "DNS=2001:db8:2::53", "IPv6AcceptRA=no", "DHCP=no",
        "Domains=shop.example",
        "[Link]", "MTUBytes=1400",
        "[Route]", "Destination=2001:db8:77::/48", "Gateway=2001:db8:2::9",
    ]  # fmt: skip


def test_its_name_comes_before_those_of_others():
    path = networkd.file(plan(), PRESENT).path
    assert path == "/etc/systemd/network/0-secondsite-525400000001.network"


def test_the_gateway_stays_if_the_new_address_reaches_it():
    own = plan(addresses=("10.1.0.77/24",), gateways=(), dns_servers=())
    assert {"Gateway=10.1.0.1", "DNS=10.1.0.2", "Gateway=10.1.0.254"} <= set(lines(own))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[Match]\nName=eth0\n[Network]\nBridge=br0\n", "larger"),
        ("[Match]\nName=eth0 \\\n eth1\n", "line 2"),
        ("Name=eth0\n", "line 1"),
        ("[Network]\nwhatever\n", "line 2"),
    ],
)
def test_what_is_not_understood_is_left_alone_and_named(text, why):
    with pytest.raises(NotUnderstood, match=why):
        networkd.file(plan(), text)


ENTRIES = ["DHCP=yes", "DHCP=ipv4", "DHCP=no", "Address=10.1.0.5/24", "Address=2001:db8:1::5/64"]
ENTRIES += ["Gateway=10.1.0.1", "DNS=10.1.0.2", "LLDP=yes", "IPv6AcceptRA=yes"]
PARTS = ["[Route]\nDestination=10.9.0.0/16\nGateway=10.1.0.254", "[Route]\nGateway=_dhcp4"]
PARTS += ["[Address]\nAddress=10.1.0.6/24\nLabel=x", "[DHCPv4]\nUseDNS=no"]


@given(
    plans(), st.lists(st.sampled_from(ENTRIES), unique=True), st.lists(st.sampled_from(PARTS), unique=True)
)
def test_a_second_time_changes_nothing_and_no_address_of_before_is_left(wanted, entries, parts):
    present = "\n".join(["[Match]", "Name=eth0", "[Network]", *entries, *parts])
    once = networkd.file(wanted, present).content
    assert networkd.file(wanted, once).content == once
    assert ("Address=10.1.0.6/24" in once, "Address=10.1.0.5/24" in once) == (
        4 not in wanted.families and parts.count(PARTS[2]) == 1,
        4 not in wanted.families and "Address=10.1.0.5/24" in entries,
    )
    assert ("LLDP=yes" in once, "[DHCPv4]" in once) == ("LLDP=yes" in entries, PARTS[3] in parts)
