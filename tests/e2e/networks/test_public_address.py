"""A real guest gets a public address by a hook when it is failed over, clients outside reach it there, and a
failback takes it away.

The outside is two network namespaces: an edge between the second site's network and the world, and a client
in the world. The script is the guide's own.
"""

import contextlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import guestkit
from guestkit import Tier
from rig import bridges
from rig.eventually import eventually
from tests.e2e import support_e2e as e2e
from tests.support import command_line

pytestmark = [
    pytest.mark.every,
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(240),
]
GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "names.md"
HOME, AWAY, EDGE = "10.7.9.1", "10.2.0.5", "10.2.0.250"
PUBLIC, CLIENT = "203.0.113.10", "203.0.113.99"
FETCH = f"import urllib.request as r; print(r.urlopen('http://{PUBLIC}/alive', timeout=2).read().decode())"


@pytest.fixture(scope="module")
def rig():
    workload = guestkit.Workload(
        records_per_second=4, address=f"{HOME}/24", tier=Tier.WEB, peer=f"{HOME[:-1]}9"
    )
    guests = {"web01": {"workload": workload, "kind": guestkit.Kind.AGENT}}
    with e2e.guests_under(guests, folder=Path(tempfile.mkdtemp(prefix="ss-"))) as rig:
        protect = ("enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick")
        command_line.do(rig, *protect)
        command_line.told(rig, "card", "set", "web01", "net0", "--address", f"{AWAY}/24")
        yield rig


@pytest.fixture(scope="module")
def outside(rig):
    """Asks as a client in the world. The edge masquerades what it sends on, so answers find their way
    back."""
    tag = rig.folder.name[-6:]
    edge, client = f"e{tag}", f"c{tag}"
    for space in (edge, client):
        bridges.ip("netns", "add", space)
    try:
        veth = "type", "veth", "peer", "name"
        bridges.ip("link", "add", f"{edge}b", *veth, "lan0", "netns", edge)
        bridges.ip("link", "set", f"{edge}b", "master", rig.bridge("b"), "up")
        bridges.ip("-n", edge, "link", "add", "wan0", *veth, "eth0", "netns", client)
        for space, card in ((edge, "lan0"), (edge, "wan0"), (client, "eth0")):
            bridges.ip("-n", space, "link", "set", card, "up")
        bridges.ip("-n", edge, "address", "add", f"{EDGE}/24", "dev", "lan0")
        bridges.ip("-n", client, "address", "add", f"{CLIENT}/24", "dev", "eth0")
        inside(edge, "busybox", "sysctl", "-w", "net.ipv4.ip_forward=1")
        bridges.ip("-n", edge, "route", "add", f"{CLIENT}/32", "dev", "wan0")
        masquerade = "type nat hook postrouting priority srcnat; oifname lan0 masquerade"
        inside(edge, "nft", f"table ip home {{\nchain leave {{ {masquerade}; }}\n}}")
        yield edge, lambda: page(client)
    finally:
        for space in (edge, client):
            bridges.ip("netns", "delete", space, check=False)


def inside(space, *words):
    done = subprocess.run(
        ["ip", "netns", "exec", space, *words], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def page(client):
    """What the public address serves to the world; None: nothing."""
    with contextlib.suppress(AssertionError):
        return inside(client, sys.executable, "-c", FETCH)
    return None


def furnish(rig, edge):
    """Site b has the guide's script, which it runs at its edge."""
    home = rig.home("appliance-b")
    folder = home / "scripts"
    folder.mkdir(mode=0o700)
    (example,) = re.findall(
        r"```python\n(#!/usr/bin/python3\n# Clients reach .*?)```", GUIDE.read_text(), re.S
    )
    write(folder / "at-the-edge", example)
    write(folder / "public-address", f"#!/bin/sh\nexec ip netns exec {edge} {folder}/at-the-edge\n")
    settings = home / "appliance.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "script_folder": str(folder)}))
    rig.appliances["b"].stop()
    rig.appliances["b"].start()


def write(path, text):
    path.write_text(text)
    path.chmod(0o700)


def hooks(job):
    return [task["sentence"] for task in job["tasks"] if task["name"].startswith("Hook ")]


def test_clients_reach_the_machine_at_a_public_address_while_it_is_away(rig, outside):
    edge, ask = outside
    furnish(rig, edge)
    words = ("--script", "public-address", "--moment")
    command_line.told(rig, "hook", "set", "web01", "give", *words, "after_start", "--direction", "away")
    command_line.told(rig, "hook", "set", "web01", "take", *words, "before_stop", "--direction", "home")
    assert ask() is None
    job = command_line.do(rig, "planned-failover", "web01")
    assert job["state"] == "succeeded", job
    (said,) = hooks(job)
    assert said.startswith("at b: public-address succeeded after ")
    assert said.endswith(f": {PUBLIC} goes to {AWAY}")
    assert "web server" in eventually(ask, within_seconds=30)
    for verb in ("commit", "reprotect"):
        command_line.do(rig, verb, "web01")
    assert "web server" in ask()
    job = command_line.do(rig, "planned-failover", "web01")
    assert job["state"] == "succeeded", job
    (said,) = hooks(job)
    assert said.endswith(f": {PUBLIC} is given back")
    assert ask() is None
