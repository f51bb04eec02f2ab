"""The agent in a machine that was failed over registers with its new site's appliance, and is missed if not.

The machine at the second site is played by its agent's process, with the hardware that the hypervisor there
gave it."""

import json

import pytest

from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics import simulated
from secondsite.fabrics.agent.link import Registry
from secondsite.fabrics.interface import PowerState
from secondsite.ground.units import TiB
from secondsite.wire import rest
from tests.e2e.agents.support_agents import NAME, PATIENCE, agent_site, needs_agent
from tests.support import command_line

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(300), needs_agent]

FINDING = "agent-not-registered"
REGISTERS_SECONDS = 6.0


@pytest.fixture(scope="module")
def site():
    with agent_site(registers_seconds=REGISTERS_SECONDS) as (rig, machine):
        yield rig, machine


def copy_at(rig, site):
    """The machine that runs there."""
    there = simulated.open_fabric(rig.home(f"appliance-{site}") / "fabric")
    [found] = [each for each in there.inventory.list() if each.power is PowerState.RUNNING]
    return found


def registered(rig):
    """The agents that came to the appliance of the second site."""
    return [each.agent_id for each in Registry(rig.home("appliance-b") / "agents").records.all()]


def test_while_it_is_protected_its_agent_is_told_where_else_it_may_call(site):
    rig, machine = site
    command_line.do(rig, "enable-protection", NAME, "--source", "a", "--target", "b", "--policy", "quick")
    rig.new_points(NAME, 1, PATIENCE)
    kept = machine.folder / "state" / "elsewhere.json"
    eventually(kept.exists, PATIENCE)
    [place] = json.loads(kept.read_text())["places"]
    assert place["ca"] == Registry(rig.home("appliance-b") / "agents").authority.fingerprint
    assert registered(rig) == []


def test_a_drill_misses_nobody_and_lets_nobody_in(site):
    rig, _ = site
    rig.must(Verb.TEST_FAILOVER, rest.TestFailover(machines=[NAME]))
    rig.new_points(NAME, 8, PATIENCE)
    assert FINDING not in rig.codes(NAME)
    assert registered(rig) == []
    rig.must(Verb.CLEANUP_TEST_FAILOVER, rest.CleanupTestFailover(machines=[NAME], notes="fine"))


def test_a_failed_over_machine_whose_agent_does_not_come_has_a_critical_finding(site):
    rig, machine = site
    machine.kill()
    rig.appliances["a"].kill()
    rig.must(Verb.FAILOVER, rest.Failover(machines=[NAME]))
    found = eventually(
        lambda: [each for each in rig.machine(NAME).findings if each.code == FINDING], PATIENCE
    )
    assert found[0].severity == "critical"
    assert "secondsite-agent call --appliance 127.0.0.1:" in found[0].what


def test_it_goes_once_the_agent_registers_which_it_does_by_itself_with_home_lost(site):
    rig, machine = site
    machine.start(hardware=copy_at(rig, "b").fabric_id)
    eventually(lambda: registered(rig) == [machine.agent_id], PATIENCE)
    eventually(lambda: FINDING not in rig.codes(NAME), PATIENCE)


def test_it_comes_again_when_the_agent_s_service_stops(site):
    rig, machine = site
    machine.kill()
    eventually(lambda: FINDING in rig.codes(NAME), PATIENCE)
    machine.start(hardware=copy_at(rig, "b").fabric_id)
    eventually(lambda: FINDING not in rig.codes(NAME), PATIENCE)


def test_the_machine_at_home_that_runs_on_does_not_register_in_its_place(site):
    rig, machine = site
    machine.kill()
    machine.start()
    eventually(lambda: FINDING in rig.codes(NAME), PATIENCE)


def test_one_that_is_revoked_there_stays_out_and_is_missed(site):
    rig, machine = site
    machine.kill()
    machine.start(hardware=copy_at(rig, "b").fabric_id)
    eventually(lambda: FINDING not in rig.codes(NAME), PATIENCE)
    Registry(rig.home("appliance-b") / "agents").revoke(machine.agent_id)
    eventually(lambda: FINDING in rig.codes(NAME), PATIENCE)


def test_protected_back_it_is_missed_as_before(site):
    rig, machine = site
    machine.kill()
    rig.appliances["a"].start()
    rig.wait_connected()
    rig.must(Verb.COMMIT, rest.Commit(machines=[NAME]))
    refuses_during(rig)
    host = rig.add_host("a")
    simulated.give_host_memory(rig.home(f"appliance-{host}") / "fabric", TiB)
    target = f"appliance-{host}"
    rig.must(Verb.REPROTECT, rest.Reprotect(machines=[NAME], location="alternate", target_appliance=target))
    rig.new_points(NAME, 1, PATIENCE)
    eventually(lambda: FINDING in rig.codes(NAME), PATIENCE)


def refuses_during(rig):
    """Its own server takes no new disks: that is told before it, or the plan that it is in, is shut down."""
    with rig.client() as vault:
        found = vault.machines[NAME].reprotect_preview(rest.Location.ALTERNATE).obstacles
        assert any("no hypervisor" in each.what for each in found if each.blocking), found
        with pytest.raises(errors.NotPossibleNow, match="cannot come back with the data synchronization"):
            vault.machines[NAME].planned_failover(data_sync="during")
        plan = vault.plans.create("own", [rest.PlanGroupChange(machines=(NAME,))])
        asked = rest.PlanPlannedFailover(data_sync="during")
        with pytest.raises(errors.NotPossibleNow, match=f"Plan 'own' cannot come back .* {NAME}: at a: "):
            vault.plans[plan.name].run(Verb.PLANNED_FAILOVER, asked)
        vault.plans[plan.name].delete()


def test_what_went_home_is_not_missed_and_nothing_of_it_stays(site):
    rig, _ = site
    rig.must(Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=[NAME]))
    eventually(lambda: FINDING not in rig.codes(NAME), PATIENCE)
    rig.must(Verb.COMMIT, rest.Commit(machines=[NAME]))
    eventually(lambda: registered(rig) == [], PATIENCE)
    assert FINDING not in rig.codes(NAME)
