"""Several networks of one machine's drill: made and removed together, whatever is killed in between."""

import pytest

from rig import dying
from secondsite.ground import seams
from secondsite.wire.common.machines import NetworkInfo, NetworkService, ServedHost
from secondsite.wire.control.checks import CheckTarget
from secondsite.wire.control.orders import CreateNetwork, DrillNetwork, Kind

pytestmark = pytest.mark.slow
OTHER = "the-other-machine"


def serving(name, number, dns_servers=(), address=None):
    host = ServedHost(name=name, mac=f"52:54:00:00:00:0{number}", address=address)
    return NetworkService(subnet="10.9.8.0/29", hosts=(host,), dns_servers=dns_servers)


BACK = DrillNetwork(name="ss-back", drill="run")
BOTH = CreateNetwork(name="ss-front", drill="run", more=(BACK,))


def names(site):
    return sorted(network.name for network in site.fabric.networks.list())


def test_they_are_made_together_and_each_stays_for_who_uses_it(pair):
    pair.target.do(Kind.CREATE_NETWORK, BOTH, pair.machine_id)
    pair.target.do(Kind.CREATE_NETWORK, CreateNetwork(**dict(BACK)), OTHER)
    assert names(pair.target) == ["ss-back", "ss-front"]
    pair.target.do(Kind.REMOVE_NETWORK, BOTH, pair.machine_id)
    assert names(pair.target) == ["ss-back"]
    pair.target.do(Kind.REMOVE_NETWORK, CreateNetwork(**dict(BACK)), OTHER)
    assert (names(pair.target), pair.target.appliance.state.facts("drill-network/")) == ([], {})


def test_a_machine_of_a_new_drill_leaves_all_that_its_last_one_left_over(pair):
    pair.target.do(Kind.CREATE_NETWORK, BOTH, OTHER)
    pair.target.do(Kind.CREATE_NETWORK, CreateNetwork(name="ss-again", drill="next"), OTHER)
    assert names(pair.target) == ["ss-again"]


@pytest.mark.parametrize("turn", [1, 2])
@pytest.mark.parametrize("seam", ["appliance.network.entered", "appliance.network.removed"])
def test_a_kill_between_them_leaves_nothing_after_the_clean_up(pair, seam, turn):
    entering = seam.endswith("entered")
    if not entering:
        pair.target.do(Kind.CREATE_NETWORK, BOTH, OTHER)
    kind = Kind.CREATE_NETWORK if entering else Kind.REMOVE_NETWORK
    with seams.armed(dying.at(seam, turn)), pytest.raises(dying.Killed):
        pair.target.order(kind, BOTH, OTHER)
    pair.target.stop()
    pair.target.start()
    pair.target.do(Kind.REMOVE_NETWORK, BOTH, OTHER)
    assert (names(pair.target), pair.target.appliance.state.facts("drill-network/")) == ([], {})


def test_the_addresses_of_all_of_them_are_reported_and_a_repeat_gives_the_same(pair):
    back = BACK.model_copy(update={"serving": serving("web01", 2)})
    order = CreateNetwork(name="ss-front", drill="run", serving=serving("web01", 1), more=(back,))
    first = pair.target.do(Kind.CREATE_NETWORK, order, OTHER)["leased"]
    assert set(first) == {"52:54:00:00:00:01", "52:54:00:00:00:02"}
    assert pair.target.do(Kind.CREATE_NETWORK, order, OTHER)["leased"] == first


def test_the_address_of_the_dns_server_goes_to_nobody_who_does_not_wish_it(pair):
    """The subnet has five addresses for machines; one of them is that of the DNS server."""
    got = []
    for number in range(1, 6):
        wished = "10.9.8.4" if number == 5 else None
        order = CreateNetwork(
            name="ss-front", drill="run", serving=serving(f"vm{number}", number, ("10.9.8.4",), wished)
        )
        got += pair.target.do(Kind.CREATE_NETWORK, order, f"machine-{number}")["leased"].values()
    assert got[4] == "10.9.8.4"
    assert sorted(got) == [f"10.9.8.{last}" for last in range(2, 7)]


@pytest.mark.parametrize(
    ("subnets", "known"),
    [(("10.2.0.0/24",), "10.2.0.0/24"), ((), None), (("10.2.0.0/24", "10.3.0.0/24"), None),
    (("10.0.0.0/8",), None)]
)  # fmt: skip
def test_the_check_says_the_subnet_of_a_network_that_one_is_to_stand_for(pair, subnets, known):
    pair.target.fabric.networks.add(NetworkInfo(name="dmz", kind="bridge", subnets=subnets))
    answer = pair.target.do(Kind.CHECK_TARGET, CheckTarget(stand_ins=("dmz", "gone")), pair.machine_id)
    assert answer["serves"]
    assert [(each["network"], each["subnet"]) for each in answer["stand_ins"]] == [
        ("dmz", known),
        ("gone", None),
    ]
    assert answer["obstacles"] == []


def test_a_repeat_of_the_order_removes_none_of_them(pair):
    pair.target.do(Kind.CREATE_NETWORK, BOTH, OTHER)
    with seams.armed(dying.at("appliance.network.removed")):
        pair.target.do(Kind.CREATE_NETWORK, BOTH, OTHER)
    assert names(pair.target) == ["ss-back", "ss-front"]
