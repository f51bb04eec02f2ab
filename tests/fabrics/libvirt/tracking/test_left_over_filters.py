"""A view through filters: whatever becomes of its owner, of its scratch space or of the disk below it, no
write of the guest fails, and nothing of it stays."""

import os
import signal

import pytest

from rig import small_store
from rig.eventually import eventually
from secondsite.ground.units import MiB
from tests.fabrics.libvirt.support_filters import nodes_of_nobody, what_is_left, with_its_watchdog
from tests.fabrics.libvirt.support_held import held_root, with_machine

pytestmark = pytest.mark.slow

SCRATCH_BYTES = 3 * MiB


@pytest.fixture
def held():
    with held_root("filter") as held:
        yield with_machine(held)


@pytest.fixture
def cramped(held):
    """The root's scratch space is a file system of 3 MiB; the disk is full of data."""
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


def test_full_scratch_space_breaks_the_view_and_no_write_of_the_guest(cramped):
    cramped.ask("open_view", machine=cramped.machine, base=None, name="secondsite-1-1")
    with_its_watchdog(cramped)
    assert nodes_of_nobody(cramped) == ["ss-filter-vda", "ss-scratch-vda", "ss-view-vda"]
    assert failures_of_nobody(cramped) == []
    cramped.open()
    cramped.ask("end_left_over", machine=cramped.machine)
    cramped.kill()
    assert what_is_left(cramped) == []
    cramped.open()
    assert list((cramped.root / "scratch").iterdir()) == []


def test_filters_on_trial_in_a_machine_that_is_not_ours_are_taken_out_by_the_next_process(held):
    held.ask("disable", machine=held.machine)
    held.ask("open_view", machine=held.machine, base=None, name="secondsite-1-1", trial=True)
    with_its_watchdog(held)
    assert nodes_of_nobody(held) == ["ss-filter-vda", "ss-scratch-vda", "ss-view-vda"]
    held.open()
    held.kill()
    assert what_is_left(held) == []
    held.open()
    assert list((held.root / "scratch").iterdir()) == []


@pytest.mark.always
def test_the_watchdog_takes_the_filters_of_a_killed_owner_out_within_seconds(held):
    held.cycle(None, "secondsite-1-1")
    held.ask("open_view", machine=held.machine, base="secondsite-1-1", name="secondsite-1-2")
    held.kill()
    eventually(lambda: what_is_left(held) == [], 10)
    held.write_block_of_nobody(5)
    held.open()
    assert held.cycle("secondsite-1-1", "secondsite-1-3")["dirty"] == [5]
    assert held.cycle("secondsite-1-3", "secondsite-1-4")["dirty"] == []


def test_the_next_process_takes_out_what_a_killed_one_left_before_it_opens_a_view(held):
    held.cycle(None, "secondsite-1-1")
    held.ask("open_view", machine=held.machine, base="secondsite-1-1", name="secondsite-1-2")
    with_its_watchdog(held)
    held.write_block_of_nobody(3)
    held.open()
    assert held.cycle("secondsite-1-1", "secondsite-1-3")["dirty"] == [3]
    held.kill()
    assert what_is_left(held) == []
    held.open()


def test_a_view_that_is_open_for_too_long_does_not_outlive_its_deadline_by_much(held):
    """The owner hangs, and is then killed: the deadline stands, whatever comes later."""
    held.ask("open_view", machine=held.machine, base=None, name="secondsite-1-1", longest_seconds=1.0)
    os.kill(held.process.pid, signal.SIGSTOP)
    held.kill()
    eventually(lambda: what_is_left(held) == [], 10)
    held.open()
