"""Scratch space that hangs for ever holds up the view, and never its guest."""

import os
import signal

import pytest

from rig import small_store
from secondsite.datapath.extents import BLOCK_BYTES
from secondsite.domain import errors
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.libvirt.tracking import scratch_folders
from secondsite.ground.units import MiB

pytestmark = pytest.mark.slow


@pytest.fixture
def stalling(host, monkeypatch):
    """The process that answers for the host's scratch space."""
    monkeypatch.setattr(scratch_folders, "ANSWER_SECONDS", 2.0)
    folder = host.root / "stalling"
    monkeypatch.setattr(host, "scratch_dir", folder)
    with host.viewed_by("filter"), small_store.stalling(folder, 64 * MiB) as process:
        yield process
        host.clear()
    folder.rmdir()


def test_a_view_whose_scratch_space_hangs_stays_and_its_guest_runs_on(host, stalling):
    fabric_id = steps.protected(host, "hung")
    steps.write(host, fabric_id, 0, 0x11, steps.DISK_BYTES)
    base = steps.checkpoint(host, fabric_id)
    with pytest.raises(errors.DeadlineExceeded, match="does not answer"), steps.view(host, fabric_id, base):
        os.kill(stalling, signal.SIGSTOP)
        steps.write(host, fabric_id, 3 * BLOCK_BYTES, 0x33)
    assert not host.stands_still(fabric_id)
    steps.write(host, fabric_id, 5 * BLOCK_BYTES, 0x55)
    with pytest.raises(errors.DeadlineExceeded, match="does not answer"):
        host.fabric.tracking.end_left_over(fabric_id)
    os.kill(stalling, signal.SIGCONT)
    host.fabric.tracking.end_left_over(fabric_id)
    with steps.view(host, fabric_id, base) as session:
        assert steps.dirty_blocks(session.disks[0]) == {3, 5}
        assert steps.byte_at(session.disks[0], 5 * BLOCK_BYTES) == 0x55
