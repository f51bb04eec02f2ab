"""Cases about disk files that the owner changes with other tools: whatever does not fit must be compared."""

from __future__ import annotations

import shutil
from pathlib import Path

from ...datapath.extents import BLOCK_BYTES
from ..interface import ChangeSession
from . import steps
from .under_test import FabricUnderTest


class OwnerCases:
    def test_no_write_before_or_after_an_external_snapshot_is_left_out(
        self, under_test: FabricUnderTest
    ) -> None:
        steps.require_files(under_test)
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
        steps.require_files(under_test)
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

    def test_a_disk_at_rest_that_a_copy_of_another_disk_overwrote_is_compared(
        self, under_test: FabricUnderTest
    ) -> None:
        """The copy has a bitmap of the same name, which looks whole."""
        steps.require_files(under_test)
        fabric_id = steps.protected(under_test, "swap", (steps.DISK_BYTES, steps.DISK_BYTES))
        first, second = steps.keys_of(under_test, fabric_id)
        steps.write(under_test, fabric_id, 3 * BLOCK_BYTES, 0x03)
        steps.stopped(under_test, fabric_id)
        base = steps.checkpoint(under_test, fabric_id)
        assert steps.is_unwritten(under_test, fabric_id, (first, second), base) is under_test.proves_rest
        shutil.copyfile(under_test.disk_path(fabric_id, second), under_test.disk_path(fabric_id, first))
        assert under_test.fabric.tracking.unwritten(fabric_id, (first, second), base) is None
        for _never_arrives in range(2):
            with steps.view(under_test, fabric_id, base) as session:
                assert _shown_by(session) == {second: True, first: False}
        base = steps.checkpoint(under_test, fabric_id, base)
        assert steps.is_unwritten(under_test, fabric_id, (first, second), base) is under_test.proves_rest

    def test_a_start_a_stop_and_a_backup_cost_no_comparison(self, under_test: FabricUnderTest) -> None:
        steps.require_files(under_test)
        fabric_id = steps.protected(under_test, "mere-start")
        key = steps.keys_of(under_test, fabric_id)[0]
        steps.stopped(under_test, fabric_id)
        base = steps.checkpoint(under_test, fabric_id)
        under_test.disk_path(fabric_id, key).read_bytes()
        assert steps.is_unwritten(under_test, fabric_id, (key,), base) is under_test.proves_rest
        under_test.fabric.power.start(fabric_id)
        steps.stopped(under_test, fabric_id)
        for _never_arrives in range(2):
            with steps.view(under_test, fabric_id, base) as session:
                assert _shown_by(session) == {key: under_test.keeps_bitmaps}
        under_test.reopen()
        with steps.view(under_test, fabric_id, base) as session:
            assert _shown_by(session) == {key: under_test.keeps_bitmaps}

    def test_a_file_below_a_disk_at_rest_that_is_replaced_or_changed_is_compared(
        self, under_test: FabricUnderTest
    ) -> None:
        """Whichever file gets the number of the one that was removed."""
        steps.require_files(under_test)
        fabric_id = steps.protected(under_test, "below")
        key = steps.keys_of(under_test, fabric_id)[0]
        below = under_test.disk_path(fabric_id, key)
        under_test.take_snapshot(fabric_id, key)
        steps.stopped(under_test, fabric_id)
        copy = Path(shutil.copyfile(below, under_test.scratch_dir.with_name("below.qcow2")))
        base = steps.checkpoint(under_test, fabric_id)
        for is_removed in (True, False):
            base = steps.checkpoint(under_test, fabric_id, base)
            assert steps.is_unwritten(under_test, fabric_id, (key,), base) is under_test.proves_rest
            if is_removed:
                below.unlink()
            shutil.copyfile(copy, below)
            assert under_test.fabric.tracking.unwritten(fabric_id, (key,), base) is None
            with steps.view(under_test, fabric_id, base) as session:
                assert _shown_by(session) == {key: False}


def _shown_by(session: ChangeSession) -> dict[str, bool]:
    """By disk key: whether the view has a bitmap that counts."""
    return {disk.key: bool(disk.bitmaps) for disk in session.disks}


def _acknowledged(under_test: FabricUnderTest, fabric_id: str, base: str, written: set[int]) -> str:
    """The checkpoint of a view that shows these blocks, and marks them unless it is to be compared."""
    with steps.view(under_test, fabric_id, base) as session:
        disk = session.disks[0]
        assert not disk.bitmaps or steps.dirty_blocks(disk) == written
        assert [steps.byte_at(disk, block * BLOCK_BYTES) for block in sorted(written)] == sorted(written)
        assert session.checkpoint is not None
    under_test.fabric.tracking.acknowledge(fabric_id, session.checkpoint)
    return session.checkpoint
