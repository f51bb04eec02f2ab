"""Three hosts of a site keep their stores side by side on one file system: a plan starts ten machines where
its preview says; of a host that dies in the middle the others take the machines over, and none runs twice."""

import json
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rig import Rig
from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics import simulated
from secondsite.ground.units import GiB, MiB
from tests.e2e.support_simulated_sites import hosts_that_run
from tests.support import policies

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(900)]

HOSTS = ("b", "b2", "b3")
FIRST = tuple(f"m{number:02d}" for number in range(10))
SECOND = tuple(f"n{number:02d}" for number in range(10))
LATE, PLAN = "late01", "all"
NAMED, PLANNED = "named01", "planned01"
SEVERAL = tuple(f"s{number:02d}" for number in range(9))


@pytest.fixture(scope="module")
def rig():
    folder = Path(tempfile.mkdtemp(prefix="secondsite-", dir="/var/tmp"))
    options = {host: ["--store", str(folder / "shared" / host)] for host in HOSTS}
    with Rig("simulated", folder, forked=True, appliance_options=options) as rig:

        def furnish(host):
            if host.startswith("b"):
                simulated.give_host_memory(rig.home(f"appliance-{host}") / "fabric", 24 * GiB)

        rig.open(furnish=furnish)
        for _ in HOSTS[1:]:
            rig.add_host("b", furnish)
        for name in (*FIRST, *SECOND, LATE, NAMED, PLANNED, *SEVERAL):
            rig.make_simulated(name, disk_bytes=(MiB,))
        with rig.client() as vault:
            vault.policies.create(
                **policies.quick(cycle_seconds=2, crash_consistent_every_seconds=60).model_dump()
            )
            eventually(lambda: all(_sees(each) for each in vault.appliances if each.site == "b"), 90)
        yield rig


def _sees(appliance):
    return appliance.capacity is not None and len(appliance.reaches) == len(HOSTS) - 1


def protect(rig, names, **options):
    with rig.client() as vault:
        job = vault.machines[names].enable_protection("a", "b", policy="quick", **options)
        assert job.wait(300).state == "succeeded"


def places(rig, names):
    with rig.client() as vault:
        return {each.name: each.target_appliance for each in vault.machines if each.name in names}


def running(rig, name):
    """The hosts at which a copy of the machine runs, as these say themselves."""
    return hosts_that_run(rig, HOSTS, name)


def preview(rig, plan=PLAN):
    with rig.client() as vault:
        seen = vault.plans[plan].preview(verb=Verb.FAILOVER)
    return {each.name: each for group in seen.groups for each in group.machines}


def test_ten_machines_start_at_the_hosts_that_the_preview_shows(rig):
    protect(rig, FIRST)
    with rig.client() as vault:
        vault.plans.create(PLAN, [{"machines": list(FIRST)}])
    shown = preview(rig)
    assert set(Counter(each.host for each in shown.values()).values()) == {3, 4}
    assert all(len(each.other_hosts) == len(HOSTS) - 1 for each in shown.values())
    with rig.client() as vault:
        assert vault.plans[PLAN].run(Verb.FAILOVER).wait(300).state == "succeeded"
    for name in FIRST:
        assert [f"appliance-{host}" for host in running(rig, name)] == [shown[name].host]


def test_the_machines_of_a_host_that_dies_in_the_middle_start_at_the_others(rig):
    protect(rig, SECOND)
    protect(rig, (LATE,), target_appliance="appliance-b2")
    before = places(rig, SECOND)
    lost = [name for name, at in before.items() if at == "appliance-b2"]
    assert lost
    with rig.client() as vault:
        vault.plans[PLAN].delete()
        kept = [name for name in SECOND if name not in lost]
        vault.plans.create(PLAN, [{"machines": kept[:3]}, {"machines": [*kept[3:], *lost]}])
        job = vault.plans[PLAN].run(Verb.FAILOVER)
        eventually(lambda: running(rig, kept[0]), 60)
        rig.lose("b2")
    done = rig.wait_for_job(job.id, 400)
    assert done.state == "succeeded", _told(rig, done)
    after = places(rig, SECOND)
    for name in SECOND:
        there = [host for host in running(rig, name) if host != "b2"]
        assert [f"appliance-{host}" for host in there] == [after[name]]
        assert after[name] != "appliance-b2"
    assert all(after[name] == before[name] for name in kept)


def _told(rig, job):
    with rig.client() as vault:
        below = [each for each in vault.jobs.list() if each.state == "failed"]
        return "\n".join(rig.describe(vault.jobs[each.id].show()) for each in (job, *below))


def test_the_check_of_another_of_its_machines_says_which_host_takes_its_place(rig):
    with rig.client() as vault:
        found = vault.machines[LATE].preflight()
        assert found.ready
        assert any("takes its place" in each.what for each in found.obstacles)
        assert vault.machines[LATE].failover().wait(120).state == "succeeded"
    assert len([host for host in running(rig, LATE) if host != "b2"]) == 1


def test_the_lost_host_starts_nothing_when_it_is_back(rig):
    rig.appliances["b2"].start()
    rig.wait_connected()
    eventually(lambda: all(len(running(rig, name)) == 1 for name in SECOND), 60)
    with rig.client() as vault:
        mine = [name for name, at in places(rig, SECOND).items() if at == "appliance-b2"]
        assert mine == []
        findings = {each.code for each in vault.machines[SECOND[0]].show().findings}
        assert "replica-missing" not in findings


def test_a_failover_and_a_drill_start_where_they_are_told_to(rig):
    protect(rig, (NAMED,), target_appliance="appliance-b")
    with rig.client() as vault:
        eventually(lambda: all(_sees(each) for each in vault.appliances if each.site == "b"), 90)
        machine = vault.machines[NAMED]
        assert machine.test_failover(target_appliance="appliance-b3").wait(120).state == "succeeded"
        assert machine.cleanup_test_failover().wait(120).state == "succeeded"
        assert machine.show().target_appliance == "appliance-b3"
        job = eventually(lambda: _failed_over(machine, "appliance-b2"), 60)
        assert job.wait(120).state == "succeeded"
    assert running(rig, NAMED) == ["b2"]


def _failed_over(machine, host):
    """The job; None until the host has seen that the other one has the replica now."""
    try:
        return machine.failover(target_appliance=host)
    except errors.NotPossibleNow:
        return None


def test_a_drained_host_gives_what_does_not_run_there_and_names_the_rest(rig):
    protect(rig, (PLANNED,), target_appliance="appliance-b")
    with rig.client() as vault:
        drained = vault.appliances["appliance-b"].drain()
        assert any(each.startswith("run there after a failover, and stay: ") for each in drained.stays)
        done = vault.jobs[drained.job_id].wait(120)
        assert done.sentence.startswith("1 of 1 replica moved to other hosts"), _told(rig, done)
        assert vault.machines[PLANNED].show().target_appliance in ("appliance-b2", "appliance-b3")
        vault.appliances["appliance-b"].resume()


def test_three_drains_at_once_leave_no_machine_that_cannot_be_failed_over(rig):
    """The record named one host and the store another: no verb started such a machine any more."""
    protect(rig, SEVERAL)
    with rig.client() as vault:
        drained = [vault.appliances[f"appliance-{host}"].drain() for host in HOSTS]
        for each in drained:
            if each.job_id is not None:
                vault.jobs[each.job_id].wait(300, must_succeed=False)
        for host in HOSTS:
            vault.appliances[f"appliance-{host}"].resume()
    eventually(lambda: places(rig, SEVERAL) == owners(rig, SEVERAL), 120)
    since = datetime.now(UTC)
    eventually(lambda: all(rig.points(name)[-1].taken_at > since for name in SEVERAL), 120)
    with rig.client() as vault:
        drill = vault.machines[SEVERAL].test_failover().wait(300, must_succeed=False)
        assert drill.sentence.startswith("9 of 9 succeeded"), _told(rig, drill)
        assert vault.machines[SEVERAL].cleanup_test_failover().wait(300).state == "succeeded"


def owners(rig, names):
    """By machine, the host whose appliance has its replica, as its store says."""
    found = {}
    with rig.client() as vault:
        machines = {each.id: each.name for each in vault.machines if each.name in names}
        known = {each.id: each.name for each in vault.appliances}
    for host in HOSTS:
        for folder in (rig.folder / "shared" / host / "replicas").iterdir():
            if folder.name in machines:
                said = folder / "owner.json"
                at = json.loads(said.read_text())["appliance_id"] if said.exists() else None
                found[machines[folder.name]] = known[at] if at is not None else f"appliance-{host}"
    return found


def test_a_planned_failover_whose_target_host_is_dead_goes_on_at_another_without_a_loss(rig):
    lost = places(rig, (PLANNED,))[PLANNED].removeprefix("appliance-")
    rig.new_points(PLANNED, within_seconds=120)
    with rig.client() as vault:
        vault.plans.create("planned", [{"machines": [PLANNED]}])
    eventually(lambda: preview(rig, "planned")[PLANNED].other_hosts, 60)
    rig.lose(lost)
    with rig.client() as vault:
        done = vault.machines[PLANNED].planned_failover().wait(300)
    assert done.state == "succeeded", _told(rig, done)
    (host,) = [each for each in running(rig, PLANNED) if each != lost]
    assert places(rig, (PLANNED,)) == {PLANNED: f"appliance-{host}"}
