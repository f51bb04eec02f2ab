"""Networks of a cluster, as far as they are told."""

import pytest

from secondsite.fabrics.pve.networks import PveNetworks


@pytest.fixture
def networks(connection):
    return PveNetworks(connection)


def test_bridges_and_networks_of_the_cluster_are_told_and_nothing_is_changed(cluster, networks):
    found = {each.name: each for each in networks.list()}
    bridge = found["vmbr0"]
    assert (bridge.kind, bridge.active, bridge.subnets, bridge.problem) == (
        "bridge", True, ("192.0.2.0/24",), None,
    )  # fmt: skip
    assert "eno1" not in found
    assert any(each.kind.startswith("SDN network of zone") for each in found.values())
    assert cluster.changes() == []


def test_a_bridge_that_only_some_nodes_have_says_so(cluster, networks):
    cluster.pve.add_node("pve2")
    cluster.pve.fail("GET", "/nodes/pve2/network", 200, '{"data": []}', html=True)
    (bridge,) = [each for each in networks.list() if each.name == "vmbr0"]
    assert "Only these nodes have it: pve1" in bridge.problem


def test_a_node_that_is_away_is_not_asked(cluster, networks):
    cluster.pve.add_node("pve2", online=False)
    (bridge,) = [each for each in networks.list() if each.name == "vmbr0"]
    assert bridge.problem is None


def test_what_is_odd_among_networks_costs_none_of_the_others(cluster, networks):
    said = '{"data": [{"iface": "vmbr0", "type": "bridge", "cidr": "many"}, {"iface": 7}, "odd"]}'
    cluster.pve.fail("GET", "/nodes/pve1/network", 200, said, html=True)
    (bridge,) = [each for each in networks.list() if each.kind == "bridge"]
    assert (bridge.name, bridge.subnets, bridge.active) == ("vmbr0", (), False)
