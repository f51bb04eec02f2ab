"""The host takes no part in an isolated network that is made on it: a drill's guests reach neither it nor
what it reaches."""

import secrets
import subprocess
from pathlib import Path

import pytest

from secondsite.domain import errors
from secondsite.fabrics.libvirt.host import networks
from secondsite.fabrics.libvirt.host.serving import isolation


def run(*command, check=True):
    return subprocess.run(command, check=check, capture_output=True, text=True, timeout=30)


@pytest.fixture
def name(tmp_path):
    name = f"ss-{secrets.token_hex(3)}"
    bridges = networks.BridgeNetworks(tmp_path / "served")
    bridges.create_isolated(name, "T")
    yield name
    bridges.remove(name, "T")


@pytest.fixture
def guest(name):
    """A way to run a command at the far end of a cable in the network. It has production's address, and
    this host for its gateway."""
    space, host = f"t{secrets.token_hex(3)}", f"p{secrets.token_hex(3)}"
    run("ip", "link", "add", host, "type", "bridge")
    run("ip", "address", "add", "10.87.65.1/24", "dev", host)
    run("ip", "link", "set", host, "up")
    run("ip", "netns", "add", space)
    run("ip", "link", "add", "name", f"{space}o", "type", "veth", "peer", "name", f"{space}i", "netns", space)
    run("ip", "link", "set", f"{space}o", "master", name, "up")
    inside = ("ip", "-n", space)
    run(*inside, "address", "add", "10.87.65.50/24", "dev", f"{space}i")
    run(*inside, "link", "set", f"{space}i", "up")
    yield lambda *command: run("ip", "netns", "exec", space, *command, check=False)
    run("ip", "netns", "delete", space)
    run("ip", "link", "delete", host)


def test_a_copy_whose_gateway_is_this_host_gets_no_answer_from_it(guest):
    assert (
        "1 packets transmitted, 0 packets received"
        in guest("busybox", "ping", "-c", "1", "-W", "2", "10.87.65.1").stdout
    )
    assert guest("ip", "neighbour", "show", "10.87.65.1").stdout.split()[-1:] != ["REACHABLE"]


def test_the_bridge_knows_no_ipv6_and_answers_and_forwards_nothing(name):
    for setting, value in isolation.SHUT.items():
        path = Path("/proc/sys/net") / setting.format(name)
        assert path.read_text().strip() == value


def test_one_that_an_older_release_has_made_is_shut_too(name, tmp_path):
    arp = Path(f"/proc/sys/net/ipv4/conf/{name}/arp_ignore")
    arp.write_text("0")
    networks.BridgeNetworks(tmp_path / "served").create_isolated(name, "T")
    assert arp.read_text().strip() == "8"


def test_where_that_cannot_be_set_no_network_is_taken_for_isolated(name, monkeypatch, tmp_path):
    monkeypatch.setattr(isolation, "SETTINGS", tmp_path / "read-only")
    with pytest.raises(errors.FabricError, match="would take part in the isolated network"):
        isolation.shut_host_out(name)


def test_what_a_killed_process_has_left_half_made_goes_with_the_next_clean_up(tmp_path):
    left = f"{networks.PASSING}4194303"
    run("ip", "link", "add", left, "type", "bridge")
    networks.BridgeNetworks(tmp_path / "served").remove("ss-nothing", "T")
    assert not Path("/sys/class/net", left).exists()
