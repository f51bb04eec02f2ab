"""Replication never hurts the guest that it protects: whatever stalls, the guest writes on and the job is
given up."""

import contextlib
import os
import signal
import time

import pytest

import guestkit
from rig import images
from rig.eventually import eventually
from secondsite.ground.units import MiB
from tests.e2e import support_e2e as e2e
from tests.support import command_line

pytestmark = [pytest.mark.every, pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(240)]
BUDGET_MIB = 6
FILLED_BYTES = 48 * MiB
OVERWRITING = guestkit.Workload(
    records_per_second=10, load_kib_per_second=4096, load_run_kib=256, load_span_mib=16
)


@pytest.fixture(scope="module")
def rig():
    guest = {"workload": OVERWRITING, "disk_bytes": (96 * MiB,), "filled_bytes": FILLED_BYTES}
    options = {"a": ["--scratch-budget", f"{BUDGET_MIB}MiB"]}
    with e2e.guests_under({"web01": guest}, options) as rig:
        # only what is overwritten, not what is written for the first time, takes scratch space
        disk = rig.guests["web01"].disks[0]
        eventually(lambda: disk.stat().st_blocks * 512 > FILLED_BYTES + 13 * MiB, 90)
        yield rig


def scratch_bytes(rig):
    total = 0
    for path in (rig.home("appliance-a") / "scratch").iterdir():
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_blocks * 512
    return total


def enabling_with_a_target_that_stalls(rig):
    """Begins to protect the guest; the target's appliance stops in the middle of the first cycle. Gives
    the job's id."""
    job = command_line.do(
        rig, "enable-protection", "web01", "--source", "a", "--target", "b", "--policy", "quick", "--no-wait"
    )
    scratch = rig.home("appliance-a") / "scratch"
    deadline = time.monotonic() + 60
    while not any(scratch.iterdir()):
        assert time.monotonic() < deadline, "no cycle began"
    os.kill(rig.appliances["b"].pid, signal.SIGSTOP)
    return job["job_id"]


@contextlib.contextmanager
def going_on_at_the_end(rig):
    try:
        yield
    finally:
        os.kill(rig.appliances["b"].pid, signal.SIGCONT)


def test_cancelling_an_initial_replication_under_way_undoes_everything(rig):
    guest = rig.guests["web01"]
    with going_on_at_the_end(rig):
        job_id = enabling_with_a_target_that_stalls(rig)
        machine_id = rig.machine("web01").id
        assert rig.machine("web01").state in ("enabling", "initial_replicating")
        command_line.told(rig, "job", "cancel", job_id)
    job = command_line.told(rig, "job", "follow", job_id, exit_code=8)
    assert job["state"] == "cancelled"
    assert command_line.told(rig, "machine", "show", "web01", exit_code=3)["error"]["code"] == "not-found"
    e2e.assert_untouched(rig, "a", guest.fabric_id)
    assert not rig.replica_folder("b", machine_id).exists()
    assert scratch_bytes(rig) == 0


def test_a_stalled_target_and_a_guest_that_overwrites_end_the_job_before_the_scratch_space_is_full(rig):
    console = rig.guests["web01"].console
    with going_on_at_the_end(rig):
        job_id = enabling_with_a_target_that_stalls(rig)
        at_stall, most = console.last_record, 0

        def given_up():
            nonlocal most
            most = max(most, scratch_bytes(rig))
            return "scratch-exhausted" in rig.codes("web01")

        eventually(given_up, 60)
        # the guard looks ten times a second, and a guest that flushes its cache writes megabytes in that time
        assert most <= 2 * BUDGET_MIB * MiB
        assert scratch_bytes(rig) == 0
        e2e.wait_for_record(console, at_stall + 20)
        assert "scratch budget" in rig.codes("web01")["scratch-exhausted"]
    job = command_line.told(rig, "job", "follow", job_id)
    assert job["state"] == "succeeded"
    assert len(console.boots) == 1
    assert console.boots[0].complaints == ()


def test_replication_is_well_again_and_what_arrived_is_the_disk(rig):
    guest = rig.guests["web01"]
    rig.new_points("web01", 2)
    eventually(lambda: "scratch-exhausted" not in rig.codes("web01"), 30)
    machine = rig.machine("web01")
    with e2e.standing_still(rig, "a", [guest.fabric_id]):
        held = images.digest(guest.disks[0])
        report = e2e.ask(rig, "a", "order", kind="run_cycle", machine_id=machine.id, payload={})
        assert report["problem"] is None, report
    point_id = report["facts"]["point_id"]
    eventually(lambda: any(point.id == point_id for point in rig.points("web01")), 30)
    assert images.point_digests(rig.replica_folder("b", machine.id), point_id) == {"vda": held}
    assert machine.replication.total_wire_bytes > FILLED_BYTES / 3
