"""A guest that shuts down takes the running view along (P7): the cycle fails, and its repeat from the same
base, now from the disks at rest, brings the whole truth."""

import hashlib

import nbd
import pytest

from rig import images
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import PowerState
from secondsite.fabrics.libvirt.tracking import bitmaps
from tests.fabrics.libvirt.support_guests import GuestMachine, connected, view

pytestmark = [pytest.mark.slow, pytest.mark.guest]

BLOCK = 65536


@pytest.fixture
def protected(host):
    machine = GuestMachine(host)
    machine.boot()
    machine.protect()
    return machine


def bring(copy, disk, blocks):
    with connected(disk) as handle:
        for block in blocks:
            copy[block * BLOCK : (block + 1) * BLOCK] = handle.pread(BLOCK, block * BLOCK)


def full_copy(host, machine):
    with view(host, machine) as session:
        disk = session.disks[0]
        copy = bytearray(disk.size_bytes)
        bring(copy, disk, range(len(copy) // BLOCK))
    host.fabric.tracking.acknowledge(machine.id, session.checkpoint)
    return copy, session.checkpoint


def shut_down_in_a_view(host, machine, base):
    """The first reads of the cycle succeed; the ones after the shutdown fail."""
    with view(host, machine, base) as session, connected(session.disks[0]) as handle:
        assert session.disks[0].bitmaps
        handle.pread(BLOCK, 0)
        assert host.fabric.power.shut_down(machine.id, 30)
        with pytest.raises(nbd.Error):
            handle.pread(BLOCK, BLOCK)


def test_a_cycle_cut_by_a_shutdown_is_repeated_from_the_same_base_at_rest(host, protected):
    copy, base = full_copy(host, protected)
    protected.writes_on()
    shut_down_in_a_view(host, protected, base)
    assert host.fabric.power.state(protected.id) is PowerState.OFF
    assert not list(host.scratch_dir.iterdir())
    with view(host, protected, base) as session:
        disk = session.disks[0]
        assert session.at_rest
        blocks = steps.dirty_blocks(disk)
        assert 0 < len(blocks) < len(copy) // BLOCK
        bring(copy, disk, blocks)
    assert hashlib.sha256(copy).hexdigest() == images.digest(protected.disk)


def test_after_a_cycle_cut_by_a_shutdown_the_chain_goes_on_when_the_guest_runs_again(host, protected):
    copy, base = full_copy(host, protected)
    protected.writes_on()
    shut_down_in_a_view(host, protected, base)
    protected.boot()
    with view(host, protected, base) as session:
        disk = session.disks[0]
        assert disk.bitmaps
        bring(copy, disk, steps.dirty_blocks(disk))
        with connected(disk) as handle:
            whole = b"".join(bytes(handle.pread(BLOCK, at)) for at in range(0, len(copy), BLOCK))
    assert hashlib.sha256(copy).digest() == hashlib.sha256(whole).digest()
    host.fabric.tracking.acknowledge(protected.id, session.checkpoint)
    found = bitmaps.look(host.domain(protected.id)).bitmaps
    assert list(found["vda"]) == [session.checkpoint]
