"""Addresses of cards at the second site: what one can have, and which one it gets where others have some."""

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain.networks import addresses, served_addresses

MAC, OTHER = "52:54:00:00:00:01", "52:54:00:00:00:02"
SUBNET, WIDE = "10.9.8.0/29", "10.9.8.0/24"


@pytest.mark.parametrize(
    "address",
    ["10.2.0.5", "10.2.0.0/24", "10.2.0.255/24", "10.2.0.5/31", "10.2.0.5/4", "127.0.0.1/8", "224.0.0.5/24",
    "fd00::5/64", "x/24"],
)  # fmt: skip
def test_what_no_card_can_have_is_refused(address):
    with pytest.raises(ValueError, match=r"\w"):
        addresses.with_prefix(address)


@pytest.mark.parametrize(
    ("gateway", "dns", "problem"),
    [
        ("10.2.0.1", (), "None"),
        (None, ("1.1.1.1",), "None"),
        ("10.2.1.1", (), "not in its subnet 10.2.0.0/24"),
        ("10.2.0.5", (), "as its address and as its gateway"),
    ],
)
def test_a_gateway_lies_in_the_subnet_and_is_somebody_else(gateway, dns, problem):
    found = addresses.contradiction("10.2.0.5/24", gateway, dns)
    assert problem in str(found)


@pytest.mark.parametrize(("gateway", "dns"), [("10.2.0.1", ()), (None, ("1.1.1.1",))])
def test_nothing_goes_with_an_address_that_is_not_given(gateway, dns):
    assert "but no address" in str(addresses.contradiction(None, gateway, dns))


def test_the_wished_address_is_given_if_it_is_free():
    assert served_addresses.lease(SUBNET, MAC, "10.9.8.5", {}) == served_addresses.Lease("10.9.8.5")


@pytest.mark.parametrize(
    ("wished", "why"),
    [
        ("10.9.8.5", "which db01 has"),
        ("10.9.9.5", "which is not in 10.9.8.0/29"),
        ("10.9.8.1", "which the network's own server has"),
        ("10.9.8.7", "which no machine in 10.9.8.0/29 can have"),
    ],
)
def test_else_another_one_is_given_with_the_reason(wished, why):
    found = served_addresses.lease(SUBNET, MAC, wished, {"10.9.8.5": "db01"})
    assert found.why_not == why
    assert found.address not in (None, "10.9.8.5")


@given(st.sets(st.integers(2, 6)), st.sampled_from([MAC, OTHER]), st.none() | st.integers(0, 7))
def test_whatever_is_given_is_free_and_a_machine_can_have_it(taken, mac, wished):
    known = {f"10.9.8.{number}": "other" for number in taken}
    found = served_addresses.lease(SUBNET, mac, None if wished is None else f"10.9.8.{wished}", known)
    if len(taken) == 5:
        assert found.address is None
        return
    assert found.address not in known
    assert (
        ipaddress.IPv4Address("10.9.8.2")
        <= ipaddress.IPv4Address(found.address)
        <= ipaddress.IPv4Address("10.9.8.6")
    )
    assert found == served_addresses.lease(SUBNET, mac, None if wished is None else f"10.9.8.{wished}", known)


RANGES = ("10.9.8.10-10.9.8.11", "10.9.8.20-10.9.8.20")


@given(mac=st.binary(min_size=6, max_size=6).map(lambda it: it.hex(":")))
def test_of_a_network_with_ranges_a_card_gets_one_of_these_and_none_when_they_are_used_up(mac):
    taken: dict[str, str] = {}
    for _ in range(3):
        taken[str(served_addresses.lease(WIDE, mac, None, taken, ranges=RANGES).address)] = "another"
    assert set(taken) == {"10.9.8.10", "10.9.8.11", "10.9.8.20"}
    assert served_addresses.lease(WIDE, mac, None, taken, ranges=RANGES).address is None
    assert served_addresses.lease(WIDE, mac, "10.9.8.99", taken, ranges=RANGES).address == "10.9.8.99"


@pytest.mark.parametrize(
    ("ranges", "given_out"),
    [
        ((), [("10.9.8.2", "10.9.8.254")]),
        (("10.9.8.0-10.9.8.5",), [("10.9.8.2", "10.9.8.5")]),
        (("10.9.8.1-10.9.8.1",), [("10.9.8.2", "10.9.8.254")]),
        (("10.7.0.1-10.7.0.9", "10.9.8.250-10.9.9.9"), [("10.9.8.250", "10.9.8.254")]),
    ],
)
def test_what_lies_outside_of_the_subnet_or_is_its_server_s_is_not_given_out(ranges, given_out):
    assert list(served_addresses.spans(WIDE, ranges)) == given_out


@pytest.mark.parametrize(
    ("said", "is_so"),
    [("2001:DB8:2::05/64", "2001:db8:2::5/64"), ("fd00::1/127", "fd00::1/127"), ("fd00::/127", "fd00::/127")],
)
def test_an_ipv6_address_is_kept_in_its_canonical_form(said, is_so):
    assert addresses.ipv6_with_prefix(said) == is_so


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("2001:db8::5", "no prefix"),
        ("2001:db8::5/0", "a prefix is from /16 to /127"),
        ("2001:db8::5/128", "a prefix is from /16 to /127"),
        ("2001:db8::/64", "which is its routers'"),
        ("::ffff:10.2.0.5/96", "of IPv4: give it as that"),
        ("fe80::5/64", "each card gives itself"),
        ("ff02::1/64", "not the address of a machine"),
        ("::1/64", "not the address of a machine"),
        ("2001:db8::5%eth0/64", "not the address of a machine"),
        ("10.2.0.5/24", "10.2.0.5"),
        ("x/64", "x"),
    ],
)
def test_one_that_no_card_can_be_given_is_refused_with_its_reason(said, why):
    with pytest.raises(ValueError, match=re.escape(why)):
        addresses.ipv6_with_prefix(said)


@pytest.mark.parametrize(
    ("gateway", "why"),
    [
        ("2001:db8:2::1", None),
        ("fe80::1", None),
        (None, None),
        ("2001:db8:2::5", "as its address and as its gateway"),
        ("2001:db8:3::1", "not in its subnet 2001:db8:2::/64"),
    ],
)
def test_its_gateway_is_link_local_or_in_its_subnet(gateway, why):
    found = addresses.ipv6_contradiction("2001:db8:2::5/64", gateway)
    assert (found is None) == (why is None)
    assert why is None or why in str(found)


@pytest.mark.parametrize(
    ("said", "is_so"),
    [
        ("10.77.0.0/16", "10.77.0.0/16"),
        ("10.77.1.9", "10.77.1.9/32"),
        ("2001:DB8:77::/48", "2001:db8:77::/48"),
    ],
)
def test_a_routes_subnet_is_kept_in_its_canonical_form(said, is_so):
    assert addresses.route_subnet(said) == is_so


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("0.0.0.0/0", "is everything"),
        ("::/0", "is everything"),
        ("10.77.0.1/16", "has host bits set"),
        ("224.0.0.0/4", "by way of a gateway"),
        ("127.0.0.0/8", "by way of a gateway"),
        ("fe80::/64", "by way of a gateway"),
        ("::ffff:10.77.0.0/112", "of IPv4: give it as that"),
        ("10.77.0.0/33", "10.77.0.0/33"),
        ("", "''"),
    ],
)
def test_a_subnet_that_no_gateway_leads_to_is_refused_with_its_reason(said, why):
    with pytest.raises(ValueError, match=re.escape(why)):
        addresses.route_subnet(said)


@pytest.mark.parametrize(
    ("routes", "why"),
    [
        ([], None),
        ([("10.77.0.0/16", "10.2.0.9"), ("2001:db8:77::/48", "fe80::9")], None),
        ([("2001:db8:77::/48", "2001:db8:2::9")], None),
        ([("10.77.0.0/16", "2001:db8:2::9")], "of another family than its gateway"),
        ([("10.2.0.0/24", "10.2.0.9")], "which is its own subnet"),
        ([("10.77.0.0/16", "10.3.0.9")], "no neighbour in its subnet 10.2.0.0/24"),
        ([("10.77.0.0/16", "10.2.0.5")], "no neighbour in its subnet 10.2.0.0/24"),
        ([("10.77.0.0/16", "10.2.0.9"), ("10.77.0.0/16", "10.2.0.8")], "two routes to 10.77.0.0/16"),
    ],
)
def test_a_route_leads_by_way_of_a_neighbour(routes, why):
    found = addresses.routes_contradiction(routes, "10.2.0.5/24", "2001:db8:2::5/64")
    assert (found is None) == (why is None)
    assert why is None or why in str(found)
    alone = addresses.routes_contradiction(routes, None, None)
    assert (alone is None) == (not routes)
