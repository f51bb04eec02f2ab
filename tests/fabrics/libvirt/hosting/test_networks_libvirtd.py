"""Networks of a real libvirtd: what a machine's cards may take along to them, and which of them can be
used now."""

import re
import secrets
import shutil
import subprocess
import tempfile
import time
import uuid
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import libvirt
import pytest

from rig.hosts import LibvirtHost
from secondsite.domain import errors
from secondsite.fabrics.conformance import hosting as cases
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import HostRequest, LocalSpan, StartTrial
from secondsite.fabrics.libvirt.host import connection, domain_xml
from secondsite.fabrics.libvirt.host.serving import offering
from secondsite.wire.common.machines import NetworkService, ServedHost
from tests.fabrics.libvirt.host.serving import support_hosts as hosts
from tests.support import libvirtd

pytestmark = [pytest.mark.every, pytest.mark.slow, pytest.mark.longest]
SWITCH = (
    "<network><name>ovs</name><forward mode='bridge'/><bridge name='br-ovs'/><virtualport "
    "type='openvswitch'/></network>"
)
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


def connected(host, network):
    """What a machine's card is connected to that was made for that network."""
    source = host.make_machine("grouped", [steps.DISK_BYTES])
    definition = steps.machine_of(host, source).definition
    native = definition.native.replace("</devices>", f"{CARD}</devices>")
    request = HostRequest(
        fabric_id=str(uuid.uuid4()), name="grouped-here",
        definition=definition.model_copy(update={"native": native}),
        disks=cases.overlays(host, definition), networks={"net0": network}, tag=steps.TAG,
    )  # fmt: skip
    host.fabric.hosting.create(request)
    (card,) = steps.machine_of(host, request.fabric_id).definition.nics
    host.fabric.hosting.remove(request.fabric_id, steps.TAG)
    host.clear()
    return card.network, card.vlans


def test_each_portgroup_is_listed_as_a_network_and_a_card_is_in_it(host, switch):
    groups = {"web": "<vlan><tag id='12'/></vlan>", "any": ""}
    for name, vlan in groups.items():
        switch.update(
            libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, libvirt.VIR_NETWORK_SECTION_PORTGROUP, -1,
            f"<portgroup name='{name}'>{vlan}</portgroup>", libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG,
        )  # fmt: skip
    found = {each.name: (each.vlans, each.carries_vlans) for each in host.fabric.networks.list()}
    assert found["ovs/web"] == ((12,), False)
    assert found["ovs"] == found["ovs/any"] == ((), True)
    assert connected(host, "ovs/web") == ("ovs/web", ())


def test_a_portgroup_with_a_name_that_libvirt_does_not_escape_is_one_like_others(host, switch):
    """One network with such a portgroup, even if it was not active, made this host's every check fail."""
    group = "<portgroup name='R&amp;D'><vlan><tag id='13'/></vlan></portgroup></network>"
    text = SWITCH.replace("<name>ovs", "<name>odd").replace("</network>", group)
    odd = connection.call("making it", host.connection.handle.networkDefineXML, text)
    try:
        found = {each.name: each.vlans for each in host.fabric.networks.list()}
        assert (found["odd/R&D"], found["ovs"]) == ((13,), ())
        assert connected(host, "odd/R&D") == ("odd/R&D", ())
    finally:
        odd.undefine()


def test_a_machine_on_a_network_that_carries_tags_keeps_its_own(host, switch):
    source = host.make_machine("tagged", [steps.DISK_BYTES])
    definition = steps.machine_of(host, source).definition
    native = definition.native.replace("</devices>", f"{CARD}</devices>")
    request = HostRequest(
        fabric_id=str(uuid.uuid4()), name="tagged-here",
        definition=definition.model_copy(update={"native": native}),
        disks=cases.overlays(host, definition), networks={"net0": "ovs"}, tag=steps.TAG,
    )  # fmt: skip
    host.fabric.hosting.create(request)
    (card,) = steps.machine_of(host, request.fabric_id).definition.nics
    assert (card.mac, card.network, card.vlans) == ("52:54:00:00:00:0a", "ovs", (12,))
    host.fabric.hosting.remove(request.fabric_id, steps.TAG)
    host.clear()


FILTER = """<filter name='only-its-own' chain='mac'><rule action='drop' direction='out' priority='500'>
<mac match='no' srcmacaddr='$MAC'/></rule></filter>"""
FILTERED = """<interface type='network'><mac address='52:54:00:00:00:0b'/><source network='lab'/>
<filterref filter='only-its-own'/></interface>"""


def test_a_card_runs_with_its_filter_where_this_site_has_it_and_is_told_of_where_not(host, switch):
    host.fabric.networks.create_isolated("lab", steps.TAG)
    source = host.make_machine("guarded", [steps.DISK_BYTES])
    definition = steps.machine_of(host, source).definition
    native = definition.native.replace("</devices>", f"{FILTERED}</devices>")
    definition = definition.model_copy(update={"native": native})
    request = HostRequest(
        fabric_id=str(uuid.uuid4()), name="guarded-here", definition=definition,
        disks=cases.overlays(host, definition),
        networks={"net0": "lab"}, tag=steps.TAG,
    )  # fmt: skip
    assert host.fabric.hosting.create(request) == ("the network filter 'only-its-own' of net0",)
    assert any("'only-its-own'" in each.what for each in host.fabric.hosting.check(definition))
    defined = host.connection.handle.nwfilterDefineXML(FILTER)
    assert host.fabric.hosting.create(request) == ()
    assert not any("'only-its-own'" in each.what for each in host.fabric.hosting.check(definition))
    host.fabric.power.start(request.fabric_id)
    (binding,) = host.connection.handle.listAllNWFilterBindings()
    assert binding.filterName() == "only-its-own"
    host.fabric.hosting.remove(request.fabric_id, steps.TAG)
    told = host.fabric.hosting.create(replace(request, networks={"net0": "ovs"}))
    assert told == ("the network filter 'only-its-own' of net0",)
    host.fabric.hosting.remove(request.fabric_id, steps.TAG)
    defined.undefine()
    host.fabric.networks.remove("lab", steps.TAG)
    host.clear()


def test_a_start_on_trial_plugs_cards_in_that_say_nothing_and_have_not_the_machines_address(host):
    host.fabric.networks.create_isolated("lab", steps.TAG)
    definition = steps.machine_of(host, host.make_machine("carded", [steps.DISK_BYTES])).definition
    native = definition.native.replace("</devices>", f"{FILTERED}</devices>").replace(
        "<filterref filter='only-its-own'/>", ""
    )
    definition = definition.model_copy(update={"native": native})
    seen = []

    def look(fabric_id):
        domain = host.connection.domain(fabric_id)
        (card,) = domain_xml.parse(domain.XMLDesc()).iterfind("devices/interface")
        told = [card.find(each) for each in ("link", "mac", "source", "target")]
        link, mac, source, target = (dict(each.attrib) for each in told if each is not None)
        time.sleep(1.0)  # whatever announces itself does it by then
        sent = domain.interfaceStats(target["dev"])[5]
        seen.append((link["state"], mac["address"], source["network"], sent))

    folder = host.work_dir / "trial"
    trial = StartTrial(definition, networks={"net0": "lab", "net1": "gone"}, folder=folder)
    assert [one.what for one in host.fabric.hosting.try_start(trial, look) if one.blocking] == []
    ((state, mac, network, sent),) = seen
    assert (state, network, sent) == ("down", "lab", 0)
    assert mac.startswith("52:54:00:")
    assert mac != "52:54:00:00:00:0b"
    assert not folder.exists()
    host.fabric.networks.remove("lab", steps.TAG)
    host.clear()


def test_a_machine_that_was_started_without_a_network_is_connected_by_hand_later(host):
    """As its owner does it, with libvirt's own tool, while it runs."""
    source = host.make_machine("alone", [steps.DISK_BYTES])
    definition = steps.machine_of(host, source).definition
    native = definition.native.replace("</devices>", f"{CARD}</devices>")
    host.fabric.networks.create_isolated("lab", steps.TAG)
    request = HostRequest(
        fabric_id=str(uuid.uuid4()), name="alone-test",
        definition=definition.model_copy(update={"native": native}),
        disks=cases.overlays(host, definition), networks={"net0": None}, tag=steps.TAG,
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
<dhcp><range start='10.2.0.100' end='10.2.0.200'/><host mac='52:54:00:00:00:99' ip='10.2.0.9'/></dhcp></ip></network>"""  # noqa: E501


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


MAC, OTHER = "52:54:00:00:00:0a", "52:54:00:00:00:0b"
THIRD, FOURTH = "52:54:00:00:00:0c", "52:54:00:00:00:0d"
LEASE = """
ip link add name cable type veth peer name card
ip link set cable master BRIDGE up
ip link set card address MAC up
busybox udhcpc -i card -n -q -f -t 8 -T 2 -s /bin/true 2>&1 || true
ip link delete cable
"""


def beside(host, *command):
    """In the network namespace of the daemon: on its host."""
    daemon = Path(host.uri.partition("socket=")[2]).parts[2]
    enter = ["nsenter", f"--net=/proc/{daemon}/ns/net", *command]
    return subprocess.run(enter, capture_output=True, text=True, timeout=60, check=True).stdout


def leased(host, bridge, mac=MAC):
    """The card is an end of a cable in the network's bridge."""
    said = beside(host, "sh", "-euc", LEASE.replace("BRIDGE", bridge).replace("MAC", mac))
    assert "lease of " in said, said
    return said.partition("lease of ")[2].split()[0]


def test_a_card_that_asks_gets_what_was_reserved_and_before_that_one_of_the_range(host, served):
    served.create()
    assert leased(host, "br-served").startswith("10.2.0.1")
    host.fabric.networks.reserve("served", MAC, "10.2.0.5", "web01")
    assert leased(host, "br-served") == "10.2.0.5"


@pytest.fixture
def drill(host):
    """A network of a drill, and its bridge."""
    host.fabric.networks.create_isolated("ss-drill", steps.TAG)
    yield host.connection.handle.networkLookupByName("ss-drill").bridgeName()
    host.fabric.networks.remove("ss-drill", steps.TAG)


def offered(*hosts):
    served = tuple(ServedHost(name=name, mac=mac, address=address) for name, mac, address in hosts)
    ranges = ("10.9.8.100-10.9.8.101", "10.9.8.110")
    return NetworkService(subnet="10.9.8.0/24", hosts=served, ranges=ranges, dns_servers=("10.9.8.53",))


def number_of(host, bridge):
    """Another one after each start of the network."""
    return beside(host, "ip", "-o", "link", "show", "dev", bridge).partition(":")[0]


@pytest.fixture
def space(host):
    """The network namespace of the daemon, by a name of its own."""
    name = f"lvd{secrets.token_hex(3)}"
    daemon = Path(host.uri.partition("socket=")[2]).parts[2]
    subprocess.run(["ip", "netns", "attach", name, daemon], check=True, timeout=10)
    yield name
    subprocess.run(["ip", "netns", "delete", name], check=True, timeout=10)


def test_of_its_host_a_machine_in_a_drill_reaches_only_the_networks_server(host, drill, space):
    there: Any = SimpleNamespace(space=space)
    beside(host, "ip", "link", "add", "uplink", "type", "bridge")
    beside(host, "ip", "address", "add", "192.0.2.1/24", "dev", "uplink")
    beside(host, "ip", "link", "set", "uplink", "up")
    with hosts.within(space):
        host.fabric.networks.serve("ss-drill", steps.TAG, offered(("db01", OTHER, "10.9.8.6")))
    guest = hosts.Place(SimpleNamespace(tag=space[-4:]), "g")
    try:
        guest.plug(space, drill, mac=MAC)
        guest.run("ip", "address", "add", "10.9.8.31/24", "dev", "eth0")
        guest.run("ip", "route", "add", "default", "via", "10.9.8.1")
        assert leased(host, drill, OTHER) == "10.9.8.6"
        assert "10.9.8.6" in guest.run("busybox", "nslookup", "-type=a", "db01", "10.9.8.1").stdout
        with hosts.answering(there, "192.0.2.1", 53), hosts.answering(there, "0.0.0.0", 2222):
            for place in (("192.0.2.1", 53), ("192.0.2.1", 2222), ("10.9.8.1", 2222)):
                assert hosts.ask(guest, *place) == ["nobody", "nobody"]
        with hosts.answering(guest, "10.9.8.31", 2222):
            assert hosts.ask(there, "10.9.8.31", 2222) == ["it", "it"]  # whoever works at the host
    finally:
        subprocess.run(["ip", "netns", "delete", guest.space], check=True, timeout=10)
        beside(host, "ip", "link", "delete", "uplink")
    with hosts.within(space):
        host.fabric.networks.remove("ss-drill", steps.TAG)
    assert "secondsite" not in beside(host, "nft", "list", "ruleset")


def test_a_network_that_the_daemon_made_gives_addresses_and_names_by_its_own_server(host, drill):
    networks = host.fabric.networks
    networks.serve("ss-drill", steps.TAG, offered(("web01", MAC, "10.9.8.77")))
    begun = number_of(host, drill)
    assert leased(host, drill) == "10.9.8.77"
    asking = "ip link set lo up; busybox nslookup -type=a web01 10.9.8.1"
    assert "10.9.8.77" in beside(host, "sh", "-euc", asking)
    assert leased(host, drill, OTHER) in ("10.9.8.100", "10.9.8.101", "10.9.8.110")
    (found,) = (each for each in networks.list() if each.name == "ss-drill")
    assert (found.isolated, found.gives_addresses, found.leads_to) == (True, True, ())
    assert found.ranges == ("10.9.8.100-10.9.8.101", "10.9.8.110-10.9.8.110")
    for _ in range(2):
        networks.serve(
            "ss-drill", steps.TAG, offered(("web01", MAC, "10.9.8.78"), ("db01", OTHER, "10.9.8.79"))
        )
    assert (leased(host, drill), leased(host, drill, OTHER)) == ("10.9.8.78", "10.9.8.79")
    assert number_of(host, drill) == begun


GUIDE = Path(__file__).resolve().parents[4] / "docs/guide/confinement.md"
OWNERS = """table inet owners {{
chain input {{
type filter hook input priority 0; policy drop;
{lines}
}}
}}"""


def filtered(host, lines):
    """What a host lets in, beside which it drops all."""
    text = OWNERS.format(lines="\n".join(lines))
    beside(host, "sh", "-euc", f"nft delete table inet owners 2>/dev/null || true; echo '{text}' | nft -f -")


def test_on_a_host_that_drops_what_comes_in_drills_give_addresses_by_the_lines_of_the_guide(host, drill):
    host.fabric.networks.serve("ss-drill", steps.TAG, offered(("web01", MAC, "10.9.8.77")))
    lines = re.findall(r'^iifname "virbr.*$', GUIDE.read_text(), re.MULTILINE)
    assert len(lines) == 2
    try:
        filtered(host, ())
        with pytest.raises(AssertionError, match="no lease"):
            leased(host, drill)
        filtered(host, lines)
        assert leased(host, drill) == "10.9.8.77"
    finally:
        beside(host, "nft", "delete", "table", "inet", "owners")


def test_over_several_hosts_all_names_are_known_and_no_other_host_gives_the_same_addresses(host, drill):
    """As far as the daemon does it: its host has no tunnel here."""
    handle, span = host.connection.handle, LocalSpan(7, 1450, "10.5.0.1", ("10.5.0.2",), 1)
    served = offered(("web01", MAC, "10.9.8.77"), ("db01", THIRD, "10.9.8.78"), ("db01", FOURTH, "10.9.8.79"))
    for _ in range(2):
        offering.serve(handle, handle.networkLookupByName("ss-drill"), served, span)
    said = beside(host, "sh", "-euc", "ip link set lo up; busybox nslookup -type=a db01 10.9.8.1")
    assert {"10.9.8.78", "10.9.8.79"} <= set(said.split())
    got = [leased(host, drill, each) for each in (MAC, THIRD, FOURTH, OTHER)]
    assert got == ["10.9.8.77", "10.9.8.78", "10.9.8.79", "10.9.8.101"]


def test_nothing_of_it_is_left_once_it_is_removed_also_after_a_kill_in_between(host, monkeypatch):
    networks, handle = host.fabric.networks, host.connection.handle
    networks.create_isolated("ss-drill", steps.TAG)

    def killed(*_):
        raise SystemExit

    monkeypatch.setattr(libvirt.virNetwork, "create", killed)
    with pytest.raises(SystemExit):
        networks.serve("ss-drill", steps.TAG, offered())
    monkeypatch.undo()
    networks.create_isolated("ss-drill", steps.TAG)
    networks.serve("ss-drill", steps.TAG, offered(("web01", MAC, "10.9.8.77")))
    bridge = handle.networkLookupByName("ss-drill").bridgeName()
    assert leased(host, bridge) == "10.9.8.77"
    networks.remove("ss-drill", steps.TAG)
    assert "ss-drill" not in [each.name for each in networks.list()]
    assert f": {bridge}:" not in beside(host, "ip", "-o", "link")
    daemon = Path(host.uri.partition("socket=")[2]).parts[2]
    kept = Path(f"/proc/{daemon}/root/var/lib/libvirt/dnsmasq")
    assert [each.name for each in kept.iterdir() if "ss-drill" in each.name or bridge in each.name] == []
    said = subprocess.run(["ps", "-wweo", "args"], capture_output=True, text=True, check=True, timeout=30)
    assert "ss-drill.conf" not in said.stdout


def test_of_a_subnet_that_the_host_is_in_itself_a_made_network_gives_no_addresses(host, served, drill):
    served.create()
    refusal = host.fabric.networks.cannot_serve("10.2.0.0/25")
    assert "by its network 'served'" in refusal.what
    assert host.fabric.networks.cannot_serve("10.9.8.0/24") is None
    with pytest.raises(errors.NotPossibleNow, match="by its network 'served'"):
        host.fabric.networks.serve("ss-drill", steps.TAG, NetworkService(subnet="10.2.0.0/24"))


def test_a_made_network_is_in_the_way_of_other_test_failovers_only(host, drill):
    """Its own machines come one after the other, and each is checked before."""
    networks = host.fabric.networks
    networks.serve("ss-drill", steps.TAG, offered())
    assert networks.cannot_serve("10.9.8.0/24", ("ss-drill",)) is None
    assert "by its network 'ss-drill'" in networks.cannot_serve("10.9.8.0/24", ("ss-another",)).what


def test_of_a_network_it_is_known_whether_a_server_gives_addresses_there(host, served, switch):
    known = {each.name: (each.gives_addresses, each.ranges) for each in host.fabric.networks.list()}
    assert known["served"] == (True, ("10.2.0.100-10.2.0.200",))
    assert known["ovs"] == (None, ())
    host.fabric.networks.create_isolated("alone", steps.TAG)
    (alone,) = (each for each in host.fabric.networks.list() if each.name == "alone")
    host.fabric.networks.remove("alone", steps.TAG)
    assert (alone.gives_addresses, alone.isolated) == (False, True)
