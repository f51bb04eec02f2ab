"""NetworkManager's connection of ours for a card."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain.networks.guest_config import ini, network_manager
from secondsite.domain.networks.guest_config.card_plan import NotUnderstood
from tests.domain.networks.guest_config.support_plans import FOUR, SIX, plan, plans

PRESENT = """[connection]
id=eth0
uuid=8a9b0c1d-0000-4000-8000-000000000001
type=ethernet
interface-name=eth0
zone=dmz

[ethernet]
mtu=1400

[ipv4]
address1=10.1.0.5/24,10.1.0.1
dns=10.1.0.2;
dns-search=shop.example;
method=manual
route1=10.9.0.0/16,10.1.0.254
route1_options=table=5

[ipv6]
addr-gen-mode=default
method=auto

[proxy]
"""


def sections(wanted, present=PRESENT):
    found = network_manager.file(wanted, present).content
    return {each.name: dict(each.entries) for each in ini.read(found)}


def test_the_connection_of_ours_is_preferred_and_has_the_address_and_the_rest_of_the_guests():
    found = sections(plan())
    assert found["connection"]["autoconnect-priority"] == "999"
    assert found["connection"]["zone"] == "dmz"
    assert found["connection"]["uuid"] not in PRESENT
    assert "interface-name" not in found["connection"]
    assert found["ethernet"] == {"mac-address": "52:54:00:00:00:01", "mtu": "1400"}
    assert found["ipv4"] == {
        "method": "manual", "address1": "10.2.0.5/24,10.2.0.1", "dns": "10.2.0.2;",
        "dns-search": "shop.example;",
    }  # fmt: skip
    assert found["ipv6"] == {"addr-gen-mode": "default", "method": "auto"}
    assert "proxy" in found


def test_nobody_but_root_may_read_it():
    """NetworkManager reads no other."""
    assert network_manager.file(plan(), PRESENT).mode == 0o600


def test_of_a_card_that_asked_for_all_the_other_family_goes_on_asking():
    assert sections(plan(SIX), None) | {"connection": {}} == {
        "connection": {},
        "ethernet": {"mac-address": "52:54:00:00:00:01"},
        "ipv4": {"method": "auto"},
        "ipv6": {"method": "manual", "address1": "2001:db8:2::5/64,fe80::1", "dns": "2001:db8:2::53;"},
    }


def test_routes_and_the_gateway_stay_if_the_new_address_reaches_them():
    own = plan(addresses=("10.1.0.77/24",), gateways=(), dns_servers=(), routes=(FOUR["route"],))
    assert sections(own)["ipv4"] == {
        "method": "manual", "address1": "10.1.0.77/24,10.1.0.1", "route1": "10.9.0.0/16,10.1.0.254",
        "route2": "10.77.0.0/16,10.2.0.254", "dns": "10.1.0.2;", "dns-search": "shop.example;",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[connection]\ntype=bond\n", "type bond"),
        ("[connection]\ntype=ethernet\nmaster=br0\n", "larger"),
        ("[connection]\ntype=ethernet\n[802-1x]\neap=tls;\n", r"802\.1X"),
        ("type=ethernet\n", "line 1"),
    ],
)
def test_what_is_not_understood_is_left_alone_and_named(text, why):
    with pytest.raises(NotUnderstood, match=why):
        network_manager.file(plan(), text)


ENTRIES = ["address1=10.1.0.5/24,10.1.0.1", "addresses2=10.1.0.6/24", "gateway=10.1.0.1", "dns=10.1.0.2;"]
ENTRIES += ["route1=10.9.0.0/16,10.1.0.254", "method=manual", "may-fail=false"]


@given(plans(), st.lists(st.sampled_from(ENTRIES), unique=True))
def test_a_second_time_changes_nothing_and_no_address_of_before_is_left(wanted, entries):
    present = "\n".join(["[connection]", "type=ethernet", "[ipv4]", *entries])
    once = network_manager.file(wanted, present).content
    assert network_manager.file(wanted, once).content == once
    assert ("10.1.0.6/24" in once) == (4 not in wanted.families and ENTRIES[1] in entries)
    assert ("may-fail=false" in once) == ("may-fail=false" in entries)
