"""A real guest on disks that keep no bitmaps (raw files, block devices, qcow2 files of version 2)
through its life: protected, drilled, moved, home again. What it wrote until it was moved is kept beside its
files, and what it wrote before it was killed is found by comparison."""

import contextlib
import json
import os
import signal

import pytest

import guestkit
from rig import loop_devices
from rig.eventually import eventually
from rig.images import qemu_img
from rig.machines import BLOCK, OLD_QCOW2
from tests.e2e import support_e2e as e2e
from tests.support import command_line

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(240)]
MiB = guestkit.MiB
WRITING = guestkit.Workload(records_per_second=10)
"""Beside content that no single cycle copies or compares."""
COMPARED_CYCLES = 11
"""Those that a comparison takes at least; with those that copy ahead there are fewer otherwise."""


@pytest.fixture(scope="module", params=("raw", BLOCK, OLD_QCOW2))
def rig(request):
    web01 = {"storage": request.param, "workload": WRITING, "filled_bytes": 44 * MiB}
    slices = {site: ["--slice-size", "4MiB"] for site in ("a", "b")}
    with e2e.guests_under({"web01": web01}, slices) as rig:
        places = ("--source", "a", "--target", "b", "--policy", "quick")
        command_line.do(rig, "enable-protection", "web01", *places)
        yield rig


def at(rig, site):
    return rig.console(site, "web01")


def described(rig):
    """What qemu-img takes the first disk for: its format, and the version of a qcow2 file."""
    told = json.loads(qemu_img("info", "-U", "--output=json", rig.guests["web01"].disks[0]))
    specific = told.get("format-specific", {}).get("data", {})
    return " ".join([told["format"], *([specific["compat"]] if "compat" in specific else [])])


def moved(rig, here, there):
    """By a planned failover, without loss, and without reading the disk again, which takes many cycles."""
    old, new = at(rig, here), at(rig, there)
    boots = len(new.boots)
    command_line.do(rig, "planned-failover", "web01")
    before, last = rig.points("web01")[-2:]
    assert last.epoch == before.epoch
    assert last.seq - before.seq < COMPARED_CYCLES
    assert e2e.booted(new, boots + 1).verified_last == old.boots[-1].bye


def test_its_cycles_carry_what_was_written_and_no_more(rig):
    rig.new_points("web01", 3)
    replication = rig.machine("web01").replication
    assert replication.last_cycle.changed_bytes < 4 * MiB
    assert replication.view.kind == "filter"
    assert rig.codes("web01") == {}


def test_a_drill_boots_it(rig):
    command_line.do(rig, "test-failover", "web01")
    assert e2e.booted(rig.console("b", "web01-test"), 1).verified_last > 0
    command_line.do(rig, "cleanup-test-failover", "web01", "--notes", "boots")


def test_its_disk_is_as_its_owner_made_it(rig):
    """A raw one is a file system, whose first kilobyte is the guest's to fill: that is no header."""
    assert described(rig) in ("raw", "qcow2 0.10")


def test_a_start_after_a_kill_is_compared_and_cycles_go_on(rig):
    (pid,) = rig.qemus("web01")
    os.kill(pid, signal.SIGKILL)
    fabric_id = rig.guests["web01"].fabric_id
    eventually(lambda: e2e.ask(rig, "a", "power", machine=fabric_id) == "off", 30)
    e2e.ask(rig, "a", "switch_on", machine=fabric_id)
    e2e.booted(at(rig, "a"), 2)
    rig.new_points("web01", 2, within_seconds=90)
    eventually(lambda: rig.codes("web01") == {}, 60)


def test_a_planned_failover_loses_no_record(rig):
    moved(rig, "a", "b")
    command_line.do(rig, "commit", "web01")
    job = command_line.do(rig, "reprotect", "web01")
    assert command_line.facts_of(rig, job, "Synchronize")["web01"].wire_bytes < 16 * MiB


@contextlib.contextmanager
def led_elsewhere(rig, device, file):
    """As after a reboot of the host: the device's path leads to another disk. Then it leads back."""
    ours = loop_devices.file_of(device)
    try:
        rig.appliances["a"].stop()
        loop_devices.exchange(device, file)
        rig.appliances["a"].start()
        yield
    finally:
        rig.appliances["a"].stop()
        loop_devices.exchange(device, ours)
        rig.appliances["a"].start()


def test_a_disk_at_home_whose_path_leads_to_another_device_is_neither_used_nor_given_up(rig):
    device = rig.guests["web01"].disks[0]
    if not device.is_block_device():
        pytest.skip("a file's path leads to the file")
    theirs, points = rig.folder / "theirs", [point.id for point in rig.points("web01")]
    content = b"somebody else's" * 1024
    theirs.write_bytes(content)
    os.truncate(theirs, loop_devices.file_of(device).stat().st_size)
    with led_elsewhere(rig, device, theirs):
        eventually(lambda: f"{theirs}, where " in rig.codes("web01").get("old-disk-away", ""), 90)
        job = command_line.do(rig, "planned-failover", "web01", exit_code=1)
        problems = [task["problem"] for task in job["tasks"] if task.get("problem")]
        assert {each["code"] for each in problems} == {"old-disk-away"}, job["sentence"]
        eventually(lambda: rig.machine("web01").state == "protected", 60)
    os.sync()
    assert theirs.read_bytes().rstrip(b"\0") == content
    eventually(lambda: rig.codes("web01") == {}, 120)
    kept = rig.points("web01")
    assert not [point.id for point in kept if point.damaged]
    assert {*points} <= {point.id for point in kept}


def test_it_comes_home_on_the_disk_that_it_had(rig):
    moved(rig, "b", "a")
    command_line.do(rig, "commit", "web01")
    command_line.do(rig, "reprotect", "web01")
    rig.new_points("web01", 2)
    guest = rig.guests["web01"]
    kept = described(rig)
    assert e2e.ask(rig, "a", "disks", machine=guest.fabric_id) == [[str(guest.disks[0]), kept.split()[0]]]
    assert kept in ("raw", "qcow2 0.10")
    assert rig.codes("web01") == {}
