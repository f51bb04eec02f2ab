"""The programs of Debian's packages read what is written into a guest's network configuration."""

import os
import subprocess

import pytest

from secondsite.domain.networks.guest_config import netplan, network_manager, networkd
from secondsite.domain.networks.guest_config.card_plan import CardPlan, Route
from secondsite.fabrics.libvirt.agent import lasting
from secondsite.fabrics.libvirt.agent.lasting_lines import LOOK
from tests.fabrics.libvirt.agent.support_files import package

MAC = "52:54:00:00:00:01"
BOTH = CardPlan(
    "eth0",
    MAC,
    ("10.2.0.5/24", "2001:db8:2::5/64"),
    ("10.2.0.1", "fe80::1"),
    ("10.2.0.2",),
    (Route("10.77.0.0/16", "10.2.0.9"),),
)
LIBRARIES = "usr/lib/x86_64-linux-gnu"
NETPLAN = f"""network:
  version: 2
  ethernets:
    eth0:
      match: {{macaddress: "{MAC}"}}
      set-name: eth0
      dhcp4: true
      dhcp6: true
"""
STARTED = """
mount --bind "$1" /etc/systemd/network
mount -t tmpfs none /run
mkdir -p /run/systemd/netif
chown systemd-network /run/systemd/netif
mount -t sysfs -o ro sys /sys
ip link add eth0 address 52:54:00:00:00:01 type veth peer name peer0
ip link set peer0 up
/lib/systemd/systemd-networkd > /dev/null 2>&1 &
networkd=$!
tries=0
until ip route show default | grep -q . || [ $((tries += 1)) -gt 100 ]; do sleep 0.1; done
ip -brief address show eth0
ip route show
ip -6 route show default
echo LOOKED
sh -euc "$2" secondsite eth0
kill "$networkd"
"""


def ran(command, libraries, said=""):
    """What a program of a package says; its libraries are this host's, and those of another package."""
    found = {**os.environ, "LD_LIBRARY_PATH": str(package(libraries) / LIBRARIES)}
    done = subprocess.run(
        list(map(str, command)), input=said, env=found, capture_output=True, text=True, check=False
    )
    if "cannot open shared object file" in done.stderr:
        pytest.skip(f"this host lacks a library: {done.stderr}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def started(folder):
    """What the kernel has once systemd-networkd configured the card from this folder; and what LOOK tells."""
    done = subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-ec", STARTED, "sh", str(folder), LOOK],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    kernel, _, looked = done.stdout.partition("LOOKED\n")
    return kernel, lasting.told(looked)


def test_systemd_networkd_prefers_the_file_of_ours_and_tells_which_one_it_takes(tmp_path):
    present = "[Match]\nName=eth*\n\n[Network]\nAddress=10.1.0.5/24\nGateway=10.1.0.1\n"
    tmp_path.chmod(0o755)  # it works as a user of its own
    (tmp_path / "00-a.network").write_text(present)
    kernel, told = started(tmp_path)
    assert "10.1.0.5/24" in kernel
    assert told.network_file == present
    ours = networkd.file(BOTH, told.network_file)
    (tmp_path / ours.path.rpartition("/")[2]).write_text(ours.content)
    kernel, told = started(tmp_path)
    assert {"10.2.0.5/24", "2001:db8:2::5/64"} <= set(kernel.split())
    assert "10.1.0.5" not in kernel
    assert "default via 10.2.0.1 dev eth0" in kernel
    assert "default via fe80::1 dev eth0" in kernel
    assert "10.77.0.0/16 via 10.2.0.9 dev eth0" in kernel
    assert told.network_file == ours.content
    assert networkd.file(BOTH, told.network_file) == ours


def test_netplan_generates_from_the_changed_file_what_gives_the_card_its_addresses(tmp_path):
    path = "/etc/netplan/50-cloud-init.yaml"
    ours = netplan.file(BOTH, {path: NETPLAN})
    (tmp_path / "etc/netplan").mkdir(parents=True)
    (tmp_path / "etc/netplan/50-cloud-init.yaml").write_text(ours.content)
    program = package("netplan.io") / "usr/libexec/netplan/generate"
    ran([program, "--root-dir", tmp_path], "libnetplan1" if _is_newer() else "libnetplan0")
    text = (tmp_path / "run/systemd/network/10-netplan-eth0.network").read_text()
    lines = set(text.split())
    assert {"Address=10.2.0.5/24", "Address=2001:db8:2::5/64", "Gateway=10.2.0.1", "DNS=10.2.0.2"} <= lines
    assert {"Gateway=fe80::1", "Destination=10.77.0.0/16", "Gateway=10.2.0.9"} <= lines
    assert "DHCP" not in text


def test_network_manager_takes_the_connection_of_ours(tmp_path):
    ours = network_manager.file(BOTH, None)
    nmcli = package("network-manager") / "usr/bin/nmcli"
    change = [nmcli, "--offline", "connection", "modify", "connection.zone", "x"]
    lines = set(ran(change, "libnm0", ours.content).splitlines())
    assert {
        f"mac-address={MAC}", "autoconnect-priority=999", "zone=x", "method=manual", "dns=10.2.0.2;",
        "address1=10.2.0.5/24,10.2.0.1", "route1=10.77.0.0/16,10.2.0.9", "address1=2001:db8:2::5/64,fe80::1",
    } <= lines  # fmt: skip


def _is_newer():
    """Whether this is Debian 13, whose library of netplan has another name."""
    with open("/etc/debian_version") as version:
        return version.read().partition(".")[0] not in ("11", "12")
