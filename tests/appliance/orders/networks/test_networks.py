"""The networks that a failed-over machine is to be connected to: looked for before, and missed without
harm."""

import uuid
from types import SimpleNamespace
from typing import cast

import pytest

from rig.appliances.runs import close, stop
from secondsite.appliance.orders.context import Context
from secondsite.appliance.orders.networks import drill_networks
from secondsite.fabrics import simulated
from secondsite.wire.common.machines import NetworkInfo
from secondsite.wire.control.cards import LocalCard
from secondsite.wire.control.checks import CheckTarget, PointCards
from secondsite.wire.control.orders import Kind, OtherCards, StartReplica

pytestmark = pytest.mark.slow
OTHER_MAC = "52:54:00:00:00:77"
CARD = LocalCard(key="net0", mac="52:54:00:00:00:01", network="lan-b")


def checked(pair, **asked):
    found = pair.target.do(Kind.CHECK_TARGET, CheckTarget(**asked), pair.machine_id)["obstacles"]
    return [(each["what"], each["do"], each["blocking"]) for each in found]


def inactive(pair, name):
    network = simulated.add_network(pair.target.root, name)
    pair.target.fabric.networks.add(network.model_copy(update={"active": False}))


def test_a_network_that_must_be_there_blocks_when_it_is_gone(pair):
    (found,) = checked(pair, networks=("lan-b",), cards=(CARD,))
    assert found == (
        "There is no network 'lan-b' here.",
        "Create it, or map to one that exists ('secondsite mapping create SITE/NETWORK SITE/NETWORK').",
        True,
    )
    simulated.add_network(pair.target.root, "lan-b")
    assert checked(pair, networks=("lan-b",), cards=(CARD,)) == []


def test_a_portgroup_that_is_not_in_its_network_blocks_with_the_command_that_adds_it(pair):
    simulated.add_network(pair.target.root, "lan-b")
    card = CARD.model_copy(update={"network": "lan-b/web"})
    (found,) = checked(pair, networks=("lan-b/web",), cards=(card,))
    command = (
        """virsh net-update lan-b add portgroup '<portgroup name="web"><vlan><tag id="TAG"/></vlan>"""
        "</portgroup>' --live --config"
    )
    assert found == (
        "The network 'lan-b' has no portgroup 'web' here.",
        f"Add it with its VLAN tag: '{command}'; or map the portgroup by itself: 'secondsite mapping create "
        "SITE/NETWORK/PORTGROUP SITE/NETWORK'.",
        True,
    )


def test_a_network_that_a_card_would_miss_is_warned_of_with_the_card(pair):
    (found,) = checked(pair, cards=(CARD, LocalCard(key="net1")))
    what = "There is no network 'lan-b' here: net0 (52:54:00:00:00:01) will not be connected."
    assert (found[0], found[2]) == (what, False)


def test_a_network_that_is_not_active_is_as_good_as_gone(pair):
    inactive(pair, "lan-b")
    (found,) = checked(pair, networks=("lan-b",))
    assert "not active" in found[0]
    assert "virsh net-start lan-b" in found[1]


@pytest.mark.parametrize("name", ["lan-b", "lan-b/web"])
def test_a_network_that_cannot_be_read_blocks_whoever_needs_it_with_what_to_do(pair, name):
    network = simulated.add_network(pair.target.root, "lan-b")
    odd = {"active": False, "problem": "The network 'lan-b' cannot be read. Edit it."}
    pair.target.fabric.networks.add(network.model_copy(update=odd))
    (found,) = checked(pair, networks=(name,), cards=(CARD.model_copy(update={"network": name}),))
    assert found == (f"The network '{name}' cannot be used here.", odd["problem"], True)
    simulated.add_network(pair.target.root, "lan-c")
    assert checked(pair, networks=("lan-c",)) == []


def test_a_start_in_need_leaves_a_card_unconnected_whose_network_is_gone(pair):
    pair.protect().synchronized()
    point_id = pair.point_now()
    sentence, made = started(pair, point_id)
    assert "net0 is not connected: there is no network 'lan-b' here" in sentence
    assert made.nics == ()
    stop(pair, "failover", made.fabric_id)
    simulated.add_network(pair.target.root, "lan-b")
    sentence, made = started(pair, point_id)
    assert "not connected" not in sentence
    assert [nic.network for nic in made.nics] == ["lan-b"]


def moved(pair):
    """A point at home in the first network, and one after the move to the other; what the vault then says."""
    pair.protect().synchronized()
    (nic,) = pair.source.definition(pair.fabric_id).nics
    first = pair.point_now()
    simulated.connect(pair.source.root, pair.fabric_id, "campus")
    later = pair.point_now()
    for name in ("lan-b", "branch"):
        simulated.add_network(pair.target.root, name)
    now = {"networks": {"net0": "branch"}, "networks_by_mac": {nic.mac: "branch"}}
    return (first, later), nic, now


def test_a_card_gets_what_the_network_of_its_point_is_mapped_to(pair):
    (first, later), nic, now = moved(pair)
    status = pair.source_status()
    assert [card.network for card in status.hardware.cards] == ["campus"]
    mappings = {nic.network: "lan-b", "campus": "branch"}
    for point_id, becomes in ((first, "lan-b"), (later, "branch")):
        sentence, made = started(pair, point_id, mappings=mappings, **now)
        assert [card.network for card in made.nics] == [becomes]
        assert "not connected" not in sentence
        stop(pair, "failover", made.fabric_id)


def test_a_card_whose_network_at_its_point_is_not_mapped_is_left_unconnected_and_told(pair):
    (first, _), nic, now = moved(pair)
    sentence, made = started(pair, first, mappings={"campus": "branch"}, **now)
    assert (
        f"net0 is not connected: nothing is mapped for {nic.network}, in which this point has it" in sentence
    )
    assert made.nics == ()


def test_a_network_that_a_person_set_counts_at_every_point(pair):
    (first, _), nic, now = moved(pair)
    sentence, made = started(pair, first, mappings={"campus": "branch"}, set_cards=(nic.mac,), **now)
    assert [card.network for card in made.nics] == ["branch"]
    assert "not connected" not in sentence


def test_an_older_vault_s_networks_count_at_every_point(pair):
    (first, _), _, now = moved(pair)
    _, made = started(pair, first, **now)
    assert [card.network for card in made.nics] == ["branch"]


def started(pair, point_id, run="failover", **networks):
    if run == "failover":
        close(pair)
    networks = networks or {"networks": {"net0": "lan-b"}}
    payload = StartReplica(
        run=run, point_id=point_id, fabric_id=str(uuid.uuid4()), name="web01-failover",
        without_missing_networks=True, **networks,
    )  # fmt: skip
    report = pair.target.order(Kind.START_REPLICA, payload, pair.machine_id)
    assert report.problem is None
    return report.sentence, pair.target.definition(payload.fabric_id)


@pytest.mark.parametrize(
    ("traits", "warned"), [({}, True), ({"carries_vlans": True}, False), ({"vlans": (13,)}, False)]
)
def test_tags_that_the_network_does_not_carry_are_warned_of(pair, traits, warned):
    network = simulated.add_network(pair.target.root, "lan-b")
    pair.target.fabric.networks.add(network.model_copy(update=traits))
    tagged = CARD.model_copy(update={"vlans": (12,)})
    found = checked(pair, networks=("lan-b",), cards=(CARD, tagged))
    assert [each[2] for each in found] == [False] * warned
    assert all("net0 (52:54:00:00:00:01) is in VLAN 12 at its source" in each[0] for each in found)


@pytest.mark.parametrize(("address", "fits"), [("10.2.0.5/24", True), ("10.3.0.5/24", False), (None, True)])
@pytest.mark.parametrize("blocks", [True, False])
def test_an_address_that_the_network_does_not_have_blocks_where_the_network_must_be_there_and_else_is_warned_of(  # noqa: E501
    pair, address, fits, blocks
):
    pair.target.fabric.networks.add(NetworkInfo(name="lan-b", kind="bridge", subnets=("10.2.0.0/24",)))
    card = LocalCard(key="net0", mac=CARD.mac, network="lan-b", address=address)
    found = checked(pair, cards=(card,), networks=("lan-b",) if blocks else ())
    assert len(found) == (0 if fits else 1)
    assert all("nobody there reaches it" in what and blocking is blocks for what, _, blocking in found)


def test_of_a_network_whose_subnet_is_not_known_any_address_is_taken(pair):
    pair.target.fabric.networks.add(NetworkInfo(name="lan-b", kind="bridge"))
    assert (
        checked(pair, cards=(LocalCard(key="net0", mac=CARD.mac, network="lan-b", address="10.3.0.5/24"),))
        == []
    )


def test_a_drill_says_what_its_cards_are_connected_to_once_it_has_started(pair):
    pair.protect().synchronized()
    point_id = pair.point_now()
    for name in ("lab", "other"):
        simulated.add_network(pair.target.root, name)
    for network, said in (("lab", "; connected: net0 to lab"), (None, "")):
        fabric_id = str(uuid.uuid4())
        payload = StartReplica(
            run="drill", point_id=point_id, fabric_id=fabric_id, name="web01-test", networks={"net0": network}
        )
        report = pair.target.order(Kind.START_REPLICA, payload, pair.machine_id)
        assert ("connected: net0 to lab" in report.sentence) == bool(said)
        stop(pair, "drill", fabric_id)


def test_a_drill_whose_card_is_elsewhere_than_was_asked_for_says_so(pair):
    """A site's owner, or a hook of libvirt, may change what is made."""
    context = SimpleNamespace(fabric=pair.target.fabric)
    fabric_id = pair.target.make_machine("odd")
    said = drill_networks.said(cast(Context, context), fabric_id, {"net0": "lab"})
    assert said == "; connected: net0 to lan; no card of it is in lab, as was asked for"


def replaced(pair):
    """A point with the first card, and one after its owner put another in its place, in another network."""
    pair.protect().synchronized()
    (nic,) = pair.source.definition(pair.fabric_id).nics
    first = pair.point_now()
    simulated.connect(pair.source.root, pair.fabric_id, "campus", mac=OTHER_MAC)
    later = pair.point_now()
    for name in ("lan-b", "branch"):
        simulated.add_network(pair.target.root, name)
    return (first, later), nic


@pytest.mark.parametrize(("was_set", "becomes"), [(None, []), ("lan-b", ["lan-b"])])
def test_what_was_set_for_a_card_that_is_no_more_counts_at_its_point_and_never_for_its_key(
    pair, was_set, becomes
):
    (first, _), nic = replaced(pair)
    now = {"networks": {"net0": "branch"}, "networks_by_mac": {OTHER_MAC: "branch", nic.mac: was_set}}
    mappings, others = {nic.network: "branch"}, OtherCards()
    _, made = started(pair, first, mappings=mappings, set_cards=(nic.mac,), other_cards=others, **now)
    assert [card.network for card in made.nics] == becomes


@pytest.mark.parametrize("network", ["drill", None])
def test_a_drill_has_the_former_cards_of_its_point_in_its_network_whatever_is_set_for_those_of_now(
    pair, network
):
    (first, _), _ = replaced(pair)
    simulated.add_network(pair.target.root, "drill")
    now = {"networks": {"net0": "branch"}, "networks_by_mac": {OTHER_MAC: "branch"}}
    _, made = started(pair, first, "drill", other_cards=OtherCards(network=network), **now)
    assert [card.network for card in made.nics] == ([network] if network else [])


def test_a_drill_with_a_network_for_each_tells_of_cards_for_which_none_stands(pair):
    (first, _), nic = replaced(pair)
    now = {"networks": {"net0": "branch"}, "networks_by_mac": {OTHER_MAC: "branch"}}
    more = {"mappings": {"campus": "branch"}, "set_cards": (OTHER_MAC,), "other_cards": OtherCards()}
    sentence, made = started(pair, first, "drill", **more, **now)
    assert f"net0 is not connected: no network of the drill stands for {nic.network}" in sentence
    assert made.nics == ()


def test_a_check_for_a_point_is_of_the_cards_that_it_has(pair):
    (first, later), nic = replaced(pair)
    definition = pair.source.definition(pair.fabric_id)
    for point_id, missing in ((first, ["lan-gone"]), (later, [])):
        at = PointCards(point_id=point_id, mappings={nic.network: "lan-gone", "campus": "branch"})
        found = checked(pair, definition=definition, cards=(CARD,), at=at)
        assert [name for name in ("lan-gone", "lan-b") if any(name in each[0] for each in found)] == missing
