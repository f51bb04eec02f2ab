"""A served bridge: an address by DHCP in a network namespace, names by DNS, nothing of the host's, nothing
left."""

import secrets
import subprocess
import textwrap
from pathlib import Path

import pytest

from secondsite.domain import errors
from secondsite.fabrics.libvirt.host import networks
from secondsite.fabrics.libvirt.host.serving import dnsmasq
from secondsite.ground.units import KiB
from secondsite.wire.common.machines import NetworkService, ServedHost

MAC = "52:54:00:12:34:56"


def run(*command, check=True):
    return subprocess.run(command, check=check, capture_output=True, text=True, timeout=30).stdout


@pytest.fixture
def name():
    name = f"ss-{secrets.token_hex(3)}"
    yield name
    run("ip", "link", "delete", "dev", name, check=False)


@pytest.fixture
def served(name, tmp_path):
    bridges = networks.BridgeNetworks(tmp_path / "served")
    bridges.create_isolated(name, "T")
    bridges.serve(name, "T", NetworkService(subnet="10.9.8.0/24", hosts=(ServedHost(name="web01", mac=MAC),)))
    yield bridges
    bridges.remove(name, "T")


def links(name):
    """The bridge and the cable, if they are there; other tests make others."""
    return [each for each in (name, *dnsmasq.cable(name)) if Path("/sys/class/net", each).exists()]


@pytest.fixture
def guest(name):
    """Runs shell lines on the far end of a cable in the bridge, which is in a namespace as a guest would
    be."""
    space = f"t{secrets.token_hex(3)}"
    run("ip", "netns", "add", space)
    run("ip", "link", "add", "name", f"{space}o", "type", "veth", "peer", "name", f"{space}i")
    run("ip", "link", "set", f"{space}i", "netns", space)
    run("ip", "link", "set", f"{space}o", "master", name, "up")
    yield lambda lines: run(
        "ip", "netns", "exec", space, "sh", "-euc", textwrap.dedent(lines.replace("CARD", f"{space}i"))
    )
    run("ip", "netns", "delete", space)


LEASE = f"""
    ip link set CARD address {MAC}
    ip link set CARD up
    busybox udhcpc -i CARD -n -q -f -s /bin/true 2>&1
"""


def test_a_card_gets_an_address_of_the_subnet_and_its_name_resolves(served, guest):
    said = guest(LEASE)
    assert "lease of 10.9.8." in said
    address = said.partition("lease of ")[2].split()[0]
    assert address in guest(f"ip address add {address}/24 dev CARD; busybox nslookup -type=a web01 10.9.8.1")


def test_the_host_has_no_address_there_and_no_route(served, name):
    assert "10.9.8." not in run("ip", "address") + run("ip", "route")


def test_after_its_removal_nothing_is_left(name, tmp_path):
    bridges = networks.BridgeNetworks(tmp_path / "served")
    bridges.create_isolated(name, "T")
    for number in (1, 2):
        host = ServedHost(name=f"web0{number}", mac=MAC)
        bridges.serve(name, "T", NetworkService(subnet="10.9.8.0/24", hosts=(host,)))
    assert f"--dhcp-host={MAC},web02" in run("ps", "-wweo", "args")
    bridges.remove(name, "T")
    assert links(name) == []
    assert list((tmp_path / "served").iterdir()) == []
    assert str(tmp_path) not in run("ps", "-wweo", "args")


def test_another_process_removes_what_a_killed_one_left(name, tmp_path):
    networks.BridgeNetworks(tmp_path / "served").create_isolated(name, "T")
    run(
        "ip",
        "link",
        "add",
        "name",
        dnsmasq.cable(name)[0],
        "type",
        "veth",
        "peer",
        "name",
        dnsmasq.cable(name)[1],
    )
    networks.BridgeNetworks(tmp_path / "served").remove(name, "T")
    assert links(name) == []


def test_a_host_without_dnsmasq_says_what_to_install(name, tmp_path, monkeypatch):
    monkeypatch.setattr(dnsmasq, "PATH", str(tmp_path))
    bridges = networks.BridgeNetworks(tmp_path / "served")
    bridges.create_isolated(name, "T")
    with pytest.raises(errors.NotPossibleNow, match="no dnsmasq") as refused:
        bridges.serve(name, "T", NetworkService(subnet="10.9.8.0/24"))
    assert "apt-get install dnsmasq-base" in refused.value.do


def test_after_the_host_was_started_anew_the_removal_clears_away_what_was_kept(name, tmp_path, served):
    run("ip", "link", "delete", "dev", name)
    assert list((tmp_path / "served").iterdir()) != []
    networks.BridgeNetworks(tmp_path / "served").remove(name, "T")
    assert list((tmp_path / "served").iterdir()) == []


def test_a_card_gets_the_address_that_it_is_to_have(served, guest, name):
    host = ServedHost(name="web01", mac=MAC, address="10.9.8.77")
    served.serve(name, "T", NetworkService(subnet="10.9.8.0/24", hosts=(host,)))
    assert "lease of 10.9.8.77 obtained" in guest(LEASE)


@pytest.mark.parametrize("word", ["ignore", "infinite", "2012", "45m"])
def test_a_name_that_dnsmasq_reads_as_an_option_costs_no_card_its_address(served, guest, name, word):
    """An older vault gives such names: a machine called `ignore` was offered nothing."""
    host = ServedHost(name=word, mac=MAC, address="10.9.8.77")
    served.serve(name, "T", NetworkService(subnet="10.9.8.0/24", hosts=(host,)))
    said = guest(LEASE)
    assert "lease of 10.9.8.77 obtained" in said
    assert "lease time 43200" in said


FLOOD = """
import os, socket, struct, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind((sys.argv[1], 0x800))
def summed(head):
    total = sum(struct.unpack("!10H", head))
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
for number in range(int(sys.argv[2])):
    mac = b"\\x52\\x54\\x00" + os.urandom(3)
    asks = bytes([99, 130, 83, 99, 53, 1, 3, 50, 4, 192, 0, 2, 1, 255])  # a lease of 192.0.2.1
    said = struct.pack("!BBBBIHH16s16s192s", 1, 1, 6, 0, number, 0, 0x8000, bytes(16), mac + bytes(10), bytes(192)) + asks
    said = struct.pack("!HHHH", 68, 67, 8 + len(said), 0) + said
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(said), number & 0xFFFF, 0, 64, 17, 0, bytes(4), bytes([255] * 4))
    head = head[:10] + struct.pack("!H", summed(head)) + head[12:]
    wire.send(b"\\xff" * 6 + mac + bytes([8, 0]) + head + said)
"""  # noqa: E501


def test_a_guest_that_asks_for_odd_things_fills_no_disk_of_the_host(served, guest, name, tmp_path):
    """dnsmasq complains of each: 5 seconds of that made a log of 9 MB in the appliance's home."""
    program, log = tmp_path / "flood", tmp_path / "served" / f"{dnsmasq.cable(name)[0]}.log"
    program.write_text(FLOOD)
    guest(f"ip link set CARD up; python3 {program} CARD 3000")
    assert "lease of 10.9.8." in guest(LEASE)
    assert b"started" in log.read_bytes()
    assert b"DHCPNAK" in log.read_bytes()
    assert log.stat().st_size <= 16 * KiB
