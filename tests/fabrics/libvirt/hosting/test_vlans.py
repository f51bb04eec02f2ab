"""VLAN tags of cards: XML in, XML out."""

from pathlib import Path

from secondsite.fabrics.interface import HostRequest
from secondsite.fabrics.libvirt import vlans
from secondsite.fabrics.libvirt.host import domain_xml
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
