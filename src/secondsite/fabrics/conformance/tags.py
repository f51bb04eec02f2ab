"""Cases about our tag on a machine, and that nothing of ours is left when it is removed."""

from __future__ import annotations

import dataclasses
import shutil

from ...datapath.disks import image
from ...domain import errors
from ..interface import AcknowledgedDisks
from . import steps
from .under_test import FabricUnderTest


class TagCases:
    def test_enable_can_be_repeated_and_refuses_a_foreign_tag(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.running(under_test, "tag")
        assert not [one for one in under_test.fabric.tracking.check(fabric_id) if one.blocking]
        for _ in range(2):
            under_test.fabric.tracking.enable(fabric_id, steps.TAG)
        with steps.refused(errors.NotOurs):
            under_test.fabric.tracking.enable(fabric_id, steps.OTHER_TAG)
        assert steps.machine_of(under_test, fabric_id).tag == steps.TAG

    def test_the_tag_survives_power_and_process(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "tag-stays")
        steps.checkpoint(under_test, fabric_id)
        steps.stopped(under_test, fabric_id)
        under_test.reopen()
        assert steps.machine_of(under_test, fabric_id).tag == steps.TAG

    def test_a_machine_that_is_defined_anew_is_recognized_by_its_disks(
        self, under_test: FabricUnderTest
    ) -> None:
        steps.require_files(under_test)
        tracking = under_test.fabric.tracking
        fabric_id = steps.protected(under_test, "anew")
        base = steps.checkpoint(under_test, fabric_id)
        had = AcknowledgedDisks(fabric_id, steps.keys_of(under_test, fabric_id), base)
        under_test.define_anew(fabric_id)
        assert under_test.fabric.inventory.tag(fabric_id) is None
        assert tracking.recognizes(had)
        steps.stopped(under_test, fabric_id)
        assert tracking.recognizes(had) is under_test.keeps_bitmaps
        assert not tracking.recognizes(dataclasses.replace(had, base=steps.new_checkpoint()))
        path = under_test.disk_path(fabric_id, had.disks[0])
        copy = under_test.scratch_dir.with_name("another.qcow2")
        image.create(copy, steps.DISK_BYTES)
        shutil.copyfile(copy, path)  # the path of a device stays that of a device
        copy.unlink()
        assert not tracking.recognizes(had)

    def test_disable_removes_checkpoints_and_tag_of_a_running_machine(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = steps.protected(under_test, "disable")
        base = steps.checkpoint(under_test, fabric_id)
        for _ in range(2):
            under_test.fabric.tracking.disable(fabric_id)
        assert steps.machine_of(under_test, fabric_id).tag is None
        with steps.view(under_test, fabric_id, base) as session:
            assert session.disks[0].bitmaps == ()
        under_test.fabric.tracking.disable(fabric_id)
        if under_test.has_files:
            steps.stopped(under_test, fabric_id)
        assert steps.has_only(under_test, fabric_id)

    def test_disable_works_for_a_machine_that_is_off(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "disable-off")
        steps.checkpoint(under_test, fabric_id)
        steps.stopped(under_test, fabric_id)
        under_test.fabric.tracking.disable(fabric_id)
        assert steps.machine_of(under_test, fabric_id).tag is None
        assert steps.has_only(under_test, fabric_id)

    def test_disable_works_for_a_machine_that_is_gone(self, under_test: FabricUnderTest) -> None:
        under_test.fabric.tracking.disable("00000000-0000-4000-8000-000000000000")
