"""Two hosts at each site, an appliance on each: a machine lives with the appliance that has it, from its
protection to the end, whichever of its sites it runs at."""

import pytest

from rig import Rig
from secondsite.fabrics.interface import PowerState
from secondsite.fabrics.simulated.host.host import Host
from secondsite.ground.units import MiB
from tests.support import command_line, policies

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(300)]

HOSTS = ("a", "a2", "b", "b2")


@pytest.fixture(scope="module")
def rig():
    with Rig("simulated") as rig:
        rig.open()
        for site in ("a", "b"):
            rig.add_host(site)
        for name, host in (("web01", "a"), ("db01", "a2")):
            rig.make_simulated(name, host, disk_bytes=(16 * MiB,))
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        yield rig


def protect(rig, name, *options):
    command_line.do(rig, "enable-protection", name, "--source", "a", "--target", "b", "--policy", "quick", *options)  # fmt: skip  # noqa: E501


def copies(rig, name):
    """The hosts on which it runs, by the fabrics' word."""
    running = []
    for host in HOSTS:
        at = Host(rig.home(f"appliance-{host}") / "fabric")
        found = [record for record in at.records.all() if record.definition.name == name]
        running += [host for record in found if at.state(record) is PowerState.RUNNING]
    return running


def appliances(rig, name):
    machine = rig.machine(name)
    return machine.source_appliance, machine.target_appliance


def test_only_appliances_of_the_target_site_can_be_its_target(rig):
    refusal = command_line.refused(
        rig, "machine", "enable-protection", "web01", "--source", "a", "--target", "b", "--target-appliance",
        "appliance-a",
        exit_code=3,
    )  # fmt: skip
    assert refusal["do"] == "Its appliances are appliance-b, appliance-b2."


def test_each_machine_is_protected_by_the_appliance_of_its_own_host(rig):
    protect(rig, "web01")
    assert appliances(rig, "web01")[0] == "appliance-a"
    protect(rig, "db01", "--target-appliance", "appliance-b2")
    assert appliances(rig, "db01") == ("appliance-a2", "appliance-b2")
    shown = rig.cli("machine", "show", "db01").stdout
    kept = rig.machine("db01").kept
    at_target = f"appliance-b2 on host {kept.host}, store {kept.store} at the target"
    assert f"appliance-a2 at the source, {at_target}" in " ".join(shown.split())


def test_a_drill_starts_where_the_replica_is(rig):
    command_line.do(rig, "test-failover", "db01")
    home = Host(rig.home("appliance-b2") / "fabric")
    assert any(record.definition.name.startswith("db01") for record in home.records.all())
    command_line.do(rig, "cleanup-test-failover", "db01")
    assert copies(rig, "db01") == ["a2"]


def test_a_machine_fails_over_and_comes_home_between_its_own_two_hosts(rig):
    rig.simulated["db01"].write(0, b"written at home".ljust(512))
    command_line.do(rig, "planned-failover", "db01")
    assert copies(rig, "db01") == ["b2"]
    command_line.do(rig, "commit", "db01")
    command_line.do(rig, "reprotect", "db01")
    assert appliances(rig, "db01") == ("appliance-b2", "appliance-a2")
    rig.new_points("db01")
    command_line.do(rig, "planned-failover", "db01")
    assert copies(rig, "db01") == ["a2"]
    assert rig.simulated["db01"].read().startswith(b"written at home")
    command_line.do(rig, "commit", "db01")
    command_line.do(rig, "reprotect", "db01")
    assert appliances(rig, "db01") == ("appliance-a2", "appliance-b2")


def test_a_host_that_is_lost_takes_only_its_own_machines_along(rig):
    rig.new_points("db01")
    rig.lose("a2")
    command_line.do(rig, "failover", "db01")
    assert copies(rig, "db01") == ["b2"]
    rig.new_points("web01")
