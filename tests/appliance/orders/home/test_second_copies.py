"""Somebody defines a machine again at home, or another one on its disks, while it runs at the other site
and its replica at home stands on them. Nothing told of it, and a start damaged each point."""

import dataclasses
import shutil
import subprocess
from pathlib import Path

import pytest

from rig.appliances import Pair
from rig.appliances.runs import fail_over, start, turned
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.target.second_copies import copies, watch
from secondsite.datapath.disks import image_locks
from secondsite.fabrics.interface import Concern, PowerState
from secondsite.ground.units import KiB, MiB
from secondsite.wire.control.checks import CheckTarget
from secondsite.wire.control.orders import Kind, ShutDown
from secondsite.wire.control.setups import Base

pytestmark = pytest.mark.slow

RUNS, DEFINED = watch.RUNS, watch.DEFINED
IN_USE = "replica-in-use"


@pytest.fixture
def returning(sites):
    """The machine runs at b and is protected back to a, onto its old disks: the way back, and what it was
    at a."""
    a, b = sites
    pair = Pair(a, b, a.make_machine())
    a.write(pair.fabric_id, 0, noise(2 * MiB))
    pair.protect().synchronized()
    before = a.fabric.inventory.get(pair.fabric_id).definition
    there = fail_over(pair, pair.point_now())
    a.do(Kind.SHUT_DOWN, ShutDown(fabric_id=pair.fabric_id), pair.machine_id)
    return turned(pair, there), before


def seen_as(way, definition, power):
    """What is told where its hypervisor says this of it: a simulated disk has one opener."""
    seen = [
        dataclasses.replace(
            each, machine=dataclasses.replace(each.machine, power=power), files=on(each, power)
        )
        for each in listed(way)
        if each.machine.name == definition.name
    ]
    hosted = way.target.appliance.host.get(way.machine_id)
    way.target.appliance.second_copies.compare(hosted, seen)
    return of_copies(way)


def listed(way):
    found = [copies.seen(way.target.fabric, each) for each in way.target.fabric.inventory.list()]
    return [each for each in found if each is not None]


def on(seen, power):
    return tuple((dataclasses.replace(disk, now=power.is_on), *more) for disk, *more in seen.files)


def told(way):
    way.target.appliance.second_copies.look()
    return of_copies(way)


def of_copies(way):
    return {each.code: each.what for each in way.status().findings if each.code in (RUNS, DEFINED)}


def defined(way, definition, tag):
    way.target.fabric.hosting.restore(definition, tag)


def test_a_machine_that_is_defined_again_at_home_is_told_and_does_not_start_with_its_host(returning):
    way, before = returning
    assert told(way) == {}
    defined(way, before, way.machine_id)
    assert set(told(way)) == {DEFINED}
    assert "never its disks" in told(way)[DEFINED]
    assert way.target.fabric.inventory.get(before.fabric_id).start_forbidden
    way.target.fabric.hosting.withdraw(before.fabric_id, way.machine_id)
    assert told(way) == {}


@pytest.mark.parametrize("same_id", [True, False], ids=["its id", "another id"])
def test_one_that_runs_on_its_old_disks_is_told_as_a_second_copy_and_what_to_do(returning, same_id):
    way, before = returning
    changes = {} if same_id else {"fabric_id": before.fabric_id[::-1], "name": "copied"}
    other = before.model_copy(update=changes)
    defined(way, other, None)
    if same_id:
        answer = way.target.do(
            Kind.CHECK_TARGET, CheckTarget(fabric_id=other.fabric_id, name="web01"), way.machine_id
        )
        advice = [each["do"] for each in answer["obstacles"] if "has the id" in each["what"]]
        assert "never its disks" in advice[0]
    found = seen_as(way, other, PowerState.RUNNING)
    assert "virsh destroy" in found[RUNS]
    assert "never its disks" in found[RUNS]
    # the replica's own daemon writes there: that is no second copy
    assert set(seen_as(way, other, PowerState.ELSEWHERE)) == {DEFINED}
    assert set(told(way)) == {DEFINED}


@pytest.mark.parametrize("way_there", ["link", "dots"])
def test_another_path_to_its_disk_is_told_as_well(returning, tmp_path, way_there):
    way, before = returning
    (disk,) = before.disks
    link = tmp_path / "link.qcow2"
    link.symlink_to(disk.path)
    path = str(link) if way_there == "link" else disk.path.replace("/", "//").replace("//", "/./", 1)
    other = before.model_copy(
        update={
            "fabric_id": before.fabric_id[::-1],
            "name": "copied",
            "disks": (disk.model_copy(update={"path": path}),),
        }
    )
    defined(way, other, None)
    assert path in seen_as(way, other, PowerState.RUNNING)[RUNS]
    assert path in told(way)[DEFINED]


def test_a_drill_of_the_replica_is_no_second_copy(returning):
    way, _ = returning
    drill = start(way, "drill", way.point_now())
    (found,) = listed(way)
    assert found.machine.fabric_id == drill["fabric_id"]
    left = watch.left_for(way.target.appliance.state, way.target.appliance.host.get(way.machine_id))
    assert left is not None
    assert not found.files[0][2].isdisjoint(left.tops), "it reads the old disk"
    assert told(way) == {}


def test_after_an_alternate_reprotect_the_old_machine_is_told_of_though_nothing_stands_on_its_disks(sites):
    a, b = sites
    pair = Pair(a, b, a.make_machine())
    a.write(pair.fabric_id, 0, noise(2 * MiB))
    pair.protect().synchronized()
    before = a.fabric.inventory.get(pair.fabric_id).definition
    there = fail_over(pair, pair.point_now())
    a.do(Kind.SHUT_DOWN, ShutDown(fabric_id=pair.fabric_id), pair.machine_id)
    way = turned(pair, there, base=Base.EMPTY)
    assert told(way) == {}
    defined(way, before, None)
    assert "never its disks" in told(way)[DEFINED]
    assert "the replica stands on" not in told(way)[DEFINED]
    running = seen_as(way, before, PowerState.RUNNING)[RUNS]
    assert "the machine's old disks" in running
    assert "virsh destroy" in running
    answer = way.target.do(
        Kind.CHECK_TARGET, CheckTarget(fabric_id=before.fabric_id, name="web01"), way.machine_id
    )
    (obstacle,) = [each for each in answer["obstacles"] if "has the id" in each["what"]]
    assert "never its disks" in obstacle["do"]


def test_another_machine_in_the_place_of_an_old_disk_that_its_owner_deleted_is_no_copy(sites):
    a, b = sites
    pair = Pair(a, b, a.make_machine())
    pair.protect().synchronized()
    before = a.fabric.inventory.get(pair.fabric_id).definition
    there = fail_over(pair, pair.point_now())
    a.do(Kind.SHUT_DOWN, ShutDown(fabric_id=pair.fabric_id), pair.machine_id)
    way = turned(pair, there, base=Base.EMPTY)
    fresh = before.model_copy(update={"fabric_id": before.fabric_id[::-1], "name": "fresh"})
    defined(way, fresh, None)
    assert set(told(way)) == {DEFINED}
    for disk in before.disks:
        new = Path(f"{disk.path}.new")
        shutil.copy(disk.path, new)
        new.replace(disk.path)
    assert told(way) == {}


def test_a_file_that_another_program_has_open_is_told_as_that_until_it_is_closed(returning):
    way, before = returning
    way.target.stop()
    holder = subprocess.Popen(
        ["qemu-io", "-f", "qcow2", before.disks[0].path], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    try:
        eventually(lambda: image_locks.is_written(Path(before.disks[0].path)), 20)
        way.target.start()
        way.source.write(way.fabric_id, 0, noise(64 * KiB))
        eventually(lambda: IN_USE in codes(way), 60)
        eventually(lambda: "peer-unreachable" not in [each.code for each in way.source_status().findings], 30)
        assert "replica-damaged" not in codes(way)
        (what,) = [each.what for each in way.status().findings if each.code == IN_USE]
        assert before.disks[0].path in what
    finally:
        holder.communicate(timeout=20)
    eventually(lambda: IN_USE not in codes(way), 90)


def codes(way):
    return [each.code for each in way.status().findings]


def test_who_comes_with_the_identity_of_one_that_comes_home_is_told_until_it_is_gone(returning, monkeypatch):
    way, before = returning
    second_copies, inventory = way.target.appliance.second_copies, way.target.fabric.inventory
    told = [Concern("machine-doubled", "Its old server was switched on."), Concern("machine-silent", "")]
    monkeypatch.setattr(inventory, "concerns", lambda each: told if each == before.fabric_id else ())
    second_copies.look()
    hosted = way.target.appliance.host.get(way.machine_id)
    assert [each.code for each in hosted.findings.all()] == ["machine-doubled"]
    told.clear()
    with hosted.try_lock("an order that waits for the machine") as locked:
        assert locked
        second_copies.look()
    assert not hosted.findings.all()
