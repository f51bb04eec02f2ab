"""An agent, or a rescue system, that is away for a while ends nothing, and no disk is called gone."""

import pytest

from rig.eventually import eventually
from secondsite.domain.lifecycle import Verb
from secondsite.wire import rest
from tests.e2e.agents.support_agents import NAME, PATIENCE, agent_site, needs_agent
from tests.support import command_line

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(400), needs_agent]
WRONG = ("old-disk-away", "replica-damaged")
WAITS = "waiting for it, at most"


@pytest.fixture(scope="module")
def site():
    with agent_site() as (rig, machine):
        yield rig, machine


def begun(rig, verb, request):
    with rig.client() as vault:
        return vault.machines.start(verb, request).id


def newest(rig, verb):
    with rig.client() as vault:
        return next((each for each in vault.jobs.list() if each.verb == verb.value), None)


def waits(rig, job_id):
    with rig.client() as vault:
        return any(WAITS in task.sentence for task in vault.jobs[job_id].show().tasks)


def ended(rig, job_id):
    with rig.client() as vault:
        return vault.jobs[job_id].show().ended_at


def told_until(rig, is_so):
    """What is called gone or damaged meanwhile."""
    told: set[str] = set()

    def look():
        told.update(each.what for each in rig.machine(NAME).findings if each.code in WRONG)
        return is_so()

    eventually(look, 2 * PATIENCE)
    return told


def test_a_cancel_waits_for_the_agent_and_the_machine_works_on_protected(site):
    rig, machine = site
    command_line.do(rig, "enable-protection", NAME, "--source", "a", "--target", "b", "--policy", "quick")
    rig.new_points(NAME, 1, PATIENCE)
    moves = begun(rig, Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=[NAME]))
    with rig.client() as vault:
        eventually(lambda: vault.jobs[moves].show().tasks[1].started_at, PATIENCE)
    machine.kill()
    assert rig.wait_for_job(moves).state == "failed"
    cancel = eventually(lambda: newest(rig, Verb.CANCEL_FAILOVER), PATIENCE).id
    eventually(lambda: waits(rig, cancel), PATIENCE)
    machine.start()
    job = rig.wait_for_job(cancel, PATIENCE)
    assert job.state == "succeeded", rig.describe(job)
    assert rig.machine(NAME).state == "protected"


def test_a_reprotect_waits_for_a_rescue_system_that_was_there_before(site):
    rig, machine = site
    rig.new_points(NAME, 1, PATIENCE)
    rig.must(Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=[NAME]))
    machine.stop()
    rig.must(Verb.COMMIT, rest.Commit(machines=[NAME]))
    machine.rescue(rig, machine.agent_id)
    file = rig.home("appliance-a") / "fabric-work" / "rescued" / machine.agent_id / "sda"
    eventually(file.exists, PATIENCE)
    machine.kill()
    job = begun(rig, Verb.REPROTECT, rest.Reprotect(machines=[NAME]))
    eventually(lambda: waits(rig, job), PATIENCE)
    machine.rescue_again()
    job = rig.wait_for_job(job, PATIENCE)
    assert job.state == "succeeded", rig.describe(job)


def test_a_start_of_its_appliance_tells_of_no_disk_that_is_away(site):
    rig, machine = site
    rig.new_points(NAME, 1, PATIENCE)
    before = rig.machine(NAME).points
    machine.kill()
    rig.appliances["a"].kill()
    rig.appliances["a"].start()
    rig.wait_connected(PATIENCE, "a")
    told = told_until(rig, lambda: "old-disks.awaited" in log(rig))
    machine.rescue_again()
    told |= told_until(rig, lambda: rig.machine(NAME).points != before)
    assert told == set()


def test_at_home_its_disks_are_no_old_ones_any_more(site):
    rig, machine = site
    machine.starts_once_rescued()
    move = begun(rig, Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=[NAME]))
    told = told_until(rig, lambda: ended(rig, move))
    assert rig.wait_for_job(move).state == "succeeded"
    since = len(log(rig))
    rig.appliances["a"].kill()
    rig.appliances["a"].start()
    rig.wait_connected(PATIENCE, "a")
    rig.must(Verb.COMMIT, rest.Commit(machines=[NAME]))
    told |= told_until(rig, lambda: True)
    assert told == set()
    assert "cycle.not-applied" not in log(rig)[since:]


def log(rig):
    return rig.logs()["appliance-a.log"]
