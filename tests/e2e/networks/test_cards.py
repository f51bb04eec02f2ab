"""A real guest whose card is set by itself: it is on that card's networks, with that card's address, and comes home as it was."""

from pathlib import Path

import pytest

from rig import bridges
from tests.e2e import support_e2e as e2e
from tests.support import command_line

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def rig():
    with e2e.guests_under({"web01": {}}) as rig:
        command_line.do(
            rig, "enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick"
        )
        for name in (dmz(rig), lab(rig)):
            bridges.make(rig.folder, name)
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
    return "master" in bridges.ip("link", "show", "master", bridge)


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


@pytest.mark.parametrize("network", ["none", "existing"])
def test_a_drill_is_connected_to_nothing_or_to_the_network_that_is_named(rig, network):
    named = rig.bridge("b") if network == "existing" else network
    cards(rig, "set", "web01", "net0", "--test-network", "")
    job = command_line.do(rig, "test-failover", "web01", "--network", named)
    (start,) = [task["sentence"] for task in job["tasks"] if task["name"] == "Start"]
    assert (f"connected: net0 to {rig.bridge('b')}" in start) == (network == "existing")
    assert (mac_of(rig, "web01-test") is not None) == plugged(rig.bridge("b")) == (network == "existing")
    command_line.do(rig, "cleanup-test-failover", "web01")


def test_a_failover_connects_it_as_is_set_with_an_address_of_its_own(rig):
    old = mac_of(rig, "web01")
    command_line.do(rig, "planned-failover", "web01")
    e2e.booted(rig.console("b", "web01"), 1)
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
