"""Two guests are tested together: they get addresses, find each other by name and reach nothing else;
nothing of it stays."""

import contextlib
import re

import pytest

import guestkit
from rig import bridges
from rig.eventually import eventually
from tests.e2e import support_e2e as e2e
from tests.e2e.networks.support_drills import are_there, links, nothing_is_left, servers
from tests.support import command_line

pytestmark = [
    pytest.mark.every,
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(400),
]
NAMES = ("web01", "db01")
SUBNET, STRANGER = "10.9.8.0/24", "10.9.8.200"


def workload(*others):
    return guestkit.Workload(records_per_second=6, address="dhcp", looks_for=(*others, STRANGER))


@pytest.fixture(scope="module")
def rig():
    guests = {"web01": {"workload": workload("db01")}, "db01": {"workload": workload("web01")}}
    with e2e.guests_under(guests) as rig:
        protect = ("enable-protection", *NAMES, "--source", "a", "--target", "b", "--policy", "quick")
        command_line.do(rig, *protect)
        for name in NAMES:
            rig.new_points(name)
        yield rig


@contextlib.contextmanager
def on_production(rig):
    """Somebody with an address of the test's subnet on the production network of site b."""
    space = f"t{rig.folder.name[-6:]}"
    bridges.ip("netns", "add", space)
    try:
        bridges.ip("link", "add", f"{space}o", "type", "veth", "peer", "name", f"{space}i", "netns", space)
        bridges.ip("link", "set", f"{space}o", "master", rig.bridge("b"), "up")
        bridges.ip("-n", space, "address", "add", f"{STRANGER}/24", "dev", f"{space}i")
        bridges.ip("-n", space, "link", "set", f"{space}i", "up")
        yield
    finally:
        bridges.ip("netns", "delete", space)


def leases(rig, name):
    """The addresses that the machine's test copies said they have, one after the other."""
    return re.findall(r"ADDRESS ([0-9.]+)/", rig.console("b", f"{name}-test").text)


def drill(rig):
    command_line.do(rig, "test-failover", *NAMES, "--subnet", SUBNET)
    made = links(rig)
    assert are_there(made) == made
    assert len(made) == 2
    return made


def test_they_get_addresses_find_each_other_by_name_and_reach_nothing_of_production(rig):
    with on_production(rig):
        made = drill(rig)
        for name, other in (("web01", "db01"), ("db01", "web01")):
            console = rig.console("b", f"{name}-test").wait_for(f"REACHES {other}", 120)
            assert "ADDRESS 10.9.8." in console.text
            assert f"MISSES {STRANGER}" in console.wait_for(f"MISSES {STRANGER}", 60).text
        assert len(servers(rig)) == 1
        command_line.do(rig, "cleanup-test-failover", *NAMES)
    nothing_is_left(rig, NAMES, made)


def test_a_copy_gets_the_address_of_its_failover_or_it_is_said_which_other(rig):
    command_line.told(rig, "card", "set", "db01", "net0", "--address", "10.9.8.50/24")
    command_line.told(rig, "card", "set", "web01", "net0", "--test-address", "10.9.8.50/24")
    command_line.do(rig, "test-failover", "db01", "--subnet", SUBNET)
    assert "ADDRESS 10.9.8.50/" in rig.console("b", "db01-test").wait_for("ADDRESS 10.9.8.50/", 60).text
    command_line.do(rig, "cleanup-test-failover", "db01")
    before = {name: len(leases(rig, name)) for name in NAMES}
    job = command_line.do(rig, "test-failover", *NAMES, "--subnet", SUBNET)
    made = links(rig)
    for name in NAMES:
        eventually(lambda name=name: len(leases(rig, name)) > before[name], 60)
    got = {leases(rig, name)[-1] for name in NAMES}
    sentences = [
        task.sentence
        for each in command_line.jobs_below(rig, job).values()
        for task in each.tasks
        if task.name == "Create test network"
    ]
    (said,) = [sentence for sentence in sentences if "instead of 10.9.8.50" in sentence]
    (other,) = got - {"10.9.8.50"}
    assert f"gets {other} instead of 10.9.8.50, which " in said
    command_line.do(rig, "cleanup-test-failover", *NAMES)
    nothing_is_left(rig, NAMES, made)


def test_after_a_kill_of_the_appliance_it_gives_addresses_again_and_the_clean_up_leaves_nothing(rig):
    made = drill(rig)
    rig.appliances["b"].kill()
    eventually(lambda: servers(rig) == [], 10)
    rig.appliances["b"].start()
    eventually(lambda: len(servers(rig)) == 1, 30)
    command_line.do(rig, "cleanup-test-failover", "web01")
    assert len(servers(rig)) == 1
    command_line.do(rig, "cleanup-test-failover", "db01")
    nothing_is_left(rig, NAMES, made)
