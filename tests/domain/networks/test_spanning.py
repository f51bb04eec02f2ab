"""Which hosts can share a network of a drill, and what each of them gives out."""

import dataclasses

import pytest

from secondsite.domain.networks import spanning
from secondsite.domain.networks.spanning import SegmentHost

FIRST, SECOND = SegmentHost("'one'", "10.5.0.1", 1500), SegmentHost("'two'", "10.5.0.2", 9000)


def why_not(second):
    return spanning.why_not({"1": FIRST, "2": second})


def test_hosts_with_a_drill_segment_each_can():
    assert why_not(SECOND) is None
    assert spanning.mtu([FIRST, SECOND]) == 1450


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (SegmentHost("'two'"), "no drill segment is named for 'two' (set 'drill_segment' in appliance.json"),
        (SegmentHost("'two'", "10.5.0.2", problem="It is gone."), "that of 'two': It is gone."),
        (dataclasses.replace(SECOND, address="10.5.0.1"), "two of them name the same address"),
        (dataclasses.replace(SECOND, mtu=600), "have at most 600 bytes, of which the tunnel takes 50"),
    ],
)  # fmt: skip
def test_what_keeps_them_from_it_is_said(second, said):
    assert said in why_not(second)


def test_no_more_than_so_many_hosts():
    hosts = {str(each): SegmentHost(str(each), f"10.5.1.{each}", 1500) for each in range(65)}
    assert "at most 64 hosts" in str(spanning.why_not(hosts))


def test_a_network_has_one_number_at_all_hosts_and_no_other_has_it_likely():
    numbers = {spanning.number(f"ss-{each:012x}") for each in range(1000)}
    assert len(numbers) == 1000
    assert all(0 < each < spanning.NUMBERS for each in numbers)


def test_hosts_give_out_addresses_that_no_other_gives():
    spans = [("10.9.8.2", "10.9.8.254")]
    shares = [spanning.share(spans, index, 3) for index in range(3)]
    assert shares == [
        (("10.9.8.2", "10.9.8.85"),),
        (("10.9.8.86", "10.9.8.169"),),
        (("10.9.8.170", "10.9.8.253"),),
    ]
    assert spanning.share([("10.9.8.2", "10.9.8.3")], 0, 3) == ()
