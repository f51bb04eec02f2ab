"""Cases about `unwritten`: if it says that nothing was written since a checkpoint, that is true."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from ...datapath.extents import BLOCK_BYTES
from ...ground.units import MiB
from ..interface import AcknowledgedDisks, PowerState, Unwritten
from . import steps
from .under_test import FabricUnderTest


class WriteCases:
    def test_a_machine_that_wrote_nothing_since_its_checkpoint_says_so_and_when(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = steps.protected(under_test, "silent", [4 * MiB, 2 * MiB])
        steps.write(under_test, fabric_id, 0, 0x01)
        base = steps.checkpoint(under_test, fabric_id)
        before = datetime.now(UTC)
        for _ in range(2):
            found = _asked(under_test, fabric_id, base)
            assert found is not None
            assert before <= found.taken_at <= datetime.now(UTC)
            assert list(found.sizes_bytes.values()) == [4 * MiB, 2 * MiB]

    def test_a_write_to_any_disk_is_told_until_the_next_checkpoint(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "writes", [2 * MiB, 2 * MiB])
        base = steps.checkpoint(under_test, fabric_id)
        for disk in (0, 1):
            steps.write(under_test, fabric_id, 7 * BLOCK_BYTES, 0x07, disk=disk)
            assert _asked(under_test, fabric_id, base) is None
            base = steps.checkpoint(under_test, fabric_id, base)
            assert _asked(under_test, fabric_id, base) is not None
        steps.write(under_test, fabric_id, 2 * MiB - 4096, 0x00, disk=1)
        assert _asked(under_test, fabric_id, base) is None
        keys = steps.keys_of(under_test, fabric_id)
        if under_test.has_files:
            assert under_test.fabric.tracking.unwritten(fabric_id, keys[:1], base) is not None

    def test_only_the_acknowledged_checkpoint_is_spoken_of(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "which")
        first = steps.checkpoint(under_test, fabric_id)
        assert _asked(under_test, fabric_id, "secondsite-9-9-never") is None
        with steps.view(under_test, fabric_id, first) as session:
            second = session.checkpoint
        assert second is not None
        for base in (first, second):  # one of them is to go first
            assert _asked(under_test, fabric_id, base) is None
        under_test.fabric.tracking.acknowledge(fabric_id, first)
        if under_test.has_files:  # who only counts writes knows those since the last instant
            assert _asked(under_test, fabric_id, first) is not None
        assert _asked(under_test, fabric_id, second) is None

    def test_another_process_is_told_the_same(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "asked-anew")
        base = steps.checkpoint(under_test, fabric_id)
        under_test.reopen()
        assert _asked(under_test, fabric_id, base) is not None
        steps.write(under_test, fabric_id, 0, 0x01)
        under_test.reopen()
        assert _asked(under_test, fabric_id, base) is None

    def test_a_machine_that_is_off_needs_a_view_and_what_it_wrote_before_is_told_after_it(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = steps.protected(under_test, "off-silent")
        base = steps.checkpoint(under_test, fabric_id)
        steps.write(under_test, fabric_id, 0, 0x01)
        steps.stopped(under_test, fabric_id)
        assert _asked(under_test, fabric_id, base) is None
        under_test.switch_on(fabric_id)
        assert _asked(under_test, fabric_id, base) is None

    def test_after_a_kill_nothing_is_claimed_falsely(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "kill-silent")
        stored = steps.checkpoint(under_test, fabric_id)
        steps.stopped(under_test, fabric_id)
        under_test.switch_on(fabric_id)
        fresh = steps.checkpoint(under_test, fabric_id, stored)
        steps.write(under_test, fabric_id, 0, 0x01)
        steps.killed(under_test, fabric_id)
        for base in (stored, fresh):
            assert _asked(under_test, fabric_id, base) is None
        under_test.switch_on(fabric_id)
        for base in (stored, fresh):
            assert _asked(under_test, fabric_id, base) is None

    def test_a_grown_disk_is_told_with_its_new_size_or_needs_a_view(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = steps.protected(under_test, "grown-silent")
        base = steps.checkpoint(under_test, fabric_id)
        key = steps.keys_of(under_test, fabric_id)[0]
        under_test.resize(fabric_id, key, 6 * MiB)
        found = _asked(under_test, fabric_id, base)
        assert found is None or found.sizes_bytes == {key: 6 * MiB}

    def test_of_many_machines_those_are_named_that_wrote_nothing(self, under_test: FabricUnderTest) -> None:
        machines = [steps.protected(under_test, f"among-{number}") for number in range(3)]
        asked = [
            AcknowledgedDisks(each, steps.keys_of(under_test, each), steps.checkpoint(under_test, each))
            for each in machines
        ]
        asked.append(AcknowledgedDisks(str(uuid.uuid4()), ("vda",), "secondsite-1-1-gone"))
        before = datetime.now(UTC)
        found = under_test.fabric.tracking.all_unwritten(asked)
        assert set(found) == set(machines)
        assert all(before <= each.taken_at <= datetime.now(UTC) for each in found.values())
        steps.write(under_test, machines[1], 0, 0x01)
        assert set(under_test.fabric.tracking.all_unwritten(asked)) == {machines[0], machines[2]}
        steps.stopped(under_test, machines[2])
        assert set(under_test.fabric.tracking.all_unwritten(asked)) == {machines[0]}
        assert under_test.fabric.tracking.all_unwritten([]) == {}

    def test_a_disk_that_is_not_there_needs_a_view(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "no-such-disk")
        base = steps.checkpoint(under_test, fabric_id)
        keys = (*steps.keys_of(under_test, fabric_id), "vdz")
        assert under_test.fabric.tracking.unwritten(fabric_id, keys, base) is None


def _asked(under_test: FabricUnderTest, fabric_id: str, base: str) -> Unwritten | None:
    """The answer for the machine alone. Checks that asking for it together with others never says "nothing
    written" when asking alone does not."""
    keys = steps.keys_of(under_test, fabric_id)
    alone = under_test.fabric.tracking.unwritten(fabric_id, keys, base)
    together = under_test.fabric.tracking.all_unwritten([AcknowledgedDisks(fabric_id, keys, base)])
    if alone is None:
        assert not together
    elif under_test.fabric.power.state(fabric_id) is PowerState.RUNNING:
        assert together[fabric_id].sizes_bytes == alone.sizes_bytes
    return alone
