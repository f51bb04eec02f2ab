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
