"""Which bridges of a host are networks by themselves, beside those of libvirt."""

import secrets
import subprocess
from types import SimpleNamespace
from typing import Any

import libvirt
import pytest

from secondsite.fabrics.libvirt.host import networks

USING = "<network><name>branch</name><forward mode='bridge'/><bridge name='{}'/></network>"
OWN = "<network><name>own</name>{}<bridge name='{}'/><ip address='10.87.1.1' prefix='24'/></network>"


@pytest.fixture
def listed(tmp_path):
    """Defines a network, and gives the names of all that are listed."""
    handle, made = libvirt.open("test:///default"), []
    host: Any = SimpleNamespace(handle=handle, release=handle.getLibVersion())

    def listed(text):
        made.append(handle.networkDefineXML(text))
        return {each.name for each in networks.LibvirtNetworks(host, tmp_path).list()}

    yield listed
    for each in made:
        each.undefine()
    handle.close()


@pytest.fixture
def bridge():
    name = f"ss{secrets.token_hex(3)}"
    subprocess.run(["ip", "link", "add", "name", name, "type", "bridge"], check=True, timeout=10)
    yield name
    subprocess.run(["ip", "link", "delete", "dev", name], check=False, timeout=10)


def test_one_that_a_network_of_libvirts_only_uses_is_listed_beside_it(listed, bridge):
    assert {"branch", bridge} <= listed(USING.format(bridge))


@pytest.mark.parametrize("forward", ["", "<forward mode='open'/>"])
def test_one_that_libvirt_made_for_a_network_is_none_by_itself(listed, bridge, forward):
    found = listed(OWN.format(forward, bridge))
    assert "own" in found
    assert bridge not in found
