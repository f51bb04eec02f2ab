"""Two groups of hosts at one place, with one vault, one file system and networks of the same names, are two
sites: a drill, a planned and an unplanned failover go both ways between them (S-306), and neither group takes
what is the other's."""

import tempfile
from pathlib import Path

import pytest

from rig import Rig, SimulatedMachine
from rig.eventually import eventually
from secondsite.fabrics import simulated
from secondsite.ground.units import MiB
from tests.e2e.support_simulated_sites import hosts_that_run
from tests.support import command_line, policies

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(600)]
FIRST, SECOND = ("a", "a2"), ("b", "b2")
NETWORK = "lan"


@pytest.fixture(scope="module")
def rig():
    folder = Path(tempfile.mkdtemp(prefix="secondsite-", dir="/var/tmp"))
    options = {host: ["--store", str(folder / "shared" / host)] for host in (*FIRST, *SECOND)}
    with Rig("simulated", folder, forked=True, appliance_options=options) as rig:

        def furnish(host):
            simulated.add_network(rig.home(f"appliance-{host}") / "fabric", NETWORK)

        rig.open(furnish=furnish)
        rig.add_host("a", furnish)
        rig.add_host("b", furnish)
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
            for source, target in (("a", "b"), ("b", "a")):
                rig.cli("mapping", "create", f"{source}/{NETWORK}", f"{target}/{NETWORK}").check_returncode()
            eventually(lambda: all(each.reaches for each in vault.appliances), 90)
        made = SimulatedMachine.make("web01", rig.home("appliance-a"), disk_bytes=(4 * MiB,), network=NETWORK)
        rig.simulated["web01"] = made
        yield rig


def running(rig, name):
    """The hosts at which it runs, as these say themselves."""
    return hosts_that_run(rig, (*FIRST, *SECOND), name)


def test_hosts_share_stores_within_their_group_alone(rig):
    with rig.client() as vault:
        reached = {each.name: each.reaches for each in vault.appliances}
    names = {group: [f"appliance-{host}" for host in group] for group in (FIRST, SECOND)}
    for group in names.values():
        assert {each: reached[each] for each in group} == {
            group[0]: (group[1],),
            group[1]: (group[0],),
        }


def test_a_machine_is_refused_where_it_is_already_and_the_refusal_says_how(rig):
    options = ("--source", "a", "--target", "a", "--policy", "quick")
    done = rig.cli("machine", "enable-protection", "web01", *options)
    assert done.returncode != 0
    assert "Two groups of hosts at one place are two sites" in done.stdout + done.stderr


def test_a_drill_a_planned_and_an_unplanned_failover_go_there_and_back(rig):
    command_line.do(rig, "enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick")
    here, there = FIRST, SECOND
    for verb in ("planned-failover", "planned-failover", "failover", "failover"):
        command_line.do(rig, "test-failover", "web01")
        (drilled,) = running(rig, "web01-test")
        assert drilled in there
        command_line.do(rig, "cleanup-test-failover", "web01")
        assert [host in here for host in running(rig, "web01")] == [True]
        asked = ("--shut-down",) if verb == "failover" else ()
        command_line.do(rig, verb, "web01", *asked)
        assert [host in there for host in running(rig, "web01")] == [True]
        command_line.do(rig, "commit", "web01")
        command_line.do(rig, "reprotect", "web01")
        here, there = there, here
    assert [host in FIRST for host in running(rig, "web01")] == [True]


def test_of_a_group_whose_host_dies_the_other_host_of_that_group_goes_on(rig):
    at = rig.machine("web01").target_appliance
    assert at in [f"appliance-{host}" for host in SECOND]
    rig.new_points("web01")
    rig.lose(at.removeprefix("appliance-"))
    command_line.do(rig, "failover", "web01")
    (second,) = [host for host in SECOND if f"appliance-{host}" != at]
    assert rig.machine("web01").target_appliance == f"appliance-{second}"
    assert second in running(rig, "web01")
