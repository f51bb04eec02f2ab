"""Which address a card gets out of a pool."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.domain.networks import pools

RANGES = ("10.2.0.100-10.2.0.109", "10.2.0.200-10.2.0.200")
MAC = "52:54:00:00:00:01"


@pytest.mark.parametrize(
    ("ranges", "gateway", "said"),
    [
        (("10.3.0.5-10.3.0.6",), None, "does not lie within"),
        (("10.2.0.0-10.2.0.9",), None, "does not lie within"),
        (("10.2.0.250-10.2.0.255",), None, "does not lie within"),
        (("10.2.0.5-10.2.0.9", "10.2.0.9-10.2.0.12"), None, "begins in another one"),
        (RANGES, "10.3.0.1", "not in its subnet"),
        (RANGES, "10.2.0.105", "its gateway 10.2.0.105 in a range"),
        (RANGES, "10.2.0.1", None),
    ],
)
def test_a_pool_that_cannot_be_meant_is_told(ranges, gateway, said):
    found = pools.contradiction("10.2.0.0/24", ranges, gateway)
    assert found is None if said is None else said in str(found)


@pytest.mark.parametrize("written", ["10.2.0.9-10.2.0.5", "-10.2.0.5", "10.2.0.0/24", "x", "fd00::1"])
def test_what_is_no_range_is_refused(written):
    with pytest.raises(ValueError):
        pools.span(written)


@pytest.mark.parametrize("written", ["10.2.0.0", "10.2.0.1/24", "10.0.0.0/4", "10.2.0.0/31"])
def test_what_is_no_subnet_is_refused(written):
    with pytest.raises(ValueError):
        pools.subnet(written)


def test_one_address_alone_is_a_range():
    assert pools.span(" 10.2.0.5 ") == "10.2.0.5-10.2.0.5"


@given(st.sets(st.integers(0, 10)), st.integers(0, 2**48 - 1))
def test_a_free_one_is_given_while_there_is_one_and_the_same_again(taken, number):
    every = [*(f"10.2.0.{each}" for each in range(100, 110)), "10.2.0.200"]
    gone, mac = {every[each] for each in taken}, f"{number:012x}"
    found = pools.pick(RANGES, mac, gone)
    assert found == pools.pick(RANGES, mac.upper(), gone)
    if len(gone) == pools.size(RANGES):
        assert found is None
    else:
        assert found in set(every) - gone
        assert pools.has(RANGES, found)


def test_a_machine_gets_the_same_address_also_if_others_were_given_meanwhile():
    first = pools.pick(RANGES, MAC, ())
    others = {str(ipaddress.IPv4Address("10.2.0.100") + each) for each in range(10)} - {first}
    assert pools.pick(RANGES, MAC, others) == first


def test_a_large_pool_is_used_up_to_its_last_address():
    ranges = ("10.0.0.1-10.0.1.0",)
    taken: set[str] = set()
    for _ in range(pools.size(ranges)):
        taken.add(str(pools.pick(ranges, MAC, taken)))
    assert len(taken) == 256
    assert pools.pick(ranges, MAC, taken) is None
