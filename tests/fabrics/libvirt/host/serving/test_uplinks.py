"""What a network leads to: real bridges with real ports, and libvirt's definitions."""

import secrets
import subprocess
from xml.etree import ElementTree

import pytest

from secondsite.fabrics.libvirt import uplinks
from secondsite.fabrics.libvirt.host import networks


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=10)


@pytest.fixture
def links():
    """Makes links, and removes them; gives the name of one that nobody has."""
    made = []

    def link(*arguments):
        made.append(f"ss{secrets.token_hex(3)}")
        ip("link", "add", *(made[-1] if each == "NAME" else each for each in arguments))
        return made[-1]

    yield link
    for each in reversed(made):
        subprocess.run(["ip", "link", "delete", "dev", each], capture_output=True, timeout=10, check=False)


def leads_to(folder, bridge):
    return next(each.leads_to for each in networks.BridgeNetworks(folder).list() if each.name == bridge)


def test_a_bridge_leads_on_through_its_uplink_and_to_its_host(links, tmp_path):
    bridge = links("name", "NAME", "type", "bridge")
    assert leads_to(tmp_path, bridge) == ()
    card = links("name", "NAME", "type", "veth", "peer", "name", f"ss{secrets.token_hex(3)}")
    above = links("link", card, "name", "NAME", "type", "macvlan", "mode", "passthru")
    ip("link", "set", "dev", above, "master", bridge)
    assert leads_to(tmp_path, bridge) == (f"card {above}",)
    ip("address", "add", "10.83.7.1/24", "dev", bridge)
    ip("link", "set", "dev", bridge, "up")
    assert leads_to(tmp_path, bridge) == (f"card {above}", "its host, which is in 10.83.7.0/24")


def test_a_card_of_a_machine_is_no_uplink(links, tmp_path):
    bridge = links("name", "NAME", "type", "bridge")
    pair = links("name", "NAME", "type", "veth", "peer", "name", f"ss{secrets.token_hex(3)}")
    ip("link", "set", "dev", pair, "master", bridge)
    assert leads_to(tmp_path, bridge) == ()


def test_what_we_made_leads_nowhere(tmp_path):
    name = f"ss-{secrets.token_hex(3)}"
    bridges = networks.BridgeNetworks(tmp_path)
    bridges.create_isolated(name, "T")
    try:
        assert leads_to(tmp_path, name) == ()
    finally:
        bridges.remove(name, "T")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("<network><name>lab</name></network>", ()),
        ("<network><ip address='10.0.0.1' netmask='255.255.255.0'/></network>", ()),
        ("<network><forward/><ip address='10.0.0.1'/></network>", ("what its host forwards to (nat)",)),
        ("<network><forward mode='bridge'/></network>", ("what its host forwards to (bridge)",)),
    ],
)
def test_libvirt_s_networks_say_it_themselves(text, wanted):
    assert uplinks.of_network(ElementTree.fromstring(text)) == wanted
