"""Simulated machines come home to another place than they left: their old copy, its disks, or the whole
host with its appliance is gone."""

import hashlib
import os

import pytest

from rig import Rig, guest_disk
from rig.eventually import eventually
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics.interface import PowerState
from secondsite.fabrics.simulated.host.host import Host
from secondsite.ground.units import MiB
from secondsite.wire import rest
from tests.support import command_line, policies

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(240)]

NAMES = ("deleted", "burnt", "web01", "db01")
NEW_LAN = "new-lan"


@pytest.fixture(scope="module")
def rig():
    with Rig("simulated", forked=True) as rig:
        rig.open()
        for name in NAMES:
            rig.make_simulated(name, disk_bytes=(16 * MiB,))
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        command_line.do(
            rig, "enable-protection", *NAMES, "--source", "a", "--target", "b", "--policy", "quick"
        )
        yield rig


def host(rig, name):
    return Host(rig.home(f"appliance-{name}") / "fabric")


def at(rig, where, name):
    """The machine's record at a host, or None."""
    return next((each for each in host(rig, where).records.all() if each.definition.name == name), None)


def running(rig, name):
    """The hosts on which it runs."""
    found = {where: at(rig, where, name) for where in rig.appliances}
    return [
        where
        for where, record in found.items()
        if record is not None and host(rig, where).state(record) is PowerState.RUNNING
    ]


def disk_of(rig, where, name):
    record = at(rig, where, name)
    return guest_disk.read(host(rig, where).root, record.fabric_id)


def digest(rig, where, name):
    return hashlib.sha256(disk_of(rig, where, name)).hexdigest()


def writes(rig, name, text):
    """As its guest at b."""
    guest_disk.write(host(rig, "b").root, at(rig, "b", name).fabric_id, 0, text.ljust(512))


def offered(rig, *names):
    found = command_line.told(rig, "machine", "appliances", "web01")["appliances"]
    by_name = {each["name"]: each for each in found}
    return [by_name[name] for name in names]


def preview(rig, **how):
    with rig.client() as vault:
        return vault.machines["web01"].reprotect_preview(**how)


def moves_to_b(rig, *names):
    for verb in ("planned-failover", "commit"):
        command_line.do(rig, verb, *names)
    for name in names:
        assert running(rig, name) == ["b"]


def comes_home(rig, name, where):
    """By a planned failover, with every byte that b's disk had."""
    rig.new_points(name)
    written = digest(rig, "b", name)
    command_line.do(rig, "planned-failover", name)
    assert running(rig, name) == [where]
    assert digest(rig, where, name) == written
    command_line.do(rig, "commit", name)
    assert running(rig, name) == [where]


def test_which_appliances_could_hold_a_first_replica_is_told_before(rig):
    rig.make_simulated("new01", disk_bytes=(MiB,))
    found = command_line.told(
        rig, "machine", "appliances", "new01", "--source", "a", "--target", "b", "--encrypt"
    )
    (only,) = found["appliances"]
    assert (found["site"], only["name"], only["chosen"], only["fits"]) == ("b", "appliance-b", True, False)
    assert "cannot encrypt" in str(only["obstacles"])
    plain = command_line.told(rig, "machine", "appliances", "new01", "--source", "a", "--target", "b")
    assert plain["appliances"][0]["fits"]


def test_onto_its_old_disks_a_machine_that_was_deleted_at_home_is_refused_by_name_with_the_way_on(rig):
    moves_to_b(rig, "deleted", "burnt")
    old = at(rig, "a", "deleted")
    host(rig, "a").records.delete(old.fabric_id)
    for path in (old.definition.disks[0].path, at(rig, "a", "burnt").definition.disks[0].path):
        open(path, "wb").close()
    writes(rig, "deleted", b"written at b")
    writes(rig, "burnt", b"written at b too")
    for name, why in (("deleted", "is not here"), ("burnt", "cannot be read")):
        job = command_line.do(rig, "reprotect", name, exit_code=1)
        said = job["tasks"][0]["problem"]["message"]
        assert why in said
        assert "--location alternate" in said
        assert rig.machine(name).state == "committed"
    assert at(rig, "a", "burnt") is not None, "nothing was withdrawn for what could not succeed"


def test_a_machine_that_was_deleted_there_comes_home_to_new_disks_with_the_same_appliance(rig):
    command_line.do(rig, "reprotect", "deleted", "--location", "alternate")
    comes_home(rig, "deleted", "a")
    assert [nic.network for nic in at(rig, "a", "deleted").definition.nics] == [rig.bridge("a")]


def test_one_whose_disk_was_destroyed_comes_home_as_it_was_on_new_disks(rig):
    before = at(rig, "a", "burnt").definition
    command_line.do(rig, "reprotect", "burnt", "--location", "alternate")
    comes_home(rig, "burnt", "a")
    now = at(rig, "a", "burnt").definition
    assert (now.fabric_id, now.nics, now.vcpus) == (before.fabric_id, before.nics, before.vcpus)
    command_line.do(rig, "reprotect", "burnt")
    rig.new_points("burnt")
    assert rig.machine("burnt").source_site == "a"


def test_with_the_host_its_appliance_is_lost_and_a_new_one_with_another_network_is_asked_to_map_it(rig):
    for name in ("web01", "db01"):
        rig.new_points(name)
    rig.lose("a")
    for verb in ("failover", "commit"):
        command_line.do(rig, verb, "web01", "db01")
    writes(rig, "web01", b"written at b while a was gone")
    rig.add_host("a", network=NEW_LAN, while_away=True)
    alternate = ("--location", "alternate", "--target-appliance", "appliance-a2")
    lost, new = offered(rig, "appliance-a", "appliance-a2")
    assert (lost["fits"], lost["chosen"], lost["had_the_machine"], lost["original"]) == (
        False,
        True,
        True,
        False,
    )
    assert "no connection" in lost["why_not_original"]
    assert (new["fits"], new["most_disks_home"], new["disks_coming_home"]) == (False, 60, 0)
    assert new["seconds_to_reach"] > 0
    before = preview(rig, location="alternate", target_appliance="appliance-a2")
    assert (before.ready, before.appliance) == (False, "appliance-a2")
    assert [each.what for each in before.obstacles] == [each["what"] for each in new["obstacles"]]
    job = command_line.do(rig, "reprotect", "web01", *alternate, exit_code=1)
    said = job["tasks"][0]["problem"]["message"]
    assert f"There is no network '{rig.bridge('a')}' here" in said
    assert "secondsite mapping create" in said
    command_line.told(rig, "mapping", "create", f"b/{rig.bridge('b')}", f"a/{NEW_LAN}")
    shown = " ".join(rig.cli("machine", "appliances", "web01").stdout.split())
    assert "appliance-a2" in shown
    assert "0 of 60 disks" in shown
    assert "appliance-a had the machine: its old disks cannot be used" in shown
    assert offered(rig, "appliance-a2")[0]["fits"]
    assert preview(rig, location="alternate", target_appliance="appliance-a2").ready
    assert not preview(rig).ready
    command_line.do(rig, "reprotect", "web01", *alternate)
    machine = rig.machine("web01")
    assert (machine.source_appliance, machine.target_appliance) == ("appliance-b", "appliance-a2")


def test_it_comes_home_to_the_new_host_and_is_protected_from_there(rig):
    comes_home(rig, "web01", "a2")
    assert [nic.network for nic in at(rig, "a2", "web01").definition.nics] == [NEW_LAN]
    command_line.do(rig, "reprotect", "web01")
    rig.new_points("web01")
    assert rig.machine("web01").source_appliance == "appliance-a2"


def test_a_machine_that_exists_at_the_new_place_is_not_overwritten(rig):
    record = at(rig, "b", "db01")
    there = record.definition.model_copy(
        update={"fabric_id": rig.simulated["db01"].fabric_id, "name": "somebody-elses"}
    )
    host(rig, "a2").records.save(record.having(definition=there, tag=None, runs_in=None, nodes={}))
    alternate = ("--location", "alternate", "--target-appliance", "appliance-a2")
    job = command_line.do(rig, "reprotect", "db01", *alternate, exit_code=1)
    assert "Another machine at this site has the id" in job["tasks"][0]["problem"]["message"]
    host(rig, "a2").records.delete(there.fabric_id)


def test_both_appliances_are_killed_in_the_middle_of_the_copy_and_it_goes_on(rig):
    writes(rig, "db01", os.urandom(8 * MiB))
    alternate = rest.Reprotect(machines=("db01",), location="alternate", target_appliance="appliance-a2")
    with rig.client() as vault:
        vault.sites["b"].limit(MiB)
        job = vault.machines.start(Verb.REPROTECT, alternate)
        eventually(lambda: _is_sending(vault, job.id), within_seconds=60)
        for dies in ("b", "a2"):
            rig.appliances[dies].kill()
            rig.appliances[dies].start()
        assert vault.jobs[job.id].show().ended_at is None
        vault.sites["b"].limit(None)
    assert rig.wait_for_job(job.id).state == "succeeded"
    comes_home(rig, "db01", "a2")


def _is_sending(vault, job_id):
    tasks = {task.name: task for task in vault.jobs[job_id].show().tasks}
    return tasks["Synchronize"].state == "running"


def test_the_old_copies_of_the_host_that_was_lost_give_way_when_it_returns(rig):
    assert {"web01", "db01"} <= {each.definition.name for each in host(rig, "a").records.all()}
    rig.appliances["a"].start()
    rig.wait_connected()
    eventually(lambda: at(rig, "a", "web01") is None and at(rig, "a", "db01") is None, within_seconds=60)
    assert running(rig, "web01") == ["a2"]
