"""Networks of a real libvirtd: what a machine's cards may take along to them, and which of them can be used now."""

import shutil
import tempfile
import uuid
from pathlib import Path

import pytest

from rig.hosts import LibvirtHost
from secondsite.fabrics.conformance import hosting as cases
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import HostRequest
from secondsite.fabrics.libvirt.host import connection
from tests.support import libvirtd

pytestmark = [pytest.mark.slow, pytest.mark.longest]
SWITCH = "<network><name>ovs</name><forward mode='bridge'/><bridge name='br-ovs'/><virtualport type='openvswitch'/></network>"
CARD = """<interface type='network'><mac address='52:54:00:00:00:0a'/><source network='ovs'/>
<vlan><tag id='12'/></vlan></interface>"""


@pytest.fixture(scope="module")
def host():
    with libvirtd.running(own_network=True) as daemon:
        root = Path(tempfile.mkdtemp(prefix="ss-lvd-"))
        root.chmod(0o755)  # QEMU runs as another user
        host = LibvirtHost(root, daemon.uri)
        try:
            yield host
        finally:
            host.end()
            shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def switch(host):
    network = connection.call("making it", host.connection.handle.networkDefineXML, SWITCH)
    yield network
    network.undefine()


def listed(host):
    (found,) = (each for each in host.fabric.networks.list() if each.name == "ovs")
    return found


def test_a_network_is_listed_with_what_it_carries_and_whether_it_is_active(host, switch):
    found = listed(host)
    assert (found.carries_vlans, found.vlans, found.active) == (True, (), False)
    switch.create()
    assert listed(host).active
    switch.destroy()


def test_a_machine_on_a_network_that_carries_tags_keeps_its_own(host, switch):
    source = host.make_machine("tagged", [steps.DISK_BYTES])
    definition = steps.machine_of(host, source).definition
    native = definition.native.replace("</devices>", f"{CARD}</devices>")
    request = HostRequest(
        fabric_id=str(uuid.uuid4()), name="tagged-here", definition=definition.model_copy(update={"native": native}),
        disks=cases.overlays(host, definition), networks={"net0": "ovs"}, tag=steps.TAG,
    )  # fmt: skip
    host.fabric.hosting.create(request)
    (card,) = steps.machine_of(host, request.fabric_id).definition.nics
    assert (card.mac, card.network, card.vlans) == ("52:54:00:00:00:0a", "ovs", (12,))
    host.fabric.hosting.remove(request.fabric_id, steps.TAG)
    host.clear()
