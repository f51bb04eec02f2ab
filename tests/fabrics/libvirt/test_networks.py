"""Isolated bridges: made whole or not at all, and nobody else's."""

import json
import secrets
import subprocess
from xml.etree import ElementTree

import pytest

from secondsite.domain import errors
from secondsite.fabrics.libvirt import subnets as libvirt_subnets
from secondsite.fabrics.libvirt.host import networks
from secondsite.fabrics.libvirt.host.serving import offering, reserving
from secondsite.wire.common.machines import NetworkService, ServedHost


def ip(*arguments):
    done = subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True, timeout=10)
    return json.loads(done.stdout or "[]") if "-json" in arguments else None


@pytest.fixture
def name():
    name = f"ss-{secrets.token_hex(3)}"
    yield name
    subprocess.run(["ip", "link", "delete", "dev", name], capture_output=True, timeout=10, check=False)


def test_an_isolated_bridge_is_up_and_has_neither_address_nor_uplink(name, tmp_path):
    networks.BridgeNetworks(tmp_path).create_isolated(name, "T")
    (link,) = ip("-json", "address", "show", "dev", name)
    assert "UP" in link["flags"]
    assert link["addr_info"] == []
    assert ip("-json", "link", "show", "master", name) == []


def test_a_bridge_that_someone_else_made_is_listed_but_not_touched(name, tmp_path):
    ip("link", "add", "name", name, "type", "bridge")
    bridges = networks.BridgeNetworks(tmp_path)
    assert [(one.isolated, one.tag) for one in bridges.list() if one.name == name] == [(False, None)]
    with pytest.raises(errors.NotOurs):
        bridges.create_isolated(name, "T")
    with pytest.raises(errors.NotOurs):
        bridges.remove(name, "T")


def test_what_a_dead_process_began_is_cleared_away_and_never_listed(name, tmp_path):
    left_over = f"{networks.PASSING}4194999"
    ip("link", "add", "name", left_over, "type", "bridge")
    bridges = networks.BridgeNetworks(tmp_path)
    assert left_over not in [one.name for one in bridges.list()]
    bridges.create_isolated(name, "T")
    assert left_over not in [link["ifname"] for link in ip("-json", "link", "show", "type", "bridge")]


def test_a_name_that_no_bridge_can_have_is_refused(tmp_path):
    with pytest.raises(errors.InvalidArgument):
        networks.BridgeNetworks(tmp_path).create_isolated("a-name-that-is-too-long", "T")


def test_a_bridge_on_which_the_host_has_an_address_is_listed_with_its_subnet(name, tmp_path):
    ip("link", "add", "name", name, "type", "bridge")
    ip("address", "add", "10.97.3.1/24", "dev", name)
    ip("address", "add", "fd00:97::1/64", "dev", name)
    found = [one.subnets for one in networks.BridgeNetworks(tmp_path).list() if one.name == name]
    assert found == [("10.97.3.0/24",)]


@pytest.mark.parametrize(
    ("said", "subnets"),
    [
        ("<ip address='10.2.0.1' netmask='255.255.255.0'/>", ("10.2.0.0/24",)),
        (
            (
                "<ip family='ipv4' address='10.2.0.1' prefix='16'/><ip family='ipv6' address='fd00::1' "
                "prefix='64'/>"
            ),
            ("10.2.0.0/16",),
        ),
        ("<ip address='here' prefix='16'/>", ()),
        ("", ()),
    ],
)
def test_the_subnets_of_a_network_of_libvirt_stand_in_its_definition(said, subnets):
    assert libvirt_subnets.of_network(ElementTree.fromstring(f"<network>{said}</network>")) == subnets


def test_only_what_has_changed_is_reserved_on_a_network_of_many_machines(monkeypatch):
    there = {f"52:54:00:00:00:{number:02x}": f"10.0.0.{number}" for number in range(10, 90)}
    asked = []
    monkeypatch.setattr(offering, "_root", lambda _network: None)
    monkeypatch.setattr(offering, "_subnet_of", lambda _root: "10.0.0.0/24")
    monkeypatch.setattr(reserving, "known", lambda _network: there)
    monkeypatch.setattr(reserving, "reserve", lambda _network, *what: asked.append(what))
    hosts = [ServedHost(name="vm", mac=mac, address=address) for mac, address in there.items()]
    new = ServedHost(name="new", mac="52:54:00:00:00:01", address="10.0.0.99")
    offering.serve(None, None, NetworkService(subnet="10.0.0.0/24", hosts=(*hosts, new)))
    assert asked == [(new.mac, "10.0.0.99", "new")]
