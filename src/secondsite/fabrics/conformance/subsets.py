"""Cases about views of some of a machine's disks: disks are included, excluded, detached and attached
again."""

from __future__ import annotations

from ...ground.units import MiB
from . import steps
from .under_test import FabricUnderTest

BOTH = (steps.DISK_BYTES, steps.DISK_BYTES)


class SubsetCases:
    def test_a_disk_that_joins_has_no_base_and_the_others_keep_theirs(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = steps.protected(under_test, "joins", BOTH)
        first, second = steps.keys_of(under_test, fabric_id)
        base = steps.checkpoint(under_test, fabric_id, disks=(first,))
        steps.write(under_test, fabric_id, 1 * MiB, 0x31)
        steps.write(under_test, fabric_id, 2 * MiB, 0x32, disk=1)
        with steps.view(under_test, fabric_id, base) as session:
            known, joining = session.disks
            assert (known.key, joining.key) == (first, second)
            assert steps.dirty_blocks(known) == {16}
            assert joining.bitmaps == ()
            assert steps.byte_at(joining, 2 * MiB) == 0x32
        under_test.fabric.tracking.acknowledge(fabric_id, session.checkpoint)
        steps.write(under_test, fabric_id, 3 * MiB, 0x33, disk=1)
        with steps.view(under_test, fabric_id, session.checkpoint) as session:
            assert [steps.dirty_blocks(disk) for disk in session.disks] == [set(), {48}]

    def test_a_disk_that_was_out_for_a_while_has_no_base_when_it_is_back(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = steps.protected(under_test, "back", BOTH)
        first, _ = steps.keys_of(under_test, fabric_id)
        base = steps.checkpoint(under_test, fabric_id)
        base = steps.checkpoint(under_test, fabric_id, base, disks=(first,))
        steps.write(under_test, fabric_id, 2 * MiB, 0x34, disk=1)
        with steps.view(under_test, fabric_id, base) as session:
            assert steps.dirty_blocks(session.disks[0]) == set()
            assert session.disks[1].bitmaps == ()
            assert steps.byte_at(session.disks[1], 2 * MiB) == 0x34
