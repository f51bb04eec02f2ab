"""Two guests of different networks are tested together: each is in a network with the subnet that it is to
have; nothing of it stays."""

import contextlib

import pytest

import guestkit
from rig import bridges
from rig.eventually import eventually
from tests.e2e import support_e2e as e2e
from tests.e2e.networks.support_drills import are_there, links, nothing_is_left, servers
from tests.support import command_line

pytestmark = [pytest.mark.every, pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(240)]
NAMES = ("web01", "db01")
AWAY, HOME, NAMED = "10.9.6", "10.9.7", "10.9.6.53"
"""web01's network is mapped to one that has the first subnet; db01's is not mapped, and has the second at
home."""


def inner(rig):
    """A second network of site a."""
    return rig.bridge("a")[:-2] + "-i"


def make_inner(rig):
    bridges.make(rig.folder, inner(rig))
    return inner(rig)


@pytest.fixture(scope="module")
def rig():
    workload = guestkit.Workload(records_per_second=6, address="dhcp")
    guests = {"web01": {"workload": workload}, "db01": {"workload": workload, "bridge": make_inner}}
    with e2e.guests_under(guests) as rig, addresses(rig):
        protect = ("enable-protection", *NAMES, "--source", "a", "--target", "b", "--policy", "quick")
        command_line.do(rig, *protect)
        for name in NAMES:
            rig.new_points(name)
        yield rig


@contextlib.contextmanager
def addresses(rig):
    """Hosts whose bridges have addresses, by which their subnets are known."""
    bridges.ip("address", "add", f"{AWAY}.1/24", "dev", rig.bridge("b"))
    bridges.ip("address", "add", f"{HOME}.1/24", "dev", inner(rig))
    yield


def drilled(rig):
    """What was made for both, and the sentences on it."""
    job = command_line.do(rig, "test-failover", *NAMES, "--network", "create-each", "--dns-server", NAMED)
    return links(rig), {
        name: next(task.sentence for task in each.tasks if task.name == "Create test network")
        for name, each in command_line.jobs_below(rig, job).items()
    }


def test_each_has_an_address_of_its_own_networks_subnet_and_they_share_none(rig):
    made, said = drilled(rig)
    assert len(are_there(made)) == 4
    assert f"stands for {rig.bridge('a')}" in said["web01"]
    assert f"stands for {inner(rig)}" in said["db01"]
    for name, subnet in (("web01", AWAY), ("db01", HOME)):
        console = rig.console("b", f"{name}-test")
        assert f"ADDRESS {subnet}." in console.wait_for(f"ADDRESS {subnet}.", 60).text
    for network in made[::2]:
        # the copy's card and the server's cable: the other copy is not there
        assert len(bridges.ip("-o", "link", "show", "master", network).splitlines()) == 2
    by_subnet = {
        subnet: [line for line in servers(rig) if f"--dhcp-range={subnet}." in line]
        for subnet in (AWAY, HOME)
    }
    (away,), (home,) = by_subnet.values()
    assert f"--dhcp-option=6,{NAMED}" in away
    assert "--dhcp-option=6" not in home
    command_line.do(rig, "cleanup-test-failover", *NAMES)
    nothing_is_left(rig, NAMES, made)


def test_after_a_kill_in_the_middle_it_goes_on_and_the_clean_up_leaves_nothing(rig):
    job = command_line.do(rig, "test-failover", *NAMES, "--network", "create-each", "--no-wait")
    eventually(lambda: len(links(rig)) > 0, 30)
    rig.appliances["b"].kill()
    rig.appliances["b"].start()
    assert rig.wait_for_job(job.get("job_id") or job["id"], 150).state == "succeeded"
    made = links(rig)
    assert len(are_there(made)) == 4
    eventually(lambda: len(servers(rig)) == 2, 30)
    command_line.do(rig, "cleanup-test-failover", *NAMES)
    nothing_is_left(rig, NAMES, made)
