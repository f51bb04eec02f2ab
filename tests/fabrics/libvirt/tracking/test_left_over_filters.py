"""A view through filters: whatever becomes of its owner, of its scratch space or of the disk below it, no
write of the guest fails, and nothing of it stays."""

import os
import signal
import time

import pytest

from rig import small_store
from rig.dying import Killed
from rig.errors import NoAnswer
from rig.eventually import eventually
from secondsite.fabrics.libvirt.tracking import filters
from secondsite.ground.units import MiB
from tests.fabrics.libvirt.support_filters import nodes_of_nobody, what_is_left, with_its_watchdog
from tests.fabrics.libvirt.support_held import held_root, with_machine

pytestmark = pytest.mark.slow

SCRATCH_BYTES = 3 * MiB
ROUNDS = 12


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


@pytest.mark.always
def has_opened(held, name):
    """Whether a view was opened; the watchdog of the one before may be at work still."""
    try:
        held.ask("open_view", machine=held.machine, base=None, name=name)
    except NoAnswer as refused:
        if "are just being led past the filters" not in str(refused):
            raise
        return False
    return True


def test_two_that_take_the_same_filters_out_do_not_end_the_guest(held):
    """QEMU aborts if a disk is led to where it leads already; the watchdog of a killed process is at work
    while the next one begins."""
    qemu = held.qemu
    for number in range(ROUNDS):
        eventually(lambda number=number: has_opened(held, f"secondsite-1-{number}"), 60)
        held.kill()
        held.open()
        held.ask("end_left_over", machine=held.machine)
    held.kill()
    eventually(lambda: what_is_left(held) == [], 10)
    assert held.qemu == qemu
    assert held.monitor_of_nobody("query-status")["running"]
    held.open()


def test_one_at_a_time_leads_disks_elsewhere(tmp_path):
    with filters.alone(tmp_path / "m") as first, filters.alone(tmp_path / "m") as second:
        assert (first is not None, second) == (True, None)
    with filters.alone(tmp_path / "m") as third:
        assert third is not None


def test_after_one_that_died_amid_it_nobody_leads_a_disk_until_its_command_cannot_come_any_more(
    tmp_path, monkeypatch
):
    asked = []

    def ask(command, arguments):
        asked.append((command, arguments["value"]))
        if len(asked) == 1:
            raise Killed
        return {}

    with pytest.raises(Killed), filters.alone(tmp_path / "m") as lead:
        assert lead is not None
        lead(ask, "/machine/a", "node")
    with filters.alone(tmp_path / "m") as lead:
        assert lead is not None
        assert lead(ask, "/machine/a", "node") is None
        assert len(asked) == 1
        monkeypatch.setattr(filters, "STALE_SECONDS", 0.0)
        assert lead(ask, "/machine/a", "node") == {}
        assert lead(ask, "/machine/a", "filter") == {}
    with pytest.raises(ValueError, match="closed"):  # a call that nobody waits for any more
        lead(ask, "/machine/a", "late")
    assert [value for _, value in asked] == ["node", "node", "filter"]


def test_a_time_of_before_a_reboot_holds_nobody_up(tmp_path):
    (tmp_path / "m").write_text(str(time.clock_gettime(time.CLOCK_BOOTTIME) + 1000))
    with filters.alone(tmp_path / "m") as lead:
        assert lead is not None
        assert lead(lambda *_: {}, "/machine/a", "node") == {}
