"""A real guest in VLANs of Open vSwitch, as portgroups of the libvirt at both sites: it gets its address from
the server of the VLAN that its portgroup has there, and from no other. Its tags are seen on the wire."""

import contextlib
import functools
import re
import shlex
import subprocess
import tempfile
from pathlib import Path

import libvirt
import pytest

import guestkit
from rig import GuestMachine, Rig, bridges, open_vswitch
from tests.e2e import support_e2e as e2e
from tests.e2e.networks import support_dhcp
from tests.support import command_line, libvirtd, packages, policies

pytestmark = [
    pytest.mark.every,
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(400),
]
NETWORK = """<network><name>{name}</name><forward mode='bridge'/><bridge name='{bridge}'/>
<virtualport type='openvswitch'/>{portgroups}</network>"""
TRUNK = "<vlan trunk='yes'><tag id='12' nativeMode='untagged'/><tag id='40'/></vlan>"
ACCESS = "<vlan><tag id='{}'/></vlan>"
TAGS: dict[str, dict[str, str]] = {
    "campus": {"web": ACCESS.format(12), "trunk": TRUNK},
    "branch": {"trunk": TRUNK, "dmz": ACCESS.format(41), "lab": ACCESS.format(99)},
}
SERVERS: dict[str, dict[int | None, str]] = {
    "a": {12: "10.1.12", 40: "10.1.40"},
    "b": {None: "10.2.1", 12: "10.2.12", 40: "10.2.40", 41: "10.2.41", 99: "10.2.99"},
}
"""Their subnets, by the VLANs that they are in; None: in none, as who sends without a tag."""
TRUNKED = "<interface type='network'><source network='campus' portgroup='trunk'/></interface>"
TAGGED = "<interface type='network'><source network='campus'/><vlan><tag id='55'/></vlan></interface>"


@pytest.fixture(scope="module")
def switch():
    packages.require("open-vswitch", open_vswitch.is_installed)
    folder = Path(tempfile.mkdtemp(prefix="ss-ovs-"))
    folder.chmod(0o755)
    with open_vswitch.OpenVSwitch(folder) as switch:
        yield switch


@pytest.fixture(scope="module")
def daemons(switch):
    """What libvirt's ovs-vsctl speaks to is there, where the system has it."""
    with libvirtd.running() as a, libvirtd.running() as b:
        for daemon in (a, b):
            daemon.seen("/run/openvswitch").symlink_to(switch.folder)
        yield {"a": a, "b": b}


@pytest.fixture(scope="module")
def rig(daemons, switch):
    folder = Path(tempfile.mkdtemp(prefix="secondsite-", dir="/var/tmp"))
    folder.chmod(0o755)
    rig = Rig("libvirt", folder, uri="qemu:///system")
    for site, daemon in daemons.items():
        rig.appliances[site].inside = daemon.inside()
        e2e.command_through(rig, site)

    def furnish(site):
        name, bridge = {"a": "campus", "b": "branch"}[site], of_site(rig, site)
        groups = "".join(f"<portgroup name='{each}'>{vlan}</portgroup>" for each, vlan in TAGS[name].items())
        handle = libvirt.open(daemons[site].uri)
        network = handle.networkDefineXML(NETWORK.format(name=name, bridge=bridge, portgroups=groups))
        network.create()
        if site == "a":
            rig.guests["web01"] = GuestMachine.make(
                "web01", rig.folder / "images", "campus/web", kind=guestkit.Kind.AGENT,
                uri=daemons["a"].uri, workload=guestkit.Workload(records_per_second=4, address="dhcp"),
            )  # fmt: skip
            for card in (TRUNKED, TAGGED):
                handle.lookupByName("web01").attachDeviceFlags(card, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
        handle.close()

    with contextlib.ExitStack() as servers, rig:
        for site, subnets in SERVERS.items():
            switch.bridge(of_site(rig, site))
            for tag, subnet in subnets.items():
                plug = functools.partial(switch.plug_space, tag=tag)
                servers.enter_context(support_dhcp.server(of_site(rig, site), subnet, plug))
        rig.open(furnish=furnish)
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
            vault.mappings.create("a", "campus", "b", "branch")
        e2e.wait_for_record(rig.guests["web01"].console, 3, within_seconds=120)
        yield rig


def of_site(rig, site):
    """Its bridge of Open vSwitch."""
    return f"ov{site}-{rig.tag}"


@pytest.fixture
def wire(rig, switch):
    """Who sends at the second site, with which tag: seen at a trunk of all its VLANs."""
    link = f"tr{rig.tag}"
    bridges.ip("link", "add", f"{link}o", "type", "veth", "peer", "name", f"{link}i")
    for end in (f"{link}o", f"{link}i"):
        bridges.ip("link", "set", end, "up")
    switch.plug(of_site(rig, "b"), f"{link}o")
    with open_vswitch.capture(f"{link}i") as seen:
        yield seen
    switch.configure("del-port", of_site(rig, "b"), f"{link}o")
    bridges.ip("link", "delete", f"{link}o")


def cards(rig):
    return command_line.told(rig, "card", "list", "web01")["cards"]


def sent(wire, mac):
    """The tags of what the card sent."""
    return {tag for who, tag in wire if who == mac}


def vlans(switch, rig, site):
    """Of the ports of machines."""
    bridge = of_site(rig, site)
    return sorted(switch.vlan(port) for port in switch.ports(bridge) if port.startswith("vnet"))


def address(console, number):
    """That the guest got at this boot. With what it had before it lost nothing."""
    e2e.booted(console, number)
    told = re.compile(r"ADDRESS ([\d.]+)")
    return told.findall(console.wait_for(lambda seen: len(told.findall(seen.text)) >= number, 90).text)[-1]


def test_portgroups_are_networks_of_their_own(rig):
    home = rig.guests["web01"].console
    assert address(home, 1).startswith("10.1.12.")
    (there,) = command_line.told(rig, "network", "list", "--site", "b")
    found = {each["name"]: each["vlans"] for each in there["networks"] if each["name"].startswith("branch")}
    assert found == {"branch": [], "branch/trunk": [12, 40], "branch/dmz": [41], "branch/lab": [99]}
    command_line.do(rig, "enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick")
    becomes = [(each["source_network"], each["becomes"]) for each in cards(rig)]
    assert becomes == [("campus/web", "branch/web"), ("campus/trunk", "branch/trunk"), ("campus", "branch")]


def test_a_portgroup_that_is_missing_there_is_found_and_added_by_the_command_that_is_named(rig, daemons):
    rig.new_points("web01")
    error = command_line.do(rig, "planned-failover", "web01", exit_code=1)["tasks"][0]["problem"]
    assert error["code"] == "prerequisite-failed"
    assert "The network 'branch' has no portgroup 'web' here." in error["message"]
    obstacles = command_line.told(rig, "machine", "preflight", "web01")["obstacles"]
    (found,) = (each for each in obstacles if each["site"] == "b")
    assert "no portgroup 'web' here: net0" in found["what"]
    (command,) = re.findall(r"'(virsh net-update .* --config)'", error["message"])
    words = shlex.split(command.replace("TAG", "40"))
    subprocess.run(daemons["b"].inside(*words), check=True, capture_output=True, timeout=20)


def test_a_drill_runs_in_an_isolated_vlan_of_its_owner(rig, switch, wire):
    command_line.do(rig, "test-failover", "web01", "--network", "branch/lab")
    assert address(rig.console("b", "web01-test"), 1).startswith("10.2.99.")
    assert vlans(switch, rig, "b") == [("99", "[]", "[]")] * 3
    assert sent(wire, cards(rig)[0]["mac"]) == {99}
    command_line.do(rig, "cleanup-test-failover", "web01")
    assert vlans(switch, rig, "b") == []


def test_a_drill_has_a_network_for_each_portgroup_and_tag(rig, switch):
    job = command_line.do(rig, "test-failover", "web01", "--network", "create-each")
    (made,) = [task["sentence"] for task in job["tasks"] if task["name"] == "Create test network"]
    for each in ("campus/web", "campus/trunk", "campus (VLAN 55)"):
        assert f"stands for {each}" in made
    e2e.booted(rig.console("b", "web01-test"), 1)
    assert vlans(switch, rig, "b") == []
    (pid,) = rig.qemus("web01-test")
    assert Path(f"/proc/{pid}/cmdline").read_bytes().count(b"virtio-net") == 1
    command_line.do(rig, "cleanup-test-failover", "web01")


def test_it_moves_into_the_vlan_of_its_portgroup_there_and_keeps_its_tags(rig, switch, wire):
    home = rig.guests["web01"].console
    command_line.do(rig, "planned-failover", "web01")
    assert address(rig.console("b", "web01"), 1).startswith("10.2.40.")
    assert e2e.booted(rig.console("b", "web01"), 1).verified_last == home.boots[-1].bye
    assert sent(wire, cards(rig)[0]["mac"]) == {40}
    trunk = ("12", "[12, 40]", "native-untagged")
    assert vlans(switch, rig, "b") == sorted([("40", "[]", "[]"), trunk, ("55", "[]", "[]")])


def test_a_mapping_of_the_portgroup_has_precedence(rig, switch, wire):
    command_line.told(rig, "mapping", "create", "a/campus/web", "b/branch/dmz")
    command_line.do(rig, "change-recovery-point", "web01", "--choice", "latest_processed")
    assert address(rig.console("b", "web01"), 2).startswith("10.2.41.")
    assert sent(wire, cards(rig)[0]["mac"]) - {40} == {41}  # until then it ran in 40


def test_a_portgroup_that_is_gone_at_home_is_found_before_it_moves(rig, daemons):
    for verb in ("commit", "reprotect"):
        command_line.do(rig, verb, "web01")
    update_home(daemons, libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE)
    error = command_line.do(rig, "planned-failover", "web01", exit_code=1)["tasks"][0]["problem"]
    assert "The network 'campus' has no portgroup 'web' here, which net0" in error["message"]
    update_home(daemons, libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST)


def update_home(daemons, command):
    """The portgroup of its owner goes, or comes."""
    handle = libvirt.open(daemons["a"].uri)
    text = f"<portgroup name='web'>{TAGS['campus']['web']}</portgroup>"
    flags = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE | libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG
    network = handle.networkLookupByName("campus")
    network.update(command, libvirt.VIR_NETWORK_SECTION_PORTGROUP, -1, text, flags)
    handle.close()


def test_it_comes_home_into_its_own_vlans(rig, switch):
    home, boots = rig.guests["web01"].console, len(rig.guests["web01"].console.boots)
    there = rig.console("b", "web01")
    command_line.do(rig, "planned-failover", "web01")
    assert e2e.booted(home, boots + 1).verified_last == there.boots[-1].bye
    assert address(home, boots + 1).startswith("10.1.12.")
    trunk = ("12", "[12, 40]", "native-untagged")
    assert vlans(switch, rig, "a") == sorted([("12", "[]", "[]"), trunk, ("55", "[]", "[]")])
