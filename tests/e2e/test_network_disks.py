"""A real guest on a disk that its QEMU reads over the network by itself, through its life: protected,
drilled, moved, and home again on new disks."""

import os
import signal

import pytest

import guestkit
from rig import images
from rig.eventually import eventually
from rig.machines import ISCSI, RBD
from tests.e2e import support_e2e as e2e
from tests.support import ceph, command_line

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(240)]
MiB = guestkit.MiB
WRITING = guestkit.Workload(records_per_second=10)
COMPARED_CYCLES = 11
"""Those that a comparison takes at least."""


@pytest.fixture(scope="module", params=[ISCSI, pytest.param(RBD, marks=pytest.mark.every)])
def rig(request):
    if request.param == RBD:
        ceph.require_programs()
    web01 = {"storage": request.param, "workload": WRITING, "filled_bytes": 44 * MiB}
    slices = {site: ["--slice-size", "4MiB"] for site in ("a", "b")}
    with e2e.guests_under({"web01": web01}, slices) as rig:
        places = ("--source", "a", "--target", "b", "--policy", "quick")
        command_line.do(rig, "enable-protection", "web01", *places)
        yield rig


def moved(rig, here, there):
    """By a planned failover, without loss, and without reading the disk again."""
    old, new = rig.console(here, "web01"), rig.console(there, "web01")
    boots = len(new.boots)
    command_line.do(rig, "planned-failover", "web01")
    before, last = rig.points("web01")[-2:]
    assert last.epoch == before.epoch
    assert last.seq - before.seq < COMPARED_CYCLES
    assert e2e.booted(new, boots + 1).verified_last == old.boots[-1].bye


def test_its_cycles_carry_what_was_written_and_no_more(rig):
    rig.new_points("web01", 3)
    assert rig.machine("web01").replication.last_cycle.changed_bytes < 4 * MiB
    assert rig.codes("web01") == {}


def test_a_point_is_the_disk_at_its_instant(rig):
    machine, guest = rig.machine("web01"), rig.guests["web01"]
    with e2e.standing_still(rig, "a", [guest.fabric_id]):
        held = images.digest(guest.contents[0])
        report = e2e.ask(rig, "a", "order", kind="run_cycle", machine_id=machine.id, payload={})
        assert report["problem"] is None, report
    point_id = report["facts"]["point_id"]
    eventually(lambda: any(point.id == point_id for point in rig.points("web01")), 30)
    assert images.point_digests(rig.replica_folder("b", machine.id), point_id) == {"vda": held}


def test_a_drill_boots_it(rig):
    command_line.do(rig, "test-failover", "web01")
    assert e2e.booted(rig.console("b", "web01-test"), 1).verified_last > 0
    command_line.do(rig, "cleanup-test-failover", "web01", "--notes", "boots")


def test_after_a_kill_it_is_compared_while_it_is_off(rig):
    (pid,) = rig.qemus("web01")
    os.kill(pid, signal.SIGKILL)
    machine, guest = rig.machine("web01"), rig.guests["web01"]
    eventually(lambda: e2e.ask(rig, "a", "power", machine=guest.fabric_id) == "off", 30)
    held = images.digest(guest.contents[0])
    point = rig.new_points("web01", 1, within_seconds=90)[-1]
    assert images.point_digests(rig.replica_folder("b", machine.id), point.id) == {"vda": held}


def test_its_next_start_is_compared_and_cycles_go_on(rig):
    fabric_id = rig.guests["web01"].fabric_id
    e2e.ask(rig, "a", "switch_on", machine=fabric_id)
    e2e.booted(rig.console("a", "web01"), 2)
    rig.new_points("web01", 2, within_seconds=90)
    eventually(lambda: rig.codes("web01") == {}, 60)


def test_a_planned_failover_loses_no_record(rig):
    moved(rig, "a", "b")
    command_line.do(rig, "commit", "web01")


def test_its_old_disk_is_no_base_and_it_comes_home_on_new_ones(rig):
    job = command_line.do(rig, "reprotect", "web01", exit_code=1)
    said = job["tasks"][0]["problem"]["message"]
    assert "network disk" in said
    assert "--location alternate" in said
    command_line.do(rig, "reprotect", "web01", "--location", "alternate")
    moved(rig, "b", "a")
    command_line.do(rig, "commit", "web01")
    command_line.do(rig, "reprotect", "web01")
    rig.new_points("web01", 2)
    [[path, form]] = e2e.ask(rig, "a", "disks", machine=rig.guests["web01"].fabric_id)
    assert path.startswith(str(rig.folder))
    assert form == "qcow2"
    assert rig.codes("web01") == {}
