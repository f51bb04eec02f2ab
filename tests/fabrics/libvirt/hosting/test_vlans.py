"""VLAN tags of cards: XML in, XML out."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from secondsite.fabrics.interface import HostRequest
from secondsite.fabrics.libvirt import vlans
from secondsite.fabrics.libvirt.host import connection, domain_xml, networks
from secondsite.fabrics.libvirt.hosting import adapt, homecoming
from tests.fabrics.libvirt.hosting.support_definitions import SOURCE, TAG

CARD = "<source network='default' portid='x'/>"
TRUNK = "<vlan trunk='yes'><tag id='12' nativeMode='untagged'/><tag id='40'/></vlan>"
SIZES = {"vda": 10 << 30, "vdb": 1 << 30}


def request(vlan=TRUNK, **more):
    definition = domain_xml.definition(SOURCE.replace(CARD, CARD + vlan), SIZES)
    return HostRequest(
        fabric_id="99999999-1111-4111-8111-111111111111", name="web", definition=definition,
        disks={"vda": Path("/new/vda.qcow2")}, networks={"net0": "ovs"}, tag=TAG, **more,
    )  # fmt: skip


def place(*vlan_networks):
    return adapt.HostFeatures(
        True, frozenset({"ovs"}), Path("/c"), Path("/n"), vlan_networks=frozenset(vlan_networks)
    )


def test_a_portgroup_is_a_network_by_itself():
    native = SOURCE.replace("network='default'", "network='default' portgroup='web'")
    assert [nic.network for nic in domain_xml.definition(native, SIZES).nics] == ["default/web", "br0"]


@pytest.mark.parametrize(("there", "kind", "source"), [
    (("ovs", "ovs/web"), "network", {"network": "ovs", "portgroup": "web"}),
    (("ovs",), "bridge", {"bridge": "ovs/web"}),
])  # fmt: skip
def test_a_card_is_in_the_portgroup_or_does_not_start_where_that_is_not(there, kind, source):
    asked = replace(request(), networks={"net0": "ovs/web"})
    place = adapt.HostFeatures(True, frozenset(there), Path("/c"), Path("/n"))
    (card,) = domain_xml.parse(adapt.adapted(asked, place)).iterfind("devices/interface")
    found = card.find("source")
    assert (card.get("type"), found is not None and found.attrib) == (kind, source)


def card_of(asked, *vlan_networks):
    (card,) = domain_xml.parse(adapt.adapted(asked, place(*vlan_networks))).iterfind("devices/interface")
    return card


def test_a_definition_says_the_tags_of_its_cards():
    assert [nic.vlans for nic in request().definition.nics] == [(12, 40), ()]


def test_tags_come_along_to_a_network_that_carries_them():
    vlan = card_of(request(), "ovs").find("vlan")
    assert vlan.attrib == {"trunk": "yes"}
    assert [tag.attrib for tag in vlan] == [{"id": "12", "nativeMode": "untagged"}, {"id": "40"}]


def test_tags_stay_behind_where_they_are_not_carried():
    assert card_of(request()).find("vlan") is None
    assert card_of(request(""), "ovs").find("vlan") is None


def test_nothing_but_tags_is_taken_of_what_another_site_says():
    evil = (
        "<vlan evil='x'><tag id='12' nativeMode='/etc'/><tag id='4096'/><tag id='-1'/><tag "
        "id='x'/><source/></vlan>"
    )
    vlan = card_of(request(evil), "ovs").find("vlan")
    assert (vlan.attrib, [tag.attrib for tag in vlan]) == ({}, [{"id": "12"}])


def test_a_machine_that_comes_home_has_its_tags_again():
    asked = request()
    home = domain_xml.parse(homecoming.at_home(asked, place(), asked.definition.native))
    assert [vlans.tags(card) for card in home.iterfind("devices/interface")] == [(12, 40), ()]


def test_a_network_of_open_vswitch_carries_tags_unless_it_has_its_own():
    text = "<network><name>n</name><virtualport type='{kind}'/>{more}</network>"
    ovs, own, other = (
        domain_xml.parse(text.format(kind=kind, more=more))
        for kind, more in (
            ("openvswitch", ""),
            ("openvswitch", "<vlan><tag id='9'/></vlan>"),
            ("802.1Qbh", ""),
        )
    )
    assert [vlans.carries(each) for each in (ovs, own, other)] == [True, False, False]
    assert vlans.tags(own) == (9,)
    bridge = domain_xml.parse("<network><name>n</name></network>")
    web, native = (
        domain_xml.parse(f"<portgroup name='x'>{more}</portgroup>")
        for more in ("<vlan><tag id='9'/></vlan>", "")
    )
    assert [vlans.carries(ovs, each) for each in (web, native)] == [False, True]
    assert [vlans.carries(each, filtered=True) for each in (bridge, own, other)] == [True, False, False]


@pytest.mark.parametrize(("setting", "release", "carries"), [
    ("1", 11_003_000, True), ("0", 11_003_000, False), (None, 11_003_000, False), ("1", 10_010_000, False),
])  # fmt: skip
def test_a_bridge_carries_tags_if_it_filters_and_libvirt_gives_them(
    setting, release, carries, tmp_path, monkeypatch
):
    """The kernel on which the tests run has no such bridges: the files that it would show are made."""
    made = tmp_path / "br-x/bridge"
    made.mkdir(parents=True)
    if setting is not None:
        (made / "vlan_filtering").write_text(f"{setting}\n")
    monkeypatch.setattr(vlans, "LINKS", tmp_path)
    monkeypatch.setattr(networks, "_shown", lambda what: [{"ifname": "br-x"}])
    host = cast(connection.Hypervisor, SimpleNamespace(release=release))
    assert [each.carries_vlans for each in networks.BridgeNetworks(tmp_path, host).list()] == [carries]
    text = "<network><name>n</name><forward mode='{}'/><bridge name='br-x'/></network>"
    handle = SimpleNamespace(listAllNetworks=lambda: [
        SimpleNamespace(XMLDesc=lambda flags, mode=mode: text.format(mode), isActive=lambda: 1)
        for mode in ("bridge", "nat")
    ])  # fmt: skip
    host = cast(connection.Hypervisor, SimpleNamespace(release=release, handle=handle))
    found = networks.LibvirtNetworks(host, tmp_path).list()
    assert [each.carries_vlans for each in found] == [carries, False]
