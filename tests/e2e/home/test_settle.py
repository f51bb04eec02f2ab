"""Two real guests that were failed over and committed move to the site's own storage while they write: web01
before it is protected back, db01 after. Whatever ends a move amid leaves the guest on its former disks. Both
come home without loss."""

import os
from pathlib import Path

import pytest

import guestkit
from rig import images, loop_devices
from rig.eventually import eventually
from secondsite.ground.units import MiB
from tests.e2e import support_e2e as e2e
from tests.e2e.home import support_settling
from tests.support import command_line

pytestmark = [
    pytest.mark.every,
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(300),
]
WRITING = guestkit.Workload(records_per_second=6, load_kib_per_second=32)
DISK_BYTES, FILLED_BYTES = 96 * MiB, 48 * MiB
NAMES = ("web01", "db01")
MORE = 10


@pytest.fixture(scope="module")
def rig():
    """Both run at b for good, not protected back."""
    make = {"workload": WRITING, "disk_bytes": (DISK_BYTES,), "filled_bytes": FILLED_BYTES}
    guests = {"web01": make, "db01": make | support_settling.COMMITTING}
    with e2e.guests_under(guests, commanded=("a", "b")) as rig:
        places = ("--source", "a", "--target", "b", "--policy", "quick")
        command_line.do(rig, "enable-protection", *NAMES, *places)
        command_line.do(rig, "failover", *NAMES, "--shut-down")
        for name in NAMES:
            e2e.booted(rig.console("b", name), 1)
        command_line.do(rig, "commit", *NAMES)
        yield rig


@pytest.fixture(scope="module")
def folder(rig):
    made = rig.folder / "images"
    made.mkdir()
    return made


def stands_on(rig, name, site="b"):
    """The one place of its disk, as it runs and as it is defined."""
    (place,) = {path for paths in e2e.ask(rig, site, "stands_on", name=name) for path in paths}
    return place


def settling(rig, name, folder, limit):
    """A slow move under way: its job, and the disk that the guest stands on."""
    former = stands_on(rig, name)
    asked = ("machine", "settle", name, "--to", str(folder), "--limit", limit, "--yes", "--no-wait")
    job = command_line.told(rig, *asked)["job_id"]
    eventually(lambda: fraction(rig, job) > 0.05, 60)
    assert fraction(rig, job) < 0.9
    return job, former


def fraction(rig, job):
    with rig.client() as vault:
        tasks = vault.jobs[job].show().tasks
    return max((task.progress or 0.0 for task in tasks if task.name == "Move disks"), default=0.0)


def assert_stays(rig, name, former, folder):
    assert stands_on(rig, name) == former
    eventually(lambda: not list(folder.iterdir()), 30)


def goes_on(rig, name):
    console = rig.console("b", name)
    boots = len(console.boots)
    e2e.wait_for_record(console, console.last_record + MORE)
    assert len(console.boots) == boots


def test_a_move_that_is_cancelled_leaves_the_guest_where_it_was(rig, folder):
    job, former = settling(rig, "web01", folder, "1MB/s")
    command_line.told(rig, "job", "cancel", job)
    assert rig.wait_for_job(job).state == "cancelled"
    assert_stays(rig, "web01", former, folder)
    goes_on(rig, "web01")


def test_a_guest_that_goes_off_amid_stays_where_it_was_and_starts_again(rig, folder):
    job, former = settling(rig, "web01", folder, "1MB/s")
    console = rig.console("b", "web01")
    boots = len(console.boots)
    e2e.ask(rig, "b", "shut_down", name="web01")
    ended = rig.wait_for_job(job)
    assert (ended.state, "went off" in str(ended.problem)) == ("failed", True), rig.describe(ended)
    assert_stays(rig, "web01", former, folder)
    e2e.ask(rig, "b", "start_again", name="web01")
    assert e2e.booted(console, boots + 1).verified_last == console.boots[-2].bye


def test_vault_and_appliance_are_killed_amid_and_the_same_copy_goes_on_to_its_end(rig, folder):
    job, former = settling(rig, "web01", folder, "4MB/s")
    (made,) = folder.iterdir()
    with made.open("rb") as copy:
        rig.vault.kill()
        rig.vault.start()
        rig.wait_connected()
        rig.appliances["b"].kill()
        goes_on(rig, "web01")
        rig.appliances["b"].start()
        ended = rig.wait_for_job(job)
        assert ended.state == "succeeded", rig.describe(ended)
        assert os.fstat(copy.fileno()).st_nlink == 1
    assert stands_on(rig, "web01") == str(made) != former
    goes_on(rig, "web01")
    assert not rig.replica_folder("b", rig.machine("web01").id).exists()
    machine = rig.machine("web01")
    assert (machine.state, machine.active_site) == ("committed", "b")
    assert set(rig.codes("web01")) == {"not-protected"}


def test_reprotected_it_sends_changes_only_and_a_drill_boots_it(rig):
    job = command_line.do(rig, "reprotect", "web01")
    facts = command_line.facts_of(rig, job, "Synchronize")["web01"]
    assert 0 < facts.wire_bytes < 16 * MiB
    rig.new_points("web01", 2)
    command_line.do(rig, "test-failover", "web01")
    assert e2e.booted(rig.console("a", "web01-test"), 1).verified_last > 0
    command_line.do(rig, "cleanup-test-failover", "web01", "--notes", "boots")


def test_a_reprotect_ends_a_move_that_its_appliance_was_killed_amid(rig, folder):
    before = set(folder.iterdir())
    job, former = settling(rig, "db01", folder, "1MB/s")
    rig.appliances["b"].kill()
    later = command_line.told(rig, "machine", "reprotect", "db01", "--no-wait")["job_id"]
    rig.appliances["b"].start()
    for each, state in ((job, "failed"), (later, "succeeded")):
        ended = rig.wait_for_job(each)
        assert ended.state == state, rig.describe(ended)
    assert stands_on(rig, "db01") == former
    assert set(folder.iterdir()) == before
    goes_on(rig, "db01")


def test_one_that_is_protected_back_moves_to_a_device_killed_at_every_seam_and_sends_changes_only(rig):
    rig.new_points("db01")
    file = rig.folder / "db01.raw"
    file.touch()
    os.truncate(file, DISK_BYTES)
    device = loop_devices.begin(file)
    before = rig.machine("db01").replication.total_wire_bytes
    support_settling.settled_with_a_death_at_each_seam(rig, "db01", "--disk", f"vda={device}:raw")
    assert stands_on(rig, "db01") == str(device)
    rig.new_points("db01", 2)
    replication = rig.machine("db01").replication
    sent = replication.total_wire_bytes - before
    print(f"{sent} bytes sent since, {replication.last_cycle.changed_bytes} changed in a cycle")
    assert replication.synchronization is None
    assert replication.last_cycle.changed_bytes < 8 * MiB
    assert sent < 8 * MiB
    assert not rig.replica_folder("b", rig.machine("db01").id).exists()
    eventually(lambda: rig.codes("db01") == {}, 60)


def test_a_power_cut_on_the_device_costs_no_row_that_was_acknowledged(rig):
    before = rig.machine("db01").replication.total_wire_bytes
    acknowledged, there = support_settling.rows_after_a_power_cut(rig, "db01", stands_on(rig, "db01"))
    print(f"{acknowledged} rows acknowledged, {there} there")
    assert acknowledged <= there <= acknowledged + 1
    rig.new_points("db01", 2, within_seconds=90)
    assert rig.machine("db01").replication.total_wire_bytes - before < 8 * MiB
    eventually(lambda: rig.codes("db01") == {}, 60)


def test_both_come_home_bit_for_bit_and_are_protected_again(rig):
    left = {name: Path(stands_on(rig, name)) for name in NAMES}
    boots = {name: len(rig.console("a", name).boots) for name in NAMES}
    command_line.do(rig, "planned-failover", *NAMES)
    for name in NAMES:
        home = e2e.booted(rig.console("a", name), boots[name] + 1)
        there = rig.console("b", name)
        assert home.verified_last == there.boots[-1].bye
        assert (home.verified_rows or 0) == there.last_row
        machine = rig.machine(name)
        digests = images.point_digests(rig.replica_folder("a", machine.id), machine.failover.point_id)
        assert digests == {"vda": images.digest(left[name])}
    for verb in ("commit", "reprotect"):
        command_line.do(rig, verb, *NAMES)
    for name in NAMES:
        rig.new_points(name)
        machine = rig.machine(name)
        assert (machine.state, machine.direction, machine.active_site) == ("protected", "forward", "a")
        eventually(lambda name=name: rig.codes(name) == {}, 60)
