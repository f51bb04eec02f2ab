"""A machine writes 20 GiB while its appliance is gone: its agent holds no more memory for that, and the next
points have all of it.

The disk is thin, on a file system that compresses: each of its blocks has content of its own, in little
space."""

import mmap
import os
import struct
import subprocess
import time
from pathlib import Path

import pytest

from rig.agent_machines import LoopDisk, run
from secondsite.datapath.disks import NbdDisk
from secondsite.datapath.extents import BLOCK_BYTES
from secondsite.fabrics.conformance import steps
from secondsite.ground.units import GiB, MiB

from . import support_link
from .support_site import AgentSite

DISK = 21 * GiB
WRITTEN = 20 * GiB
MORE_MIB = 8
"""So much more than before an agent may hold."""
pytestmark = [
    *support_link.needs_agent,
    pytest.mark.every(by="all"),
    pytest.mark.timeout(1800),
]


@pytest.fixture
def thin(folder):
    """A folder that compresses."""
    disk = LoopDisk(folder, "thin", size=8 * GiB, kind="btrfs").make()
    run("mount", "-o", "remount,compress-force=zstd:1", str(disk.mount))
    yield disk.mount
    disk.close()


@pytest.fixture
def site(thin):
    site = AgentSite(thin)
    yield site
    site.close()


def block(number, turn):
    """No two are alike."""
    return struct.pack("<QQ", number, turn) * (BLOCK_BYTES // 16)


def write(device, turn, size=WRITTEN):
    """All blocks, one after the other."""
    buffer, each = mmap.mmap(-1, MiB), MiB // BLOCK_BYTES
    opened = os.open(device, os.O_WRONLY | os.O_DIRECT)
    try:
        for at in range(0, size, MiB):
            first = at // BLOCK_BYTES
            buffer[:] = b"".join(block(first + number, turn) for number in range(each))
            os.pwrite(opened, buffer, at)
    finally:
        os.close(opened)


def resident(process):
    """What the agent holds now, and held at most, in MiB."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    words = dict(line.split(":", 1) for line in text.splitlines())
    return tuple(int(words[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM"))


def test_what_was_written_while_the_appliance_was_gone_is_in_the_next_points(site, record_property):
    machine = steps.protected(site, "away", [DISK])
    base = steps.checkpoint(site, machine)
    mine = site.machines[machine]
    site.fabric.close()
    before, _ = resident(mine.process)
    began = time.monotonic()
    write(mine.disks[0], 1)
    took, (now, most) = time.monotonic() - began, resident(mine.process)
    record_property("written_mib_per_second", round(WRITTEN / MiB / took))
    record_property("resident_mib", [round(each, 1) for each in (before, now, most)])
    assert now < before + MORE_MIB
    site.back(machine)
    began = time.monotonic()
    with steps.view(site, machine, base) as session:
        [disk] = session.disks
        assert not session.is_instant
        assert steps.dirty_blocks(disk) >= set(range(WRITTEN // BLOCK_BYTES))
        assert all_there(disk, session.checkpoint)
    record_property("read_seconds", round(time.monotonic() - began))
    record_property("resident_after_mib", [round(each, 1) for each in resident(mine.process)])
    site.fabric.tracking.acknowledge(machine, session.checkpoint)
    write(mine.disks[0], 2, MiB)
    with steps.view(site, machine, session.checkpoint) as session:
        assert steps.dirty_blocks(session.disks[0]) == set(range(MiB // BLOCK_BYTES))
        assert steps.read(session.disks[0], BLOCK_BYTES, BLOCK_BYTES) == block(1, 2)
    subprocess.run(["sync", "-f", site.root], check=True, timeout=support_link.PATIENCE)


def all_there(disk, bitmap):
    """Whether each block that is read is what was written."""
    with NbdDisk(disk.socket, disk.export, bitmaps=(bitmap,)) as reader:
        dirty = [each for each in reader.dirty() if each.offset < WRITTEN]
        return all(_is_right(offset, bytes(data)) for offset, data in reader.read_many(dirty))


def _is_right(offset, data):
    first = offset // BLOCK_BYTES
    whole = b"".join(block(first + number, 1) for number in range(len(data) // BLOCK_BYTES))
    return offset >= WRITTEN or data[: len(whole)] == whole
