"""A guest that shuts down takes the running view along (P7): the cycle fails, and its repeat from the same base, now
from the disks at rest, brings the whole truth."""

import contextlib
import hashlib

import nbd
import pytest

from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import PowerState
from tests.fabrics.libvirt.test_guests import GuestMachine, digest_of_image, view

pytestmark = pytest.mark.guest

BLOCK = 65536


@pytest.fixture
def protected(rig):
    machine = GuestMachine(rig)
    machine.boot()
    machine.protect()
    return machine


@contextlib.contextmanager
def connected(disk):
    handle = nbd.NBD()
    handle.set_export_name(disk.export)
    handle.connect_unix(str(disk.socket))
    try:
        yield handle
    finally:
        with contextlib.suppress(nbd.Error):  # the other end may be gone
            handle.shutdown()


def bring(copy, disk, blocks):
    with connected(disk) as handle:
        for block in blocks:
            copy[block * BLOCK : (block + 1) * BLOCK] = handle.pread(BLOCK, block * BLOCK)


def full_copy(rig, machine):
    with view(rig, machine) as session:
        disk = session.disks[0]
        copy = bytearray(disk.size_bytes)
        bring(copy, disk, range(len(copy) // BLOCK))
    rig.fabric.tracking.acknowledge(machine.id, session.checkpoint)
    return copy, session.checkpoint


def shut_down_in_a_view(rig, machine, base):
    """The first reads of the cycle succeed; the ones after the shutdown fail."""
    with view(rig, machine, base) as session, connected(session.disks[0]) as handle:
        assert session.disks[0].bitmaps
        handle.pread(BLOCK, 0)
        assert rig.fabric.power.shut_down(machine.id, 30)
        with pytest.raises(nbd.Error):
            handle.pread(BLOCK, BLOCK)


def test_a_cycle_cut_by_a_shutdown_is_repeated_from_the_same_base_at_rest(rig, protected):
    copy, base = full_copy(rig, protected)
    protected.writes_on()
    shut_down_in_a_view(rig, protected, base)
    assert rig.fabric.power.state(protected.id) is PowerState.OFF
    assert not list(rig.scratch_dir.iterdir())
    with view(rig, protected, base) as session:
        disk = session.disks[0]
        assert session.checkpoint is None
        blocks = steps.dirty_blocks(disk)
        assert 0 < len(blocks) < len(copy) // BLOCK
        bring(copy, disk, blocks)
    assert hashlib.sha256(copy).hexdigest() == digest_of_image(rig, protected.disk)


def test_after_a_cycle_cut_by_a_shutdown_the_chain_goes_on_when_the_guest_runs_again(rig, protected):
    copy, base = full_copy(rig, protected)
    protected.writes_on()
    shut_down_in_a_view(rig, protected, base)
    protected.boot()
    with view(rig, protected, base) as session:
        disk = session.disks[0]
        assert disk.bitmaps
        bring(copy, disk, steps.dirty_blocks(disk))
        with connected(disk) as handle:
            whole = b"".join(bytes(handle.pread(BLOCK, at)) for at in range(0, len(copy), BLOCK))
    assert hashlib.sha256(copy).digest() == hashlib.sha256(whole).digest()
    rig.fabric.tracking.acknowledge(protected.id, session.checkpoint)
    assert [one.getName() for one in rig.domain(protected.id).listAllCheckpoints()] == [session.checkpoint]
