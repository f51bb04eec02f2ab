"""Portgroups of libvirt's networks: a card is started in its own, or not at all."""

from types import SimpleNamespace
from typing import cast
from xml.etree import ElementTree

import pytest

from secondsite.rescue.problems import Problem
from secondsite.rescue.running import by_libvirt, domain
from secondsite.rescue.running.virsh import Virsh

TEXT = """<domain><name>web01</name><devices><interface type='network'><mac address='52:54:00:00:00:01'/>
<source network='campus'/></interface></devices></domain>"""


def placed(network):
    files = domain.Files({}, {}, None, None, {"52:54:00:00:00:01": network})
    return domain.placed(TEXT, files)


def test_a_card_is_connected_to_the_portgroup_that_is_named():
    source = ElementTree.fromstring(placed("branch/web")).find("devices/interface/source")
    assert source is not None
    assert source.attrib == {"network": "branch", "portgroup": "web"}
    assert domain.portgroups(placed("branch/web")) == [("branch", "web")]
    assert domain.portgroups(placed("branch")) == []


def test_without_the_portgroup_nothing_starts():
    virsh = cast(Virsh, SimpleNamespace(portgroups={"branch": ["dmz"]}.__getitem__))
    by_libvirt._require_portgroups(virsh, placed("branch/dmz"))  # noqa: SLF001
    with pytest.raises(Problem, match="The network branch has no portgroup web here") as refused:
        by_libvirt._require_portgroups(virsh, placed("branch/web"))  # noqa: SLF001
    assert "virsh net-edit" in refused.value.do


def test_portgroups_are_read_of_which_libvirt_does_not_escape_the_names(monkeypatch):
    said = """<network><name>branch</name>
  <portgroup name='R&D' default='yes'>
  </portgroup>
  <portgroup name='it's'/>
  <portgroup name='a&amp;b'/>
</network>"""
    monkeypatch.setattr(Virsh, "_call", lambda *_: said)
    assert Virsh("test:///default").portgroups("branch") == ["R&D", "it's", "a&b"]


def test_a_machine_that_cannot_be_read_is_told(monkeypatch):
    monkeypatch.setattr(Virsh, "_knows", lambda *_: True)
    monkeypatch.setattr(Virsh, "_call", lambda *_: "<domain a='&'/>")
    with pytest.raises(Problem, match="cannot be read") as refused:
        Virsh("test:///default").disks("an-id")
    assert "virsh edit" in refused.value.do
