"""A card's definition in netplan's file."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain.networks.guest_config import netplan
from secondsite.domain.networks.guest_config.card_plan import NotUnderstood
from tests.domain.networks.guest_config.support_plans import FOUR, MAC, SIX, plan, plans

PATH = "/etc/netplan/50-cloud-init.yaml"
PRESENT = f"""# made by cloud-init
network:
  version: 2
  renderer: networkd
  ethernets:
    eth0:
      match:
        macaddress: {MAC}
      set-name: eth0
      dhcp4: true
      addresses: [10.1.0.5/24, "2001:db8:1::5/64"]
      gateway4: 10.1.0.1
      nameservers:
        addresses: [10.1.0.2]
        search: [shop.example]
      routes:
        - to: 10.9.0.0/16
          via: 10.1.0.254
        - to: default
          via: fe80::9
      mtu: 1400
    eth1:
      dhcp4: yes
"""


def card(wanted, text=PRESENT, name="eth0"):
    found = netplan.file(wanted, {PATH: text})
    assert found.path == PATH
    return yaml.load(found.content, Loader=yaml.BaseLoader)["network"]["ethernets"][name]


def test_the_definition_has_the_address_and_what_it_says_besides_stays():
    assert card(plan()) == {
        "match": {"macaddress": MAC},
        "set-name": "eth0",
        "mtu": "1400",
        "dhcp4": "false",
        "addresses": ["10.2.0.5/24", "2001:db8:1::5/64"],
        "routes": [{"to": "0.0.0.0/0", "via": "10.2.0.1"}, {"to": "default", "via": "fe80::9"}],
        "nameservers": {"addresses": ["10.2.0.2"], "search": ["shop.example"]},
    }
    assert card(plan(), name="eth1") == {"dhcp4": "yes"}


def test_values_of_others_are_written_as_they_were_read():
    """YAML takes an unquoted MAC address for a number of base 60."""
    text = netplan.file(plan(), {PATH: PRESENT}).content
    assert f"macaddress: {MAC}\n" in text
    assert "dhcp4: yes\n" in text


def test_both_families_are_set():
    found = card(plan(FOUR, SIX, routes=(SIX["route"],)))
    assert (found["dhcp4"], found["dhcp6"]) == ("false", "false")
    assert found["addresses"] == ["10.2.0.5/24", "2001:db8:2::5/64"]
    assert [each["via"] for each in found["routes"]] == ["10.2.0.1", "fe80::1", "2001:db8:2::9"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("network: {ethernets: {eth1: {dhcp4: true}}}", "no file of netplan"),
        ("network: {ethernets: {all: {match: {name: 'e*'}, dhcp4: true}}}", r"all cards e\*"),
        ("network: {ethernets: {eth0: {}, x: {match: {name: eth0}}}}", "define the card"),
        ("network: {ethernets: {eth0: {}}, bridges: {br0: {interfaces: [eth0]}}}", "bridges"),
        ("network: {ethernets: {eth0: {}}, vlans: {v5: {id: 5, link: eth0}}}", "vlans"),
        ("network: &a {ethernets: {eth0: *a}}", "aliases"),
        ("network: [", "not read as YAML"),
        ("[" * 60_000, "nested too deeply"),
        ("network: {ethernets: {eth0: {}}, bonds: " + "[" * 50 + "]" * 50 + "}", "nested too deeply"),
    ],
)
def test_what_is_not_understood_is_left_alone_and_named(text, why):
    with pytest.raises(NotUnderstood, match=why):
        netplan.file(plan(), {PATH: text})


ENTRIES = ["dhcp4: true", "dhcp6: yes", "addresses: [10.1.0.5/24]", "gateway4: 10.1.0.1", "mtu: 1400"]
ENTRIES += ["nameservers: {addresses: [10.1.0.2]}", "routes: [{to: 10.9.0.0/16, via: 10.1.0.254}]"]


@given(plans(), st.lists(st.sampled_from(ENTRIES), unique=True), st.booleans())
def test_a_second_time_changes_nothing_and_no_address_of_before_is_left(wanted, entries, flow):
    own = f"{{{', '.join(entries)}}}" if flow or not entries else "".join(f"\n      {e}" for e in entries)
    present = f"network:\n  ethernets:\n    eth1: {{dhcp4: yes}}\n    eth0: {own}\n"
    once = netplan.file(wanted, {PATH: present}).content
    assert netplan.file(wanted, {PATH: once}).content == once
    assert ("10.1.0.5/24" in once) == (4 not in wanted.families and ENTRIES[2] in entries)
    assert card(wanted, once).get("mtu") == ("1400" if "mtu: 1400" in entries else None)


@pytest.mark.parametrize(
    "odd",
    [
        PRESENT.replace("gateway4: 10.1.0.1", "gateway4: 10.2.0.1/24"),
        PRESENT.replace("via: 10.1.0.254", "via: 10.2.0.254/24"),
        PRESENT.replace("      mtu: 1400", "      ? [mtu]\n      : 1400"),
    ],
)
def test_an_odd_line_is_left_alone_and_crashes_nothing(odd):
    assert odd != PRESENT
    with pytest.raises(NotUnderstood):
        card(plan(gateways=()), odd)
