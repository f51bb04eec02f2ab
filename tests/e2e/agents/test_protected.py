"""A machine with an agent is protected, drilled and failed over; each of its points is what its disk held."""

import os
import subprocess

import pytest

from rig.eventually import eventually
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState
from secondsite.ground.units import MiB, TiB
from secondsite.wire import rest
from tests.e2e.agents.support_agents import (
    NAME,
    PATIENCE,
    agent_site,
    discovered,
    needs_agent,
    records_at,
)
from tests.support import command_line

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(300), needs_agent]


@pytest.fixture(scope="module")
def site():
    with agent_site() as (rig, machine):
        yield rig, machine


def write_records(machine, first, count):
    with (machine.disk.mount / "records").open("a") as file:
        for number in range(first, first + count):
            file.write(f"{number}\n")
            file.flush()
            os.fsync(file.fileno())


def test_its_machine_stands_in_the_sites_inventory(site):
    rig, machine = site
    [found] = discovered(rig)
    assert found.name == NAME
    assert [disk.size_bytes for disk in found.definition.disks] == [machine.disk.size]
    assert found.definition.fabric_kind == "agent"


def test_it_is_protected_and_its_points_hold_what_was_written_before(site):
    rig, machine = site
    write_records(machine, 0, 50)
    command_line.do(rig, "enable-protection", NAME, "--source", "a", "--target", "b", "--policy", "quick")
    [point] = rig.new_points(NAME, 1, PATIENCE)[:1]
    assert records_at(rig, point.id) == list(range(50))


def test_each_later_point_holds_a_prefix_of_the_records_that_were_acknowledged_before_it(site):
    rig, machine = site
    (machine.disk.mount / "load").write_bytes(os.urandom(16 * MiB))
    for round_ in range(3):
        write_records(machine, 50 + 20 * round_, 20)
        point = rig.new_points(NAME, 2, PATIENCE)[-1]
        found = records_at(rig, point.id)
        assert found == list(range(len(found)))
        assert len(found) >= 70 + 20 * round_


def test_its_agent_may_die_and_come_back_and_then_all_is_compared(site):
    rig, machine = site
    machine.kill()
    write_records(machine, 110, 10)
    machine.start()
    point = rig.new_points(NAME, 2, PATIENCE)[-1]
    found = eventually(lambda: records_at(rig, rig.points(NAME)[-1].id)[119:] == [119] or None, PATIENCE)
    assert found
    assert point.id


def test_an_agent_that_is_away_is_told_and_its_points_stay(site):
    rig, machine = site
    machine.kill()
    eventually(lambda: "machine-silent" in rig.codes(NAME), PATIENCE)
    assert rig.points(NAME)
    machine.start()
    eventually(lambda: "machine-silent" not in rig.codes(NAME), PATIENCE)


def test_its_appliance_may_die_and_come_back_and_nothing_is_compared_again(site):
    rig, machine = site
    eventually(lambda: "resynchronizing" not in rig.codes(NAME), PATIENCE)
    rig.appliances["a"].kill()
    write_records(machine, 120, 10)
    rig.appliances["a"].start()
    eventually(lambda: records_at(rig, rig.new_points(NAME, 2, PATIENCE)[-1].id)[129:] == [129], PATIENCE)
    assert "resynchronizing" not in rig.codes(NAME)


def test_a_drill_starts_it_at_the_other_site(site):
    rig, _ = site
    rig.must(Verb.TEST_FAILOVER, rest.TestFailover(machines=[NAME]))
    rig.must(Verb.CLEANUP_TEST_FAILOVER, rest.CleanupTestFailover(machines=[NAME], notes="fine"))


def test_a_planned_failover_that_fails_lets_the_machine_work_on(site):
    rig, machine = site
    b = rig.home("appliance-b") / "fabric"
    simulated.dial(b, [simulated.Fault(method="power.start", code="fabric-error")])
    job = rig.run(Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=[NAME]))
    assert job.state == "failed"
    simulated.dial(b, [])
    rig.wait_for(NAME, lambda found: found.state == "protected", PATIENCE)
    write_records(machine, 130, 10)
    eventually(lambda: records_at(rig, rig.new_points(NAME, 2, PATIENCE)[-1].id)[-1:] == [139], PATIENCE)


def test_a_planned_failover_loses_nothing_and_the_machine_stands_still(site):
    rig, machine = site
    write_records(machine, 140, 10)
    job = rig.must(Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=[NAME]))
    point = rig.points(NAME)[-1]
    assert records_at(rig, point.id) == list(range(150)), rig.describe(job)
    written = machine.disk.writes()
    writer = subprocess.Popen(["sh", "-c", f"echo later >> {machine.disk.mount}/records"])
    with pytest.raises(subprocess.TimeoutExpired):
        writer.wait(1)
    assert machine.disk.writes() == written
    machine.close()
    writer.wait(PATIENCE)


def test_it_comes_home_to_a_new_machine_of_a_host_of_its_site(site):
    rig, _ = site
    rig.must(Verb.COMMIT, rest.Commit(machines=[NAME]))
    host = rig.add_host("a")
    simulated.give_host_memory(rig.home(f"appliance-{host}") / "fabric", TiB)
    rig.must(
        Verb.REPROTECT,
        rest.Reprotect(machines=[NAME], location="alternate", target_appliance=f"appliance-{host}"),
    )
    rig.new_points(NAME, 1, PATIENCE)
    rig.must(Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=[NAME]))
    new = simulated.open_fabric(rig.home(f"appliance-{host}") / "fabric")
    assert [each.name for each in new.inventory.list() if each.power is PowerState.RUNNING] == [NAME]
