"""Snapshots, backups and saves that the owner's own tools make while a view of ours is open, on a real
libvirtd: they wait for seconds, the cycle gives way, and what is replicated afterwards equals the disk.
What libvirt refuses at once is told as it is."""

import contextlib
import secrets
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rig.eventually import eventually
from secondsite.appliance.source import cycle_guard
from secondsite.appliance.source.scratch_reserve import ScratchReserve
from secondsite.datapath.extents import BLOCK_BYTES
from secondsite.domain import errors
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import PowerState
from secondsite.ground.units import GiB, MiB
from tests.support import libvirtd

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

LIBVIRT_WAITS_SECONDS = 30
"""After that a tool that waits for a machine fails."""


@pytest.fixture(scope="module")
def host():
    with libvirtd.running(own_network=True) as daemon, libvirtd.hosted(daemon) as host:
        yield host


class Copy:
    """A machine, and what a target would have of its disk: all of it first, then what each view says to
    have changed."""

    def __init__(self, host):
        self.host = host
        self.id = steps.protected(host, "seen")
        self.base = None
        self.held = b""
        self.marked = 0
        steps.write(host, self.id, 0, 1)

    def cycle(self):
        """One more view; the copy equals the disk afterwards, or the tracking lied."""
        with steps.view(self.host, self.id, self.base) as session:
            (disk,) = session.disks
            now = steps.content(disk)
            blocks = steps.dirty_blocks(disk) if disk.bitmaps else range(len(now) // BLOCK_BYTES)
            held = bytearray(self.held.ljust(len(now), b"\0"))
            for block in blocks:
                piece = slice(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES)
                held[piece] = now[piece]
            self.held, self.marked = bytes(held), len(blocks)
        self.host.fabric.tracking.acknowledge(self.id, session.checkpoint)
        self.base = session.checkpoint
        assert self.held == now

    def goes_on(self):
        """Replication after a tool: what was written before, meanwhile and since is in it."""
        steps.write(self.host, self.id, 3 * MiB, 3)

        def unhindered():
            with contextlib.suppress(errors.FabricError):
                self.cycle()
                return True

        eventually(unhindered, 60)
        assert self.held[MiB] == 2
        assert self.held[3 * MiB] == 3


class NobodyTakes:
    """The connection of a cycle that does not get on."""

    def cut(self):
        pass


@pytest.fixture
def guard(host):
    guard = cycle_guard.Guard(ScratchReserve(host.scratch_dir, 64 * MiB))
    guard.start()
    yield guard
    guard.stop()


@pytest.fixture
def copy(host):
    copy = Copy(host)
    copy.cycle()
    yield copy
    host.fabric.power.stop(copy.id)


def virsh(host, *words):
    return subprocess.Popen(
        ["virsh", "-c", host.uri, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True
    )  # fmt: skip


def done(tool, within_seconds=90):
    """What the tool printed; it must have succeeded."""
    said, _ = tool.communicate(timeout=within_seconds)
    assert tool.returncode == 0, said
    return said


def beside_a_stuck_cycle(guard, copy, *words):
    """Run the tool while a cycle's view is open that would stay open; gives the seconds that it took."""
    with pytest.raises(cycle_guard.GaveWay), contextlib.ExitStack() as stack:
        session = stack.enter_context(steps.view(copy.host, copy.id, copy.base))
        steps.write(copy.host, copy.id, MiB, 2)
        peer: Any = NobodyTakes()
        cycle = cycle_guard.GuardedCycle(peer, session, copy.host.scratch_dir, GiB, 900.0, threading.Event())
        stack.enter_context(guard.over(cycle))
        time.sleep(2 * cycle_guard.ASK_SECONDS)  # it does not give way to nobody
        assert not cycle.cancelled()
        began = time.monotonic()
        tool = virsh(copy.host, *words)
        eventually(cycle.cancelled, LIBVIRT_WAITS_SECONDS)
        raise ConnectionError("the sender stops")
    done(tool)
    return time.monotonic() - began


def test_an_external_snapshot_waits_for_seconds_and_is_followed(host, guard, copy):
    took = beside_a_stuck_cycle(
        guard, copy, "snapshot-create-as", copy.id, "--disk-only", "--no-metadata", "snap"
    )
    assert took < LIBVIRT_WAITS_SECONDS / 2
    copy.goes_on()
    done(virsh(host, "blockcommit", copy.id, "vda", "--active", "--pivot", "--wait"))
    copy.goes_on()


def test_a_backup_of_another_program_waits_for_seconds_and_is_let_through(host, guard, copy):
    plan = host.root / f"{copy.id}.xml"
    file = host.images / f"{secrets.token_hex(4)}.backup"
    plan.write_text(
        "<domainbackup><disks><disk name='vda' type='file'><target "
        f"file='{file}'/></disk></disks></domainbackup>"
    )
    assert beside_a_stuck_cycle(guard, copy, "backup-begin", copy.id, plan) < LIBVIRT_WAITS_SECONDS / 2
    copy.goes_on()
    assert file.exists()


def test_a_managed_save_waits_for_seconds_and_the_machine_goes_on_afterwards(host, guard, copy):
    assert beside_a_stuck_cycle(guard, copy, "managedsave", copy.id) < LIBVIRT_WAITS_SECONDS
    assert host.fabric.power.state(copy.id) is PowerState.SAVED
    done(virsh(host, "start", copy.id))
    copy.goes_on()


def test_a_save_that_waited_for_a_view_is_not_aborted_with_it(host, copy):
    with steps.view(host, copy.id, copy.base) as session, ThreadPoolExecutor(4) as pool:
        tool = virsh(host, "managedsave", copy.id)
        eventually(lambda: session.wanted_seconds() > 0, 20)
        for ended in [pool.submit(session.abandon) for _ in range(4)]:
            ended.result()
    done(tool)
    assert host.fabric.power.state(copy.id) is PowerState.SAVED
    done(virsh(host, "start", copy.id))


def test_a_call_that_never_ends_makes_cycles_give_way_once_and_not_for_ever(host, guard, copy):
    """It waits for something else; replication must not starve beside it."""
    other = Copy(host)
    with steps.view(host, other.id, None):
        beside = virsh(host, "managedsave", other.id)
        with steps.view(host, copy.id, copy.base) as session:
            eventually(lambda: session.wanted_seconds() > cycle_guard.PATIENCE_SECONDS, 20)
            session.gave_way()
        with steps.view(host, copy.id, copy.base) as session:
            began = time.monotonic()
            while time.monotonic() - began < 3 * cycle_guard.PATIENCE_SECONDS and beside.poll() is None:
                assert session.wanted_seconds() < cycle_guard.PATIENCE_SECONDS
                time.sleep(0.1)
    beside.communicate(timeout=60)
    host.fabric.power.stop(other.id)


REFUSED_AT_ONCE = {
    "blockcopy": "Operation not supported: disk 'vda' already in active block job",
    "blockcommit": "Operation not supported: disk 'vda' already in active block job",
    "blockresize": "Failed to resize block device 'vda'",
}


@pytest.mark.parametrize("what", REFUSED_AT_ONCE)
def test_what_libvirt_refuses_beside_a_view_works_between_cycles_and_is_followed(host, copy, what):
    file = host.images / f"{secrets.token_hex(4)}.qcow2"
    words = {
        "blockcopy": ("vda", "--dest", file, "--format", "qcow2", "--wait", "--pivot", "--transient-job"),
        "blockcommit": ("vda", "--active", "--pivot", "--wait"),
        "blockresize": ("vda", "8M"),
    }[what]
    if what == "blockcommit":
        done(virsh(host, "snapshot-create-as", copy.id, "--disk-only", "--no-metadata", "snap"))
        copy.cycle()
    steps.write(host, copy.id, MiB, 2)
    with steps.view(host, copy.id, copy.base):
        tool = virsh(host, what, copy.id, *words)
        said, _ = tool.communicate(timeout=60)
        assert tool.returncode != 0
        assert REFUSED_AT_ONCE[what] in said
    done(virsh(host, what, copy.id, *words))
    copy.goes_on()
