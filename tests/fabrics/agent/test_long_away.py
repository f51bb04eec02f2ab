"""20 GiB change while the appliance is gone: the agent holds no more memory for that, and the next points
have all of it.

The disk is thin, and of each block of 64 KiB a page is written: an agent marks and gives whole blocks."""

import mmap
import os
import struct
import time
from pathlib import Path

import pytest

from secondsite.datapath import extents
from secondsite.datapath.disks import NbdDisk
from secondsite.datapath.extents import BLOCK_BYTES, Extent
from secondsite.domain import errors
from secondsite.fabrics.conformance import steps
from secondsite.ground.units import GiB

from . import support_link
from .support_site import AgentSite

DISK, CHANGED, PAGE = 21 * GiB, 20 * GiB, 4096
BLOCKS = CHANGED // BLOCK_BYTES
MORE_MIB = 8
"""So much more than before an agent may hold."""
SOME, TRIES = 512, 10

pytestmark = [*support_link.needs_agent, pytest.mark.every(by="all"), pytest.mark.timeout(1800)]


@pytest.fixture
def site(folder):
    site = AgentSite(folder)
    yield site
    site.close()


def page(number, turn):
    """No two are alike."""
    return struct.pack("<QQ", number, turn) * (PAGE // 16)


def write(device, turn, blocks=BLOCKS):
    """A page of each block, one after the other."""
    buffer = mmap.mmap(-1, PAGE)
    opened = os.open(device, os.O_WRONLY | os.O_DIRECT)
    try:
        for number in range(blocks):
            buffer[:] = page(number, turn)
            os.pwrite(opened, buffer, number * BLOCK_BYTES)
    finally:
        os.close(opened)


def resident(process):
    """What the agent holds, and held at most, in MiB."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    words = dict(line.split(":", 1) for line in text.splitlines())
    return [round(int(words[key].split()[0]) / 1024, 1) for key in ("VmRSS", "VmHWM")]


def test_what_changed_while_the_appliance_was_gone_is_in_the_next_points(site):
    machine = steps.protected(site, "away", [DISK])
    base = steps.checkpoint(site, machine)
    mine = site.machines[machine]
    site.fabric.close()
    before, began = resident(mine.process), time.monotonic()
    write(mine.disks[0], 1)
    after = resident(mine.process)
    print(f"figure written in {time.monotonic() - began:.0f} s; resident, at most, MiB: {before}, {after}")
    assert after[0] < before[0] + MORE_MIB
    site.back(machine)
    with steps.view(site, machine, base) as session:
        [disk] = session.disks
        assert not session.is_instant
        unmarked = looked_at(disk, session.checkpoint)
    print(f"figure {len(unmarked)} extents without a mark")
    assert resident(mine.process)[0] < before[0] + MORE_MIB
    site.fabric.tracking.acknowledge(machine, session.checkpoint)
    if unmarked:
        session = notices(site, machine, session.checkpoint)
    point(site, machine, session.checkpoint, mine.disks[0])


def notices(site, machine, base):
    """Some kernels hide completions under load: no point is made of that, and then all is compared."""
    with steps.refused(errors.FabricError), steps.view(site, machine, base):
        pass
    with steps.view(site, machine, base) as session:
        assert (session.is_instant, session.disks[0].bitmaps) == (False, ())
    site.fabric.tracking.acknowledge(machine, session.checkpoint)
    return session


def looked_at(disk, bitmap):
    """What was written and is not marked; some blocks are read."""
    with NbdDisk(disk.socket, disk.export, bitmaps=disk.bitmaps and (bitmap,)) as reader:
        some = [Extent(number * BLOCK_BYTES, BLOCK_BYTES) for number in range(0, BLOCKS, SOME)]
        for offset, data in reader.read_many(some):
            assert data[:PAGE] == page(offset // BLOCK_BYTES, 1)
        return extents.subtract([Extent(0, CHANGED)], reader.dirty())


def point(site, machine, base, device):
    """The next instant has what was written last, and only that."""
    for _ in range(TRIES):
        write(device, 2, 16)
        with steps.view(site, machine, base) as session:
            if session.is_instant:
                assert steps.dirty_blocks(session.disks[0]) == set(range(16))
                assert steps.read(session.disks[0], BLOCK_BYTES, PAGE) == page(1, 2)
                return
        site.fabric.tracking.acknowledge(machine, session.checkpoint)
        base = session.checkpoint
    raise AssertionError(f"no instant in {TRIES} views")
