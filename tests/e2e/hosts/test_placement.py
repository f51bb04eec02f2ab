"""Four hosts share a site's machines evenly; one that dies takes along what was placed there, and no more."""

from collections import Counter

import pytest

from rig import Rig
from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.fabrics import simulated
from secondsite.ground.units import GiB, MiB
from tests.support import policies

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(600)]

MANY = 120
NAMES = tuple(f"m{number:03d}" for number in range(MANY))
HOSTS = ("b", "b2", "b3", "b4")
DEAD = "appliance-b3"
MEMORY = MANY // len(HOSTS) * GiB + 4 * GiB
"""A machine of the simulated fabric has 1 GiB."""


@pytest.fixture(scope="module")
def rig():
    with Rig("simulated", forked=True) as rig:

        def furnish(host):
            if host.startswith("b"):
                simulated.give_host_memory(rig.home(f"appliance-{host}") / "fabric", MEMORY)

        rig.open(furnish=furnish)
        for _ in HOSTS[1:]:
            rig.add_host("b", furnish)
        for name in (*NAMES, "late01"):
            rig.make_simulated(name, disk_bytes=(MiB,))
        with rig.client() as vault:
            vault.policies.create(
                **policies.quick(cycle_seconds=5, crash_consistent_every_seconds=60).model_dump()
            )
            eventually(lambda: told_of_memory(vault) == len(HOSTS), 60)
        yield rig


def told_of_memory(vault):
    """How many hosts have told what they were given; one that looked before tells it half a minute later."""
    return sum(
        each.capacity is not None and each.capacity.memory_bytes == MEMORY for each in vault.appliances
    )


def protect(rig, *names, **options):
    with rig.client() as vault:
        job = vault.machines[names].enable_protection("a", "b", policy="quick", **options)
        assert job.wait(300).state == "succeeded"


def places(rig, names):
    with rig.client() as vault:
        there = {each.name: each.target_appliance for each in vault.machines}
    return Counter(there[each] for each in names)


def test_the_machines_of_a_site_are_spread_evenly_over_its_hosts(rig):
    protect(rig, *NAMES)
    found = places(rig, NAMES)
    assert len(found) == len(HOSTS)
    assert max(found.values()) - min(found.values()) <= 1


def test_more_than_all_hosts_have_memory_for_is_refused_before_there_is_a_job(rig):
    for name in [f"more{number:02d}" for number in range(17)]:
        rig.make_simulated(name, disk_bytes=(MiB,))
    with rig.client() as vault, pytest.raises(errors.NotPossibleNow) as refused:
        asked = vault.machines[tuple(name for name in rig.simulated if name.startswith("more"))]
        asked.enable_protection("a", "b", policy="quick")
    for host in HOSTS:
        assert f"appliance-{host}: " in refused.value.message


def test_a_host_that_dies_takes_along_what_was_placed_there_and_nothing_else(rig):
    rig.lose("b3")
    with rig.client() as vault:
        eventually(lambda: not vault.appliances[DEAD].show().connected, 60)
        [lost, *_] = [each.name for each in vault.machines if each.target_appliance == DEAD]
        [kept, *_] = [each.name for each in vault.machines if each.target_appliance == "appliance-b2"]
        ready = vault.machines[lost].preflight()
        assert not ready.ready
        assert any("b3" in each.what for each in ready.obstacles if each.blocking)
        assert vault.machines[kept].preflight().ready
        eventually(lambda: "appliance-unreachable" in _findings(vault, lost), 60)
        assert "appliance-unreachable" not in _findings(vault, kept)
        assert vault.machines[kept].failover().wait(120).state == "succeeded"
        with pytest.raises(errors.SecondsiteError):
            vault.machines[lost].failover().wait(120)
    protect(rig, "late01")
    assert DEAD not in places(rig, ["late01"])


def test_its_machines_fail_over_there_once_it_is_back(rig):
    rig.appliances["b3"].start()
    rig.wait_connected()
    with rig.client() as vault:
        lost = [each.name for each in vault.machines if each.target_appliance == DEAD][1]
        rig.new_points(lost)
        assert vault.machines[lost].failover().wait(120).state == "succeeded"


def _findings(vault, name):
    return {each.code for each in vault.machines[name].show().findings}
