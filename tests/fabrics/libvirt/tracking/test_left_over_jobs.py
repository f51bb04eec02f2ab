"""A backup job without an owner: whatever dies, it ends soon, and no write of the guest fails for want of
scratch space."""

import os
import signal

import pytest

from rig import small_store
from rig.eventually import eventually
from secondsite.ground.units import MiB
from tests.fabrics.support_lifelines import lifelines_of

pytestmark = pytest.mark.slow

SCRATCH_BYTES = 3 * MiB


@pytest.fixture
def cramped(held):
    """The root's scratch space is a file system of 3 MiB; the disk is full of data, which a view must
    keep."""
    scratch = held.root / "scratch"
    scratch.rmdir()
    for offset in range(0, 8 * MiB, MiB):
        held.ask("write", machine=held.machine, offset=offset, length=MiB)
    with small_store.mounted(scratch, SCRATCH_BYTES):
        yield held
        held.kill()


def failures_of_nobody(held):
    """The writes that fail when the guest overwrites the whole disk while no process drives the root."""
    for offset in range(0, 8 * MiB, 256 * 1024):
        line = f'qemu-io -d /machine/peripheral/virtio-disk0/virtio-backend "write -P 9 {offset} 262144"'
        held.monitor_of_nobody({"execute": "human-monitor-command", "arguments": {"command-line": line}})
    # the monitor says nothing of a write that failed
    said = (held.root / "log" / "qemu" / "a.log").read_text().splitlines()
    assert sum("wrote 262144" in line for line in said) + sum("failed" in line for line in said) >= 32
    return [line for line in said if "failed" in line]


def jobs_of_nobody(held):
    """Jobs that still copy what the guest overwrites."""
    return [job for job in held.monitor_of_nobody("query-block-jobs") if job["status"] != "concluded"]


@pytest.mark.always
def test_the_guest_writes_on_when_the_owner_of_its_view_is_killed_and_scratch_space_is_nearly_full(cramped):
    cramped.ask("open_view", machine=cramped.machine, base=None, name="secondsite-1-1")
    cramped.kill()
    eventually(lambda: jobs_of_nobody(cramped) == [], 10)
    assert failures_of_nobody(cramped) == []
    cramped.open()
    cramped.ask("end_left_over", machine=cramped.machine)
    assert list((cramped.root / "scratch").iterdir()) == []
    assert cramped.cycle(None, "secondsite-1-2")["bitmaps"] == []
    assert cramped.cycle("secondsite-1-2", "secondsite-1-3")["dirty"] == []
    assert cramped.ask("checkpoints", machine=cramped.machine) == ["secondsite-1-3"]


def test_without_anybody_to_end_the_job_the_guests_writes_would_fail(cramped):
    """What the lifeline is for; if this stops failing, QEMU has changed."""
    cramped.ask("open_view", machine=cramped.machine, base=None, name="secondsite-1-1")
    for lifeline in lifelines_of(cramped.process.pid):
        os.kill(lifeline, signal.SIGKILL)
    cramped.kill()
    assert len(failures_of_nobody(cramped)) > 10
    cramped.open()


def test_the_next_process_ends_a_left_over_job_before_it_does_anything_else_with_the_machine(held):
    held.ask("open_view", machine=held.machine, base=None, name="secondsite-1-1")
    (lifeline,) = lifelines_of(held.process.pid)
    os.kill(lifeline, signal.SIGKILL)
    held.kill()
    assert len(jobs_of_nobody(held)) == 1
    held.open()
    held.ask("end_left_over", machine=held.machine)
    assert list((held.root / "scratch").iterdir()) == []
    held.kill()
    assert jobs_of_nobody(held) == []
    held.open()


def test_a_view_on_trial_of_a_machine_that_is_not_ours_is_ended_and_forgotten_by_the_next_process(held):
    held.ask("disable", machine=held.machine)
    held.ask("open_view", machine=held.machine, base=None, name="secondsite-1-1", trial=True)
    (lifeline,) = lifelines_of(held.process.pid)
    os.kill(lifeline, signal.SIGKILL)
    held.kill()
    assert len(jobs_of_nobody(held)) == 1
    held.open()
    assert list((held.root / "scratch").iterdir()) == []
    for notes in ("scratch-of", "views-on-trial"):
        assert list(held.root.rglob(f"{notes}/*")) == []
    assert held.ask("checkpoints", machine=held.machine) == []
    held.kill()
    assert jobs_of_nobody(held) == []
    held.open()


def test_scratch_files_of_a_dead_process_go_with_the_protection_of_their_machine(held):
    """Nobody looks for them afterwards, and a power cut may have left anything as the note of where they
    are."""
    scratch = held.root / "scratch"
    held.cycle(None, "secondsite-1-1")
    (note,) = held.root.rglob("scratch-of/*")
    for left in (f"{held.machine}-vda.scratch", "another-vda.scratch"):
        (scratch / left).touch()
    whole = note.read_bytes()
    note.write_bytes(b"\xff\xfe")
    held.cycle("secondsite-1-1", "secondsite-1-2")
    assert note.read_bytes() == whole
    (scratch / f"{held.machine}-vda.scratch").touch()
    held.kill()
    held.open()
    held.ask("disable", machine=held.machine)
    assert [path.name for path in scratch.iterdir()] == ["another-vda.scratch"]
    assert not note.exists()


def test_a_view_that_is_open_for_too_long_does_not_outlive_its_deadline_by_much(held):
    """The owner hangs, and is then killed: the deadline stands, whatever comes later."""
    held.ask("open_view", machine=held.machine, base=None, name="secondsite-1-1", longest_seconds=1.0)
    os.kill(held.process.pid, signal.SIGSTOP)
    held.kill()
    eventually(lambda: jobs_of_nobody(held) == [], 10)
    held.open()


def test_a_second_view_is_guarded_by_a_new_child_when_the_first_child_was_killed(held):
    held.cycle(None, "secondsite-1-1")
    (lifeline,) = lifelines_of(held.process.pid)
    os.kill(lifeline, signal.SIGKILL)
    held.ask("open_view", machine=held.machine, base="secondsite-1-1", name="secondsite-1-2")
    assert len([pid for pid in lifelines_of(held.process.pid) if pid != lifeline]) == 1
    held.kill()
    eventually(lambda: jobs_of_nobody(held) == [], 10)
    held.open()
