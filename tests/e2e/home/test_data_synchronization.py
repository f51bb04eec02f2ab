"""Both data synchronizations of a failback that was not prepared, on simulated sites: what runs at home is
what ran away, bit for bit."""

import os
from pathlib import Path

import pytest

from rig import Rig, guest_disk, images
from rig.eventually import eventually
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics.interface import PowerState
from secondsite.fabrics.simulated import open_fabric
from secondsite.ground.units import MiB
from secondsite.wire import rest
from tests.support import command_line, policies

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(240)]
DISK_BYTES = 16 * MiB
SHOP, MAIL, LOG = ("shop-db", "shop-web"), ("mail-db", "mail-web"), ("log-db", "log-web")
"""The machines of three plans, each in two groups."""


@pytest.fixture(scope="module")
def rig():
    with Rig("simulated", forked=True) as rig:
        rig.open(furnish=lambda site: furnish(rig) if site == "a" else None)
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        yield rig


def furnish(rig):
    for name in ("web01", "db01", "burnt", *SHOP, *MAIL, *LOG):
        rig.make_simulated(name, disk_bytes=(DISK_BYTES,)).write(0, os.urandom(4 * MiB))


def evidence(rig):
    """All that is kept, as documents."""
    with rig.client() as vault:
        return [vault.evidence.show(each.id).evidence for each in vault.evidence.list()]


def running(rig, name):
    """Host and fabric id of each copy that runs."""
    found = []
    for site in ("a", "b"):
        host = rig.home(f"appliance-{site}") / "fabric"
        machines = open_fabric(host).inventory.list()
        found += [
            (site, host, each.fabric_id)
            for each in machines
            if each.name == name and each.power is PowerState.RUNNING
        ]
    return found


def away(rig, name, *how):
    """At b since a disaster, with writes of its own; at a lie writes that were never sent, and the file
    that has them. `how` it was failed over, if not with a shutdown."""
    command_line.do(rig, "enable-protection", name, "--source", "a", "--target", "b", "--policy", "quick")
    rig.new_points(name)
    there = open_fabric(rig.simulated[name].host).inventory.get(rig.simulated[name].fabric_id)
    assert there is not None
    own = Path(there.definition.disks[0].path)
    command_line.do(rig, "failover", name, *(how or ("--shut-down",)))
    command_line.do(rig, "commit", name)
    if how:
        return None
    ((site, host, fabric_id),) = running(rig, name)
    assert site == "b"
    guest_disk.write(host, fabric_id, 2 * MiB, os.urandom(4 * MiB))
    guest_disk.write(host, fabric_id, 8 * MiB, bytes(MiB))
    return (host, fabric_id), own


def test_before_the_failover_it_runs_on_until_somebody_answers(rig):
    (host, fabric_id), _ = away(rig, "web01")
    with rig.client() as vault:
        told = vault.machines["web01"].reprotect_preview()
        assert (told.data_sync, told.data_sync_because) != (None, "")
        job = vault.machines["web01"].planned_failover(data_sync="before").id
        eventually(lambda: vault.jobs[job].show().waits_for_person, 60)
    ((site, *_),) = running(rig, "web01")
    assert (site, rig.machine("web01").state) == ("b", "protected")
    guest_disk.write(host, fabric_id, 12 * MiB, os.urandom(MiB))
    last = guest_disk.read(host, fabric_id)
    assert command_line.told(rig, "job", "answer", job, "complete")["id"] == job
    assert rig.wait_for_job(job).state == "succeeded"
    ((site, *home),) = running(rig, "web01")
    assert site == "a"
    assert guest_disk.read(*home) == last


def test_with_nothing_of_its_disks_left_one_command_makes_it_there_and_brings_it_home(rig):
    (host, fabric_id), own = away(rig, "burnt")
    own.unlink()
    with rig.client() as vault:
        how = {"data_sync": "before", "location": "alternate"}
        job = vault.machines["burnt"].planned_failover(**how).id
        eventually(lambda: vault.jobs[job].show().waits_for_person, 60)
    ((site, *_),) = running(rig, "burnt")
    assert (site, rig.machine("burnt").state) == ("b", "protected")
    guest_disk.write(host, fabric_id, 12 * MiB, os.urandom(MiB))
    last = guest_disk.read(host, fabric_id)
    command_line.told(rig, "job", "answer", job, "complete")
    assert rig.wait_for_job(job).state == "succeeded"
    ((site, *home),) = running(rig, "burnt")
    assert site == "a"
    assert guest_disk.read(*home) == last


def test_during_the_failover_everything_goes_to_new_disks_and_the_old_ones_are_not_touched(rig):
    place, own = away(rig, "db01")
    last, old = guest_disk.read(*place), images.digest(own)
    job = command_line.do(rig, "planned-failover", "db01", "--data-sync", "during")
    ((site, *home),) = running(rig, "db01")
    assert site == "a"
    assert guest_disk.read(*home) == last
    assert images.digest(own) == old
    command_line.do(rig, "commit", "db01")
    assert guest_disk.read(*home) == last
    command_line.do(rig, "reprotect", "db01")
    (kept,) = eventually(lambda: [each for each in evidence(rig) if each["job"]["id"] == job["id"]], 40)
    (machine,) = kept["machines"]
    assert machine["rto_started_seconds"] > 0


def plan_of(rig, name, machines):
    with rig.client() as vault:
        vault.plans.create(name, [rest.PlanGroupChange(machines=(each,)) for each in machines])


def connected(rig, site):
    with rig.client() as vault:
        return any(each.connected for each in vault.appliances if each.site == site)


def at_home(rig, machines):
    """What the disk of each holds, all of which run at home and nowhere else."""
    found = {name: running(rig, name) for name in machines}
    assert [[site for site, *_ in each] for each in found.values()] == [["a"], ["a"]]
    return {name: guest_disk.read(*home) for name, ((_, *home),) in found.items()}


def test_a_plan_that_is_synchronized_before_comes_home_by_one_answer_and_loses_nothing(rig):
    places = {name: away(rig, name)[0] for name in SHOP}
    plan_of(rig, "shop", SHOP)
    with rig.client() as vault:
        found = vault.plans["shop"].preview(Verb.PLANNED_FAILOVER, data_sync="before")
        told = [each.synchronization for group in found.groups for each in group.machines]
        assert [(each.ready, each.data_sync_because != "") for each in told] == [(True, True)] * 2
        asked = rest.PlanPlannedFailover(data_sync="before")
        job = vault.plans["shop"].run(Verb.PLANNED_FAILOVER, asked).id
        eventually(lambda: vault.jobs[job].show().waits_for_person, 60)
    assert [(running(rig, name)[0][0], rig.machine(name).state) for name in SHOP] == [("b", "protected")] * 2
    for host, fabric_id in places.values():
        guest_disk.write(host, fabric_id, 12 * MiB, os.urandom(MiB))
    last = {name: guest_disk.read(*place) for name, place in places.items()}
    command_line.told(rig, "job", "answer", job, "complete")
    assert rig.wait_for_job(job).state == "succeeded"
    assert at_home(rig, SHOP) == last
    (kept,) = eventually(lambda: [each for each in evidence(rig) if each["job"]["id"] == job], 40)
    assert {each["name"] for each in kept["machines"]} == set(SHOP)


def test_a_plan_that_is_synchronized_during_comes_home_group_after_group_and_loses_nothing(rig):
    last = {name: guest_disk.read(*away(rig, name)[0]) for name in MAIL}
    plan_of(rig, "mail", MAIL)
    during = ("plan", "planned-failover", "mail", "--data-sync", "during")
    rig.appliances["a"].kill()
    eventually(lambda: not connected(rig, "a"), 60)
    assert "has no connection" in command_line.refused(rig, *during, exit_code=4)["message"]
    assert [running(rig, name)[0][0] for name in MAIL] == ["b", "b"]
    rig.appliances["a"].start()
    rig.wait_connected()
    job = command_line.told(rig, *during)
    assert job["state"] == "succeeded"
    assert at_home(rig, MAIL) == last
    (kept,) = eventually(lambda: [each for each in evidence(rig) if each["job"]["id"] == job["id"]], 40)
    assert {each["name"] for each in kept["machines"]} == set(MAIL)
    assert kept["plan"]["rto_seconds"] > 0


def test_an_old_copy_that_runs_on_in_a_late_group_keeps_the_first_from_being_shut_down(rig):
    """The first groups had been moved when the last one's job refused: the plan lay at two sites."""
    away(rig, LOG[0])
    away(rig, LOG[1], "--while-running", LOG[1])
    plan_of(rig, "log", LOG)
    eventually(lambda: len(running(rig, LOG[1])) == 2, 30)
    with rig.client() as vault:
        found = vault.plans["log"].preview(Verb.PLANNED_FAILOVER, data_sync="during")
        told = [each.synchronization for group in found.groups for each in group.machines]
    assert [each.ready for each in told] == [True, False]
    assert "its old copy is running" in told[1].obstacles[0].what
    during = ("plan", "planned-failover", "log", "--data-sync", "during")
    assert "its old copy is running" in command_line.refused(rig, *during, exit_code=4)["message"]
    assert running(rig, LOG[0])[0][0] == "b"
