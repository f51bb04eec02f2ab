"""Networks of a real libvirtd: what a machine's cards may take along to them, and which of them can be used now."""

import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

import libvirt
import pytest

from rig.hosts import LibvirtHost
from secondsite.domain import errors
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


def test_a_machine_that_was_started_without_a_network_is_connected_by_hand_later(host):
    """As its owner does it, with libvirt's own tool, while it runs."""
    source = host.make_machine("alone", [steps.DISK_BYTES])
    definition = steps.machine_of(host, source).definition
    host.fabric.networks.create_isolated("lab", steps.TAG)
    request = HostRequest(
        fabric_id=str(uuid.uuid4()), name="alone-test", definition=definition,
        disks=cases.overlays(host, definition), networks={nic.key: None for nic in definition.nics}, tag=steps.TAG,
    )  # fmt: skip
    host.fabric.hosting.create(request)
    host.fabric.power.start(request.fabric_id)
    try:
        assert steps.machine_of(host, request.fabric_id).definition.nics == ()
        by_hand = ("attach-interface", request.fabric_id, "network", "lab", "--live", "--config")
        done = subprocess.run(
            ["virsh", "-c", host.uri, *by_hand], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        (card,) = steps.machine_of(host, request.fabric_id).definition.nics
        assert card.network == "lab"
        domain = host.connection.handle.lookupByUUIDString(request.fabric_id)
        assert "network='lab'" in domain.XMLDesc(0)
    finally:
        host.fabric.hosting.remove(request.fabric_id, steps.TAG)
        host.fabric.networks.remove("lab", steps.TAG)
        host.clear()


SERVED = """<network><name>served</name><bridge name='br-served' stp='off' delay='0'/><ip address='10.2.0.1' netmask='255.255.255.0'>
<dhcp><range start='10.2.0.100' end='10.2.0.200'/><host mac='52:54:00:00:00:99' ip='10.2.0.9'/></dhcp></ip></network>"""


@pytest.fixture
def served(host):
    network = connection.call("making it", host.connection.handle.networkDefineXML, SERVED)
    yield network
    if network.isActive():
        network.destroy()
    network.undefine()


@pytest.mark.parametrize("active", [True, False])
def test_a_network_s_own_dhcp_server_gives_a_card_its_address_and_no_more_when_it_leaves(
    host, served, active
):
    if active:
        served.create()
    networks, card = host.fabric.networks, ("served", "52:54:00:00:00:0a")
    owners = {"52:54:00:00:00:99": "10.2.0.9"}
    assert networks.reservations("served") == owners
    for address in ("10.2.0.5", "10.2.0.5", "10.2.0.6"):
        networks.reserve(*card, address, "web01")
        assert networks.reservations("served") == {**owners, card[1]: address}
    for wrong in ("10.2.0.9", "10.3.0.5"):
        with pytest.raises(errors.FabricError):
            networks.reserve("served", "52:54:00:00:00:0b", wrong, "")
    assert (
        served.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE).count("10.2.0.6") == 1
    )  # the stored definition too
    networks.unreserve(*card, "10.2.0.5")
    assert networks.reservations("served")[card[1]] == "10.2.0.6"
    networks.unreserve(*card, "10.2.0.6")
    networks.unreserve(*card, "10.2.0.6")
    assert networks.reservations("served") == owners


def test_a_network_without_a_dhcp_server_reserves_nothing(host, switch):
    assert host.fabric.networks.reservations("ovs") is None
    assert host.fabric.networks.reservations("nowhere") is None
    with pytest.raises(errors.NotFound):
        host.fabric.networks.unreserve("nowhere", "52:54:00:00:00:0a", "10.2.0.5")


LEASE = """
ip link add name cable type veth peer name card
ip link set cable master br-served up
ip link set card address 52:54:00:00:00:0a up
busybox udhcpc -i card -n -q -f -t 8 -T 2 -s /bin/true 2>&1 || true
ip link delete cable
"""


def test_a_card_that_asks_gets_what_was_reserved_and_before_that_one_of_the_range(host, served):
    """The card is an end of a cable in the network's bridge, beside the daemon."""
    served.create()
    daemon = Path(host.uri.partition("socket=")[2]).parts[2]
    asking = ["nsenter", f"--net=/proc/{daemon}/ns/net", "sh", "-euc", LEASE]

    def leased():
        done = subprocess.run(asking, capture_output=True, text=True, timeout=60, check=True)
        assert "lease of " in done.stdout, done.stdout
        return done.stdout.partition("lease of ")[2].split()[0]

    assert leased().startswith("10.2.0.1")
    host.fabric.networks.reserve("served", "52:54:00:00:00:0a", "10.2.0.5", "web01")
    assert leased() == "10.2.0.5"
