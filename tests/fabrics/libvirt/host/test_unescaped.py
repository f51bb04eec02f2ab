"""Names that libvirt takes and writes down as they are, so that what it gives is no XML: they are read all
the same, and what cannot be read hides nothing else."""

from xml.etree import ElementTree

import libvirt
import pytest

from secondsite.domain import errors
from secondsite.fabrics.libvirt.host import domain_xml, inventory, networks, unescaped

ODD = ("R&D", "it's", "a<b", "the boys' LAN, <all> & more")
NETWORK = """<network><name>{name}</name><forward mode='bridge'/><bridge name='{bridge}'/>
<portgroup name='web'/></network>"""
FILTERED = """<domain type='test'><name>guarded</name><memory>8192</memory><os><type>hvm</type></os><devices>
<interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br0'/><filterref filter='{}'/>
</interface></devices></domain>"""


class Host:
    """A host of libvirt's own simulation."""

    def __init__(self):
        self.handle = libvirt.open("test:///default")
        self.release = self.handle.getLibVersion()

    def domains(self, flags=0):
        return self.handle.listAllDomains(flags)


@pytest.fixture
def host():
    host = Host()
    yield host
    host.handle.close()


def defined(host, name, portgroup="web", bridge="br0"):
    root = ElementTree.fromstring(NETWORK.format(name=name, bridge=bridge))
    for each in root.iterfind("portgroup"):
        each.set("name", portgroup)
        each.set("default", "yes")
    return host.handle.networkDefineXML(ElementTree.tostring(root, encoding="unicode"))


def listed(host, folder):
    return {each.name: each for each in networks.LibvirtNetworks(host, folder).list()}


@pytest.mark.parametrize("name", ODD)
def test_a_portgroup_of_any_name_is_listed_and_hides_no_network(host, tmp_path, name):
    odd = defined(host, "odd", name)
    try:
        found = listed(host, tmp_path)
        assert {"default", "odd", f"odd/{name}"} <= found.keys()
        assert found["odd"].problem is None
    finally:
        odd.undefine()


@pytest.mark.parametrize("name", ["R&D", "it's", "a<b"])
def test_a_machine_with_a_network_filter_of_any_name_is_listed_with_all_others(host, name):
    root = ElementTree.fromstring(FILTERED.format("any"))
    for each in root.iterfind("devices/interface/filterref"):
        each.set("filter", name)
    domain = host.handle.defineXML(ElementTree.tostring(root, encoding="unicode"))
    try:
        found = {each.name: each for each in inventory.Inventory(host, lambda _: (), lambda _: None).list()}
        assert {"test", "guarded"} <= found.keys()
        native = ElementTree.fromstring(found["guarded"].definition.native)
        assert [each.get("filter") for each in native.iterfind("devices/interface/filterref")] == [name]
    finally:
        domain.undefine()


def test_a_network_that_cannot_be_read_is_told_by_its_name_and_hides_no_other(host, tmp_path, monkeypatch):
    real = networks._xml  # noqa: SLF001
    broken = "<network><name>b&amp;c</name><domain name='a&b'/></network>"
    odd = defined(host, "b&amp;c")
    monkeypatch.setattr(networks, "_xml", lambda each: broken if each.name() == odd.name() else real(each))
    try:
        found = listed(host, tmp_path)
        assert found["default"].problem is None
        assert not found[odd.name()].active
        assert f"The network '{odd.name()}' cannot be read" in found[odd.name()].problem
        assert "'virsh net-edit " in found[odd.name()].problem
    finally:
        odd.undefine()


def test_what_cannot_be_read_is_no_defect_and_tells_whose_it_is():
    with pytest.raises(errors.FabricError, match="The machine 'web 1' cannot be read") as caught:
        domain_xml.parse("<domain type='kvm' id='1'>\n  <name>web 1</name>\n  <a b='&'/></domain>")
    assert "virsh edit 'web 1'" in caught.value.do


def test_what_is_well_formed_stays_as_it_is():
    text = """<domain><metadata><entry name='a' b='c>'/><x:entry name='a'/></metadata>
    <portgroup name='a&amp;b' default='yes'><parameters typeid='1' profileid='x&#38;'/>
    <entry name='opt/x' file='/a'/><entry name='serial'>it&apos;s</entry></domain>"""
    assert unescaped.escaped(text) == text
