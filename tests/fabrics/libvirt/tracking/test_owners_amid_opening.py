"""What an owner does to a disk in the milliseconds in which a view by filters is opened: the guest is not
hurt, and no point is wrong."""

import contextlib

import libvirt
import pytest

from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.libvirt.tracking import view_plan
from secondsite.ground.units import KiB, MiB

pytestmark = pytest.mark.slow

DISK = 4 * MiB


@pytest.fixture(params=[1, 2], ids=["one", "two"])
def machine(host, request):
    """A machine of one disk or two, with its base."""
    with host.viewed_by("filter"):
        fabric_id = steps.protected(host, "amid", [DISK] * request.param)
        yield fabric_id, steps.checkpoint(host, fabric_id)


def amid(act):
    """Does so just before the instant."""

    @contextlib.contextmanager
    def instant():
        act()
        yield

    return instant


def is_given_up(host, fabric_id, base, act):
    with pytest.raises(errors.FabricError) as told, steps.view(host, fabric_id, base, instant=amid(act)):
        pytest.fail("the view was opened")
    return "resized, or got a snapshot" in told.value.message


def test_a_snapshot_gives_the_view_up_and_what_was_written_to_it_is_in_the_next(host, machine):
    fabric_id, base = machine

    def snapshot():
        host.take_snapshot(fabric_id, "vda")
        steps.write(host, fabric_id, 256 * KiB, 7)

    assert is_given_up(host, fabric_id, base, snapshot)
    with steps.view(host, fabric_id, base) as session:
        disk = session.disks[0]
        assert steps.byte_at(disk, 256 * KiB) == 7
        assert not disk.bitmaps or 4 in steps.dirty_blocks(disk)


def test_a_resize_gives_the_view_up_and_the_guest_can_write_to_the_new_part(host, machine):
    fabric_id, base = machine
    assert is_given_up(host, fabric_id, base, lambda: host.resize(fabric_id, "vda", 2 * DISK))
    steps.write(host, fabric_id, DISK + 64 * KiB, 9)
    with steps.view(host, fabric_id, base) as session:
        assert steps.byte_at(session.disks[0], DISK + 64 * KiB) == 9
        steps.write(host, fabric_id, DISK + 128 * KiB, 9)


def test_a_commit_cannot_begin(host, machine):
    fabric_id, base = machine
    host.take_snapshot(fabric_id, "vda")
    steps.checkpoint(host, fabric_id, base)
    refused = []

    def commit():
        try:
            begin_commit(host, fabric_id)
        except libvirt.libvirtError as error:
            refused.append(str(error))

    with steps.view(host, fabric_id, None, instant=amid(commit)):
        assert "root block node" in refused[0]
    host.end_snapshot(fabric_id, "vda")


def test_a_commit_that_began_before_has_no_filter_put_in(host, machine, monkeypatch):
    fabric_id, base = machine
    host.take_snapshot(fabric_id, "vda")
    base = steps.checkpoint(host, fabric_id, base)
    make = view_plan.make_scratch

    def begun(plan):
        make(plan)
        begin_commit(host, fabric_id)

    monkeypatch.setattr(view_plan, "make_scratch", begun)
    with pytest.raises(errors.FabricError) as told, steps.view(host, fabric_id, base):
        pytest.fail("the view was opened")
    assert "block job" in told.value.message
    domain = host.domain(fabric_id)
    eventually(lambda: "ready='yes'" in domain.XMLDesc())
    domain.blockJobAbort("vda", libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
    monkeypatch.undo()
    steps.write(host, fabric_id, 128 * KiB, 5)
    with steps.view(host, fabric_id, base) as session:
        assert steps.byte_at(session.disks[0], 128 * KiB) == 5


def begin_commit(host, fabric_id):
    host.domain(fabric_id).blockCommit("vda", None, None, 0, libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE)


def test_a_snapshot_before_the_gates_are_in_is_not_passed_by(host, machine, monkeypatch):
    fabric_id, base = machine
    make = view_plan.make_scratch

    def snapshot(plan):
        make(plan)
        host.take_snapshot(fabric_id, "vda")
        steps.write(host, fabric_id, 256 * KiB, 7)

    monkeypatch.setattr(view_plan, "make_scratch", snapshot)
    with pytest.raises(errors.FabricError) as told, steps.view(host, fabric_id, base):
        pytest.fail("the view was opened")
    assert "read-only" in told.value.message
    monkeypatch.undo()
    (drive, *_) = host.qmp(fabric_id, "query-block")["return"]
    assert drive["inserted"]["file"] == str(host.disk_path(fabric_id, "vda"))
    with steps.view(host, fabric_id, base) as session:
        assert steps.byte_at(session.disks[0], 256 * KiB) == 7
