"""A real guest whose card is set by itself: it is on that card's networks, with that card's address, and
comes home as it was. It asks for its address, and gets one of the DHCP server of the network that it comes
to."""

import contextlib
import tempfile
from pathlib import Path

import pytest

import guestkit
from rig import bridges
from tests.e2e import support_e2e as e2e
from tests.e2e.networks import support_dhcp
from tests.support import command_line

pytestmark = [pytest.mark.every, pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def rig():
    workload = guestkit.Workload(records_per_second=4, address="dhcp")
    guests = {"web01": {"workload": workload, "kind": guestkit.Kind.AGENT}}
    # an agent's socket lies deep
    with (
        e2e.guests_under(guests, folder=Path(tempfile.mkdtemp(prefix="ss-"))) as rig,
        contextlib.ExitStack() as servers,
    ):
        command_line.do(
            rig, "enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick"
        )
        for name in (dmz(rig), lab(rig)):
            bridges.make(rig.folder, name)
        servers.enter_context(support_dhcp.server(rig.bridge("b"), "10.2.0"))
        servers.enter_context(support_dhcp.server(dmz(rig), "10.2.12"))
        yield rig


def dmz(rig):
    return rig.bridge("b")[:-2] + "-d"


def lab(rig):
    return rig.bridge("b")[:-2] + "-l"


def mac_of(rig, name):
    """The address of the card of the QEMU that runs this machine; None: it has no card."""
    (pid,) = rig.qemus(name)
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    (found,) = [word for word in words if "virtio-net" in word] or [""]
    return found.partition('"mac":"')[2].partition('"')[0] or None


def plugged(bridge):
    """A machine's card; a DHCP server's is no tap."""
    ports = Path("/sys/class/net", bridge, "brif").iterdir()
    return any(Path("/sys/class/net", port.name, "tun_flags").exists() for port in ports)


def seen(rig, job):
    """The only address that the job tells, and that the machine is shown with."""
    (proof,) = [task for task in job["tasks"] if task["name"] == "Proof"]
    (address,) = proof["facts"]["evidence"]["guest_addresses"]
    shown = command_line.told(rig, "machine", "show", "web01")["addresses"]
    assert (shown["addresses"], shown["site"]) == ([address], "b")
    assert f"; it has {address}" in proof["sentence"]
    return address


def cards(rig, *words):
    return command_line.told(rig, "card", *words)["cards"]


def test_a_drill_connects_the_card_as_is_set_for_drills(rig):
    (before,) = cards(rig, "list", "web01")
    words = ("--network", dmz(rig), "--test-network", lab(rig), "--new-mac")
    (card,) = cards(rig, "set", "web01", "net0", *words)
    assert (before["becomes"], card["becomes"]) == (rig.bridge("b"), dmz(rig))
    job = command_line.do(rig, "test-failover", "web01")
    (start,) = [task["sentence"] for task in job["tasks"] if task["name"] == "Start"]
    assert f"but net0 on {lab(rig)}" in start
    assert [plugged(name) for name in (rig.bridge("b"), dmz(rig), lab(rig))] == [False, False, True]
    assert mac_of(rig, "web01-test") not in (None, card["mac"])
    e2e.booted(rig.console("b", "web01-test"), 1)
    command_line.do(rig, "cleanup-test-failover", "web01")


@pytest.mark.parametrize("network", ["none", "unconnected", "existing"])
def test_a_drill_is_connected_to_nothing_or_to_the_network_that_is_named(rig, network):
    named = "none" if network == "none" else rig.bridge("b")
    as_set = "--test-unconnected" if network == "unconnected" else "--test-connected"
    cards(rig, "set", "web01", "net0", "--test-network", "", as_set)
    job = command_line.do(rig, "test-failover", "web01", "--network", named)
    (start,) = [task["sentence"] for task in job["tasks"] if task["name"] == "Start"]
    assert (f"connected: net0 to {rig.bridge('b')}" in start) == (network == "existing")
    assert (mac_of(rig, "web01-test") is not None) == plugged(rig.bridge("b")) == (network == "existing")
    command_line.do(rig, "cleanup-test-failover", "web01")


def test_without_a_setting_it_has_an_address_of_the_dhcp_server_of_the_network_there(rig):
    cards(rig, "set", "web01", "net0", "--network", "")
    told = ("check", "set", "web01", "up", "--kind", "agent", "--deadline", "90")
    command_line.told(rig, *told)
    assert seen(rig, command_line.do(rig, "failover", "web01", "--shut-down")).startswith("10.2.0.1")
    assert [plugged(name) for name in (rig.bridge("b"), dmz(rig), lab(rig))] == [True, False, False]


def test_a_failover_connects_it_as_is_set_with_an_address_of_its_own(rig):
    (card,) = cards(rig, "set", "web01", "net0", "--network", dmz(rig))
    old = card["mac"]
    job = command_line.do(rig, "change-recovery-point", "web01", "--choice", "latest_processed")
    assert seen(rig, job).startswith("10.2.12.1")
    assert [plugged(name) for name in (rig.bridge("b"), dmz(rig), lab(rig))] == [False, True, False]
    assert mac_of(rig, "web01") not in (None, old)
    (card,) = cards(rig, "list", "web01")
    assert card["mac"] == old


def test_it_comes_home_with_its_own_network_and_address(rig):
    (card,) = cards(rig, "list", "web01")
    for verb in ("commit", "reprotect", "planned-failover"):
        command_line.do(rig, verb, "web01")
    e2e.booted(rig.guests["web01"].console, 2)
    assert mac_of(rig, "web01") == card["mac"]
    assert plugged(rig.bridge("a"))
