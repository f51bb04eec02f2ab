"""Services of a real guest are asked over its network, without a way out of it and without leaving
anything behind."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys

import pytest

import guestkit
from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.fabrics.libvirt import reaching_program
from secondsite.fabrics.reaching import Knock
from tests.fabrics.libvirt.support_guests import MAC, TAG, GuestMachine

pytestmark = [pytest.mark.guest, pytest.mark.slow]
ADDRESS = "10.7.9.1"
ALIVE = Knock(ADDRESS, 80, 60, path="/alive", text="web server")
HELD = """
import sys, time
from secondsite.fabrics.libvirt import reaching
from secondsite.fabrics.reaching import Knock
with reaching.visit([Knock("10.7.9.1", 9, 600)], sys.argv[1], None):
    print("asking", flush=True)
    time.sleep(600)
"""


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=10, check=False)
    return done.stdout


def links_on(bridge):
    found = json.loads(ip("-json", "link", "show", "master", bridge) or "[]")
    return {link["ifname"] for link in found if "ifname" in link}


@pytest.fixture
def bridge(host):
    name = f"ss-{secrets.token_hex(3)}"
    host.fabric.networks.create_isolated(name, TAG)
    yield name
    host.clear()
    host.fabric.networks.remove(name, TAG)


@pytest.fixture
def web(host, bridge):
    workload = guestkit.Workload(
        records_per_second=0, address=f"{ADDRESS}/24", tier=guestkit.Tier.WEB, peer="10.7.9.2"
    )
    machine = GuestMachine(host, workload=workload, nics=[guestkit.Nic(bridge, MAC)])
    machine.boot()
    return machine


def heard(host, machine, *knocks, source=None):
    with host.fabric.reaching.visit(machine.id, knocks, source) as answers:
        found = eventually(lambda: len(answers()) == len(knocks) and answers(), within_seconds=60)
        return [(found[number].passed, found[number].said) for number in range(len(knocks))]


def test_services_in_an_isolated_network_are_asked_side_by_side_and_nothing_is_left(host, web, bridge):
    before = links_on(bridge)
    asked = (
        ALIVE,
        Knock(ADDRESS, 80, 10),
        Knock(ADDRESS, 81, 8),
        Knock(ADDRESS, 80, 8, path="/nosuch"),
        Knock(ADDRESS, 80, 8, path="/alive", text="moon"),
        Knock("10.7.9.77", 80, 8),
    )
    answers = heard(host, web, *asked)
    assert [passed for passed, _ in answers] == [True, True, False, False, False, False]
    assert answers[0][1] == "status 200"
    assert answers[2][1] == "Connection refused"
    assert answers[3][1].startswith("status 404, not 200: ")
    assert answers[4][1] == "status 200, but its page does not say 'moon'"
    assert answers[5][1] in ("no answer", "no answer: no connection within 5 s", "No route to host")
    eventually(lambda: links_on(bridge) == before)
    assert not [route for route in ip("route").splitlines() if bridge in route or "10.7.9." in route]
    assert "inet" not in ip("address", "show", "dev", bridge)


def test_an_address_that_somebody_has_is_not_taken(host, web):
    ((passed, said),) = heard(host, web, ALIVE, source=f"{ADDRESS}/24")
    assert (passed, f"somebody has the address {ADDRESS}/24" in said) == (False, True)
    assert heard(host, web, ALIVE, source="10.7.9.200/24") == [(True, "status 200")]


def test_what_was_plugged_in_goes_when_the_process_that_asks_is_killed(bridge):
    holder = subprocess.Popen(
        [sys.executable, "-c", HELD, bridge], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": "src"}
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"asking\n"
    eventually(lambda: any(name.startswith("ssck") for name in links_on(bridge)))
    holder.send_signal(signal.SIGKILL)
    holder.wait(10)
    holder.stdout.close()
    eventually(lambda: not links_on(bridge))


def test_a_free_address_is_looked_for_beside_the_guest_s_and_never_at_the_edges_of_its_network():
    assert [str(each) for each in reaching_program.near("10.1.2.1/30")] == ["10.1.2.2/30"]
    found = [str(each) for each in reaching_program.near("10.1.2.3/16")]
    assert len(set(found)) == reaching_program.CANDIDATES
    assert all(each.startswith("10.1.2.") and each.endswith("/16") for each in found)
    assert not {"10.1.2.3/24", "10.1.2.0/24", "10.1.2.255/24"} & {
        str(each) for each in reaching_program.near("10.1.2.3")
    }


def test_an_address_is_left_to_one_who_comes_up_with_it_later(host, web, bridge):
    """The other one is in a network namespace; the source was given, so there is no other address to take."""
    with other_machine(bridge) as other:
        with host.fabric.reaching.visit(web.id, [Knock(ADDRESS, 81, 60)], "10.7.9.200/24") as answers:
            eventually(lambda: any(name.startswith("ssck") for name in links_on(bridge)))
            eventually(lambda: answers_arp(other, "10.7.9.200"))
            ip("netns", "exec", other, "ip", "address", "add", "10.7.9.200/24", "dev", "eth0")
            ip("netns", "exec", other, "busybox", "arping", "-c", "1", "-I", "eth0", ADDRESS)
            found = eventually(answers)
        assert "somebody has the address 10.7.9.200/24" in found[0].said


@contextlib.contextmanager
def other_machine(bridge):
    name = f"other-{secrets.token_hex(3)}"
    ip("netns", "add", name)
    try:
        ip("link", "add", f"o{name[-6:]}", "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("link", "set", f"o{name[-6:]}", "master", bridge, "up")
        ip("netns", "exec", name, "ip", "link", "set", "eth0", "up")
        yield name
    finally:
        ip("netns", "delete", name)


def answers_arp(other, address):
    done = subprocess.run(
        [
            "ip",
            "netns",
            "exec",
            other,
            "busybox",
            "arping",
            "-D",
            "-c",
            "1",
            "-w",
            "1",
            "-I",
            "eth0",
            address,
        ],
        capture_output=True,
        timeout=10,
        check=False,
    )
    return done.returncode != 0


def test_of_a_machine_that_is_connected_to_nothing_nobody_else_is_asked(host):
    """Production's machine has its address, and answered in its place."""
    machine = GuestMachine(host)
    host.fabric.power.start(machine.id)
    for source in (None, "10.7.9.250/24"):
        with pytest.raises(errors.FabricError, match="connected to nothing"):
            host.fabric.reaching.is_inside(machine.id, ADDRESS, source)
        with pytest.raises(errors.FabricError), host.fabric.reaching.visit(machine.id, [ALIVE], source):
            pytest.fail("somebody was asked")


@pytest.mark.always
def test_an_isolated_network_is_asked_from_inside(host, web):
    assert host.fabric.reaching.is_inside(web.id, ADDRESS)
