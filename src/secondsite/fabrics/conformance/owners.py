"""Cases about disk files that their owner changes with tools of their own: whatever does not fit means comparing."""

from __future__ import annotations

import shutil

from ...datapath.granularity import BLOCK_BYTES
from . import steps
from .under_test import FabricUnderTest


class OwnerCases:
    def test_no_write_before_or_after_an_external_snapshot_is_left_out(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = steps.protected(under_test, "snapshot")
        key = steps.keys_of(under_test, fabric_id)[0]
        base = steps.checkpoint(under_test, fabric_id)
        steps.write(under_test, fabric_id, 3 * BLOCK_BYTES, 0x03)
        below = under_test.disk_path(fabric_id, key)
        under_test.take_snapshot(fabric_id, key)
        assert under_test.disk_path(fabric_id, key) != below
        steps.write(under_test, fabric_id, 5 * BLOCK_BYTES, 0x05)
        base = _acknowledged(under_test, fabric_id, base, {3, 5})
        steps.write(under_test, fabric_id, 7 * BLOCK_BYTES, 0x07)
        under_test.end_snapshot(fabric_id, key)
        assert under_test.disk_path(fabric_id, key) == below
        steps.write(under_test, fabric_id, 9 * BLOCK_BYTES, 0x09)
        base = _acknowledged(under_test, fabric_id, base, {7, 9})
        steps.stopped(under_test, fabric_id)
        _acknowledged(under_test, fabric_id, base, set())

    def test_an_older_copy_that_is_put_back_in_place_is_compared(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "put-back")
        path = under_test.disk_path(fabric_id, steps.keys_of(under_test, fabric_id)[0])
        steps.write(under_test, fabric_id, 3 * BLOCK_BYTES, 0x03)
        steps.checkpoint(under_test, fabric_id)
        steps.stopped(under_test, fabric_id)
        copy = under_test.scratch_dir.with_name("copy.qcow2")
        shutil.copyfile(path, copy)
        under_test.fabric.power.start(fabric_id)
        steps.write(under_test, fabric_id, 3 * BLOCK_BYTES, 0x33)
        base = steps.checkpoint(under_test, fabric_id)
        steps.stopped(under_test, fabric_id)
        shutil.copyfile(copy, path)
        with steps.view(under_test, fabric_id, base) as session:
            assert session.disks[0].bitmaps == ()
            assert steps.byte_at(session.disks[0], 3 * BLOCK_BYTES) == 0x03


def _acknowledged(under_test: FabricUnderTest, fabric_id: str, base: str, written: set[int]) -> str:
    """The checkpoint of a view that shows these blocks, and marks them unless it is to be compared."""
    with steps.view(under_test, fabric_id, base) as session:
        disk = session.disks[0]
        assert not disk.bitmaps or steps.dirty_blocks(disk) == written
        assert [steps.byte_at(disk, block * BLOCK_BYTES) for block in sorted(written)] == sorted(written)
        assert session.checkpoint is not None
    under_test.fabric.tracking.acknowledge(fabric_id, session.checkpoint)
    return session.checkpoint
