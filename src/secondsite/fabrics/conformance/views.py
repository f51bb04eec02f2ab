"""Cases about frozen views, dirty bitmaps and checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from ...datapath.extents import BLOCK_BYTES
from ...domain import errors
from ...ground.units import KiB, MiB
from ..interface import ChangeSession
from . import steps
from .under_test import FabricUnderTest


class ViewCases:
    def test_a_frozen_view_shows_its_instant_and_no_later_write(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "frozen")
        base = steps.base_of_instants(under_test, fabric_id)
        steps.write(under_test, fabric_id, 1 * MiB, 0xAA, 256 * KiB)
        with steps.view(under_test, fabric_id, base) as session:
            assert session.is_instant
            before = steps.read(session.disks[0], *_what_it_has(session))
            steps.write(under_test, fabric_id, 1 * MiB, 0xBB, 256 * KiB)
            steps.write(under_test, fabric_id, 3 * MiB, 0xCC)
            assert steps.read(session.disks[0], *_what_it_has(session)) == before
        expected = bytearray(steps.DISK_BYTES)
        expected[1 * MiB : 1 * MiB + 256 * KiB] = b"\xaa" * (256 * KiB)
        assert before in (expected, b"\xaa" * (256 * KiB))

    def test_what_is_written_while_a_first_view_is_read_is_marked_for_the_next_one(
        self, under_test: FabricUnderTest
    ) -> None:
        """Also where that view is of no instant."""
        fabric_id = steps.protected(under_test, "first-during")
        steps.write(under_test, fabric_id, 2 * BLOCK_BYTES, 0x02)
        with steps.view(under_test, fabric_id, None) as session:
            steps.write(under_test, fabric_id, 5 * BLOCK_BYTES, 0x05)
            assert steps.byte_at(session.disks[0], 2 * BLOCK_BYTES) == 0x02
            assert steps.byte_at(session.disks[0], 5 * BLOCK_BYTES) in (0, *[0x05] * (not session.is_instant))
        under_test.fabric.tracking.acknowledge(fabric_id, session.checkpoint)
        with steps.view(under_test, fabric_id, session.checkpoint) as following:
            assert following.is_instant
            assert steps.dirty_blocks(following.disks[0]) == {5}
            assert steps.byte_at(following.disks[0], 5 * BLOCK_BYTES) == 0x05

    def test_a_first_view_has_no_bitmaps_and_a_new_checkpoint(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "first", [4 * MiB, 2 * MiB])
        with steps.view(under_test, fabric_id, None) as session:
            assert session.checkpoint is not None
            assert session.taken_at.tzinfo is not None
            assert [disk.bitmaps for disk in session.disks] == [(), ()]
            assert [disk.size_bytes for disk in session.disks] == [4 * MiB, 2 * MiB]
            assert [len(steps.content(disk)) for disk in session.disks] == [4 * MiB, 2 * MiB]

    def test_a_view_on_trial_leaves_nothing_behind(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.running(under_test, "trial", [4 * MiB, 2 * MiB])
        steps.write(under_test, fabric_id, 1 * MiB, 0xAA)
        before = steps.machine_of(under_test, fabric_id)
        for turn_off in (False, True) if under_test.fabric.properties.hosts else (False,):
            if turn_off:
                steps.stopped(under_test, fabric_id)
                before = steps.machine_of(under_test, fabric_id)
            with steps.view(under_test, fabric_id, None, trial=True) as session:
                assert session.checkpoint is None
                assert [len(steps.content(disk)) for disk in session.disks] == [4 * MiB, 2 * MiB]
                assert steps.byte_at(session.disks[0], 1 * MiB) == 0xAA
                assert session.holds()
            assert steps.machine_of(under_test, fabric_id) == before, "its tag and definition are as before"
            assert list(under_test.scratch_dir.iterdir()) == []
        assert steps.has_only(under_test, fabric_id)

    def test_a_view_on_trial_leaves_a_machines_base_alone(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "trial-based")
        base = steps.checkpoint(under_test, fabric_id)
        steps.write(under_test, fabric_id, 3 * BLOCK_BYTES, 0x03)
        with steps.view(under_test, fabric_id, None, trial=True) as session:
            steps.write(under_test, fabric_id, 5 * BLOCK_BYTES, 0x05)
            assert steps.byte_at(session.disks[0], 5 * BLOCK_BYTES) == 0x05 * (not session.is_instant)
        with steps.view(under_test, fabric_id, base) as session:
            assert steps.dirty_blocks(session.disks[0]) == {3, 5}

    def test_the_instant_of_a_view_lies_before_the_act_that_fixes_it(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = steps.protected(under_test, "instant")
        left: list[datetime] = []

        @contextmanager
        def noted() -> Iterator[None]:
            yield
            left.append(datetime.now(UTC))

        base = steps.base_of_instants(under_test, fabric_id)
        with steps.view(under_test, fabric_id, base, instant=noted) as session:
            assert session.taken_at <= left[0] - timedelta(seconds=session.pause_seconds)

    def test_the_second_view_marks_exactly_what_was_written(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "delta")
        steps.write(under_test, fabric_id, 0, 0x01, 512 * KiB)
        base = steps.checkpoint(under_test, fabric_id)
        steps.write(under_test, fabric_id, 1 * MiB, 0x02)
        steps.write(under_test, fabric_id, 2 * MiB - 4096, 0x03, 8192)
        with steps.view(under_test, fabric_id, base) as session:
            assert steps.dirty_blocks(session.disks[0]) == {16, 31, 32}
            assert steps.byte_at(session.disks[0], 1 * MiB) == 0x02

    def test_nothing_written_means_nothing_marked(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "idle")
        base = steps.checkpoint(under_test, fabric_id)
        with steps.view(under_test, fabric_id, base) as session:
            assert steps.dirty_blocks(session.disks[0]) == set()

    def test_a_write_during_a_view_belongs_to_the_next_one(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "during")
        base = steps.checkpoint(under_test, fabric_id)
        with steps.view(under_test, fabric_id, base) as session:
            steps.write(under_test, fabric_id, 5 * BLOCK_BYTES, 0x05)
            assert steps.dirty_blocks(session.disks[0]) == set()
        under_test.fabric.tracking.acknowledge(fabric_id, session.checkpoint)
        with steps.view(under_test, fabric_id, session.checkpoint) as following:
            assert steps.dirty_blocks(following.disks[0]) == {5}
            assert steps.byte_at(following.disks[0], 5 * BLOCK_BYTES) == 0x05

    def test_the_chain_of_deltas_goes_on_in_a_new_process(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "new-process")
        base = steps.checkpoint(under_test, fabric_id)
        steps.write(under_test, fabric_id, 7 * BLOCK_BYTES, 0x07)
        under_test.reopen()
        with steps.view(under_test, fabric_id, base) as session:
            assert steps.dirty_blocks(session.disks[0]) == {7}
        under_test.fabric.tracking.acknowledge(fabric_id, session.checkpoint)
        steps.write(under_test, fabric_id, 9 * BLOCK_BYTES, 0x09)
        under_test.reopen()
        with steps.view(under_test, fabric_id, session.checkpoint) as following:
            assert steps.dirty_blocks(following.disks[0]) == {9}

    def test_a_view_that_never_arrived_is_covered_by_the_next_from_the_same_base(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = steps.protected(under_test, "lost-view")
        base = steps.checkpoint(under_test, fabric_id)
        steps.write(under_test, fabric_id, 1 * BLOCK_BYTES, 0x01)
        with steps.view(under_test, fabric_id, base):
            pass
        steps.write(under_test, fabric_id, 2 * BLOCK_BYTES, 0x02)
        with steps.view(under_test, fabric_id, base) as session:
            assert steps.dirty_blocks(session.disks[0]) == {1, 2}

    def test_a_base_is_good_after_any_number_of_views_that_were_refused(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = steps.protected(under_test, "refused")
        base = steps.checkpoint(under_test, fabric_id)
        steps.write(under_test, fabric_id, 2 * BLOCK_BYTES, 0x02)
        for _ in range(12):
            with steps.view(under_test, fabric_id, base):
                pass
        with steps.view(under_test, fabric_id, base) as session:
            assert steps.dirty_blocks(session.disks[0]) == {2}

    def test_acknowledge_leaves_only_the_kept_checkpoint_and_can_be_repeated(
        self, under_test: FabricUnderTest
    ) -> None:
        tracking = under_test.fabric.tracking
        fabric_id = steps.protected(under_test, "acknowledge")
        first = steps.checkpoint(under_test, fabric_id)
        with steps.view(under_test, fabric_id, first):
            pass
        second = steps.checkpoint(under_test, fabric_id, first)
        steps.write(under_test, fabric_id, 3 * BLOCK_BYTES, 0x03)
        tracking.acknowledge(fabric_id, second)
        tracking.acknowledge(fabric_id, second)
        with steps.view(under_test, fabric_id, first) as session:
            assert session.disks[0].bitmaps == ()
        with steps.view(under_test, fabric_id, second) as session:
            assert steps.dirty_blocks(session.disks[0]) == {3}

    def test_an_unknown_base_gives_no_bitmaps_and_a_whole_view(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "unknown-base")
        steps.write(under_test, fabric_id, 0, 0x77)
        with steps.view(under_test, fabric_id, "secondsite-9-9-never") as session:
            assert session.disks[0].bitmaps == ()
            assert steps.content(session.disks[0])[:4096] == b"\x77" * 4096

    def test_a_base_counts_where_it_was_taken_over_and_nowhere_else(
        self, under_test: FabricUnderTest
    ) -> None:
        steps.require_hosts(under_test)
        fabric_id = steps.protected(under_test, "handed-over")
        base = steps.checkpoint(under_test, fabric_id)
        steps.write(under_test, fabric_id, 3 * BLOCK_BYTES, 0x33)
        tracking = under_test.fabric.tracking
        known = tracking.hand_over(fabric_id)
        for said in ("", "{", known):
            tracking.take_over(fabric_id, said)
            with steps.view(under_test, fabric_id, base) as session:
                (disk,) = session.disks
                comes_along = said == known and under_test.keeps_bitmaps
                assert bool(disk.bitmaps) is comes_along, said
                if disk.bitmaps:
                    assert steps.dirty_blocks(disk) == {3}
            tracking.acknowledge(fabric_id, base)
        assert fabric_id in under_test.fabric.inventory.running()

    def test_a_second_view_of_the_same_machine_is_refused_and_the_first_stays(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = steps.protected(under_test, "two-views")
        steps.write(under_test, fabric_id, 0, 0x0A)
        with steps.view(under_test, fabric_id, None) as session:
            with steps.refused(errors.FabricError):
                with steps.view(under_test, fabric_id, None):
                    pass
            assert steps.byte_at(session.disks[0], 0) == 0x0A
        with steps.view(under_test, fabric_id, None):
            pass

    def test_the_scratch_space_grows_when_the_guest_overwrites(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "scratch")
        base = steps.base_of_instants(under_test, fabric_id)
        steps.write(under_test, fabric_id, 0, 0x01, 2 * MiB)
        with steps.view(under_test, fabric_id, base) as session:
            before = session.scratch_bytes() if session.disks[0].collected is None else 0
            steps.write(under_test, fabric_id, 0, 0x02, 2 * MiB)
            assert session.scratch_bytes() >= before + 1 * MiB
        left = [path for path in under_test.scratch_dir.rglob("*") if path.is_file()]
        assert left == [], left

    def test_an_abandoned_view_takes_no_more_scratch_space_and_the_guest_writes_on(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = steps.protected(under_test, "abandoned")
        steps.write(under_test, fabric_id, 0, 0x01, 2 * MiB)
        base = steps.checkpoint(under_test, fabric_id)
        with steps.view(under_test, fabric_id, base) as session:
            steps.write(under_test, fabric_id, 0, 0x02)
            session.abandon()
            before = _scratch_left(session)
            steps.write(under_test, fabric_id, 0, 0x03, 2 * MiB)
            assert _scratch_left(session) <= before
            session.abandon()
        with steps.view(under_test, fabric_id, base) as session:
            assert steps.dirty_blocks(session.disks[0]) == set(range(32))

    def test_all_disks_share_one_instant(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "disks", [2 * MiB, 2 * MiB])
        base = steps.checkpoint(under_test, fabric_id)
        for disk in (0, 1):
            steps.write(under_test, fabric_id, disk * MiB, 0x31, disk=disk)
        with steps.view(under_test, fabric_id, base) as session:
            for disk in (0, 1):
                steps.write(under_test, fabric_id, disk * MiB, 0x32, disk=disk)
            assert [steps.byte_at(session.disks[disk], disk * MiB) for disk in (0, 1)] == [0x31, 0x31]
            assert [steps.dirty_blocks(session.disks[disk]) for disk in (0, 1)] == [{0}, {16}]

    def test_a_grown_disk_is_seen_with_its_new_size_and_keeps_its_delta(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = steps.protected(under_test, "grown")
        base = steps.checkpoint(under_test, fabric_id)
        key = steps.keys_of(under_test, fabric_id)[0]
        under_test.resize(fabric_id, key, 6 * MiB)
        steps.write(under_test, fabric_id, 5 * MiB, 0x5A)
        assert steps.machine_of(under_test, fabric_id).definition.disks[0].size_bytes == 6 * MiB
        with steps.view(under_test, fabric_id, base) as session:
            disk = session.disks[0]
            assert disk.size_bytes == 6 * MiB
            assert steps.byte_at(disk, 5 * MiB) == 0x5A
            assert not disk.bitmaps or 80 in steps.dirty_blocks(disk)


class PowerLossCases:
    def test_the_last_delta_of_a_machine_that_is_off_is_readable(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "off")
        base = steps.checkpoint(under_test, fabric_id)
        steps.write(under_test, fabric_id, 11 * BLOCK_BYTES, 0x0B)
        steps.stopped(under_test, fabric_id)
        for _ in range(2):
            with steps.view(under_test, fabric_id, base) as session:
                assert session.at_rest
                assert session.holds()
                assert steps.marks_since_off(under_test, session.disks[0], {11})
                assert steps.byte_at(session.disks[0], 11 * BLOCK_BYTES) == 0x0B

    def test_each_view_at_rest_begins_a_checkpoint_and_leaves_no_other(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = steps.protected(under_test, "off-names")
        base: str | None = steps.checkpoint(under_test, fabric_id)
        steps.write(under_test, fabric_id, 11 * BLOCK_BYTES, 0x0B)
        steps.stopped(under_test, fabric_id)
        for expected in ({11}, set()):
            with steps.view(under_test, fabric_id, base):
                pass  # it never arrived
            with steps.view(under_test, fabric_id, base) as session:
                assert steps.marks_since_off(under_test, session.disks[0], expected)
            base = session.checkpoint
            under_test.fabric.tracking.acknowledge(fabric_id, base)
            assert steps.has_only(under_test, fabric_id, *[base] * under_test.keeps_bitmaps)
        under_test.switch_on(fabric_id)
        steps.write(under_test, fabric_id, 12 * BLOCK_BYTES, 0x0C)
        with steps.view(under_test, fabric_id, base) as session:
            assert steps.marks_since_off(under_test, session.disks[0], {12})

    def test_a_machine_starts_while_it_is_read_and_the_view_does_not_hold(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = steps.protected(under_test, "off-start")
        base = steps.checkpoint(under_test, fabric_id)
        steps.stopped(under_test, fabric_id)
        with steps.view(under_test, fabric_id, base) as session:
            under_test.switch_on(fabric_id)
            assert not (session.holds() and under_test.keeps_bitmaps), "a start alone writes nothing"
            steps.write(under_test, fabric_id, 4 * BLOCK_BYTES, 0x04)
            assert not session.holds()
        steps.stopped(under_test, fabric_id)
        with steps.view(under_test, fabric_id, base) as session:
            assert steps.marks_since_off(under_test, session.disks[0], {4})

    def test_a_machine_that_is_off_can_be_read_in_full(self, under_test: FabricUnderTest) -> None:
        steps.require_hosts(under_test)
        fabric_id = steps.protected(under_test, "off-full")
        steps.write(under_test, fabric_id, 0, 0x0C, 1 * MiB)
        steps.stopped(under_test, fabric_id)
        with steps.view(under_test, fabric_id, None) as session:
            assert session.disks[0].bitmaps == ()
            assert steps.content(session.disks[0])[: 1 * MiB] == b"\x0c" * MiB

    def test_the_delta_goes_on_after_the_machine_was_off(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "off-on")
        base = steps.checkpoint(under_test, fabric_id)
        steps.write(under_test, fabric_id, 1 * BLOCK_BYTES, 0x01)
        steps.stopped(under_test, fabric_id)
        under_test.switch_on(fabric_id)
        steps.write(under_test, fabric_id, 2 * BLOCK_BYTES, 0x02)
        with steps.view(under_test, fabric_id, base) as session:
            assert steps.marks_since_off(under_test, session.disks[0], {1, 2})

    def test_a_delta_of_views_before_and_after_power_off_is_whole(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "lost-then-off")
        base = steps.checkpoint(under_test, fabric_id)
        steps.write(under_test, fabric_id, 1 * BLOCK_BYTES, 0x01)
        with steps.view(under_test, fabric_id, base):
            pass
        steps.write(under_test, fabric_id, 2 * BLOCK_BYTES, 0x02)
        steps.stopped(under_test, fabric_id)
        with steps.view(under_test, fabric_id, base) as session:
            assert steps.marks_since_off(under_test, session.disks[0], {1, 2})

    def test_what_a_machine_writes_until_it_is_off_is_told_where_it_is_kept(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = steps.protected(under_test, "kept", [2 * MiB, 2 * MiB])
        base = steps.checkpoint(under_test, fabric_id)
        steps.write(under_test, fabric_id, 1 * BLOCK_BYTES, 0x01)
        with under_test.fabric.tracking.keeping(fabric_id):
            for disk in (0, 1):
                steps.write(under_test, fabric_id, 2 * BLOCK_BYTES, 0x02, disk=disk)
            steps.stopped(under_test, fabric_id)
        for _ in range(2):
            assert not steps.is_unwritten(under_test, fabric_id, steps.keys_of(under_test, fabric_id), base)
            with steps.view(under_test, fabric_id, base) as session:
                assert [steps.dirty_blocks(disk) for disk in session.disks] == [{1, 2}, {2}]
                assert [steps.byte_at(disk, 2 * BLOCK_BYTES) for disk in session.disks] == [0x02, 0x02]
                assert session.holds()
        assert session.checkpoint is not None
        under_test.fabric.tracking.acknowledge(fabric_id, session.checkpoint)
        with steps.view(under_test, fabric_id, session.checkpoint) as session:
            assert [steps.dirty_blocks(disk) for disk in session.disks] == [set(), set()]
        under_test.switch_on(fabric_id)
        steps.write(under_test, fabric_id, 3 * BLOCK_BYTES, 0x03)
        with steps.view(under_test, fabric_id, session.checkpoint) as session:
            assert steps.marks_since_off(under_test, session.disks[0], {3})

    def test_a_machine_that_was_not_shut_down_after_all_is_as_before(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = steps.protected(under_test, "kept-on")
        base = steps.checkpoint(under_test, fabric_id)
        with under_test.fabric.tracking.keeping(fabric_id):
            steps.write(under_test, fabric_id, 1 * BLOCK_BYTES, 0x01)
        steps.write(under_test, fabric_id, 2 * BLOCK_BYTES, 0x02)
        with steps.view(under_test, fabric_id, base) as session:
            assert steps.dirty_blocks(session.disks[0]) == {1, 2}
        steps.write(under_test, fabric_id, 3 * BLOCK_BYTES, 0x03)
        steps.stopped(under_test, fabric_id)
        with steps.view(under_test, fabric_id, base) as session:
            assert steps.marks_since_off(under_test, session.disks[0], {1, 2, 3})

    def test_what_was_kept_is_told_after_the_death_of_this_process(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "kept-died")
        base = steps.checkpoint(under_test, fabric_id)
        died = under_test.fabric.tracking.keeping(fabric_id)
        died.__enter__()
        steps.write(under_test, fabric_id, 1 * BLOCK_BYTES, 0x01)
        under_test.reopen()
        steps.stopped(under_test, fabric_id)
        with steps.view(under_test, fabric_id, base) as session:
            assert steps.dirty_blocks(session.disks[0]) == {1}

    def test_what_is_left_of_keeping_is_taken_out_and_not_believed_later(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = steps.protected(under_test, "kept-left")
        base = steps.checkpoint(under_test, fabric_id)
        for at, end in enumerate((under_test.fabric.tracking.end_left_over, _nothing), 1):
            under_test.fabric.tracking.keeping(fabric_id).__enter__()
            under_test.reopen()
            end(fabric_id)
            steps.write(under_test, fabric_id, at * BLOCK_BYTES, at)
            with steps.view(under_test, fabric_id, base) as session:
                assert steps.dirty_blocks(session.disks[0]) == {*range(1, at + 1)}
        steps.write(under_test, fabric_id, 5 * BLOCK_BYTES, 0x05)
        steps.stopped(under_test, fabric_id)
        _empty_or_covers(under_test, fabric_id, base, {1, 2, 5})

    def test_what_was_kept_counts_only_if_the_machine_was_not_started_since(
        self, under_test: FabricUnderTest
    ) -> None:
        for end in (steps.stopped, steps.killed):
            fabric_id = steps.protected(under_test, "kept-then-on")
            base = steps.checkpoint(under_test, fabric_id)
            with under_test.fabric.tracking.keeping(fabric_id):
                steps.write(under_test, fabric_id, 1 * BLOCK_BYTES, 0x01)
                end(under_test, fabric_id)
            under_test.switch_on(fabric_id)
            steps.write(under_test, fabric_id, 2 * BLOCK_BYTES, 0x02)
            if under_test.fabric.properties.hosts:
                steps.stopped(under_test, fabric_id)
            _empty_or_covers(under_test, fabric_id, base, {1, 2})

    def test_a_machine_killed_while_it_is_kept_claims_nothing_falsely(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = steps.protected(under_test, "kept-killed")
        base = steps.checkpoint(under_test, fabric_id)
        with under_test.fabric.tracking.keeping(fabric_id):
            steps.write(under_test, fabric_id, 1 * BLOCK_BYTES, 0x01)
            steps.killed(under_test, fabric_id)
        _empty_or_covers(under_test, fabric_id, base, {1})

    def test_after_a_kill_no_base_is_claimed_falsely(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "kill-base")
        base = steps.checkpoint(under_test, fabric_id)
        steps.write(under_test, fabric_id, 4 * BLOCK_BYTES, 0x04)
        steps.killed(under_test, fabric_id)
        _empty_or_covers(under_test, fabric_id, base, {4})
        under_test.switch_on(fabric_id)
        steps.write(under_test, fabric_id, 6 * BLOCK_BYTES, 0x06)
        _empty_or_covers(under_test, fabric_id, base, {4, 6})

    def test_after_a_restart_and_a_kill_a_stored_base_is_not_claimed_falsely(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id = steps.protected(under_test, "kill-stored")
        base = steps.checkpoint(under_test, fabric_id)
        steps.stopped(under_test, fabric_id)
        under_test.switch_on(fabric_id)
        steps.write(under_test, fabric_id, 5 * BLOCK_BYTES, 0x05)
        steps.killed(under_test, fabric_id)
        _empty_or_covers(under_test, fabric_id, base, {5})
        under_test.switch_on(fabric_id)
        steps.write(under_test, fabric_id, 6 * BLOCK_BYTES, 0x06)
        _empty_or_covers(under_test, fabric_id, base, {5, 6})

    def test_after_a_kill_a_new_chain_of_deltas_begins(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "kill-anew")
        steps.checkpoint(under_test, fabric_id)
        steps.killed(under_test, fabric_id)
        under_test.switch_on(fabric_id)
        base = steps.checkpoint(under_test, fabric_id)
        steps.write(under_test, fabric_id, 8 * BLOCK_BYTES, 0x08)
        with steps.view(under_test, fabric_id, base) as session:
            assert steps.dirty_blocks(session.disks[0]) == {8}

    def test_a_kill_during_a_view_leaves_nothing_in_the_way(self, under_test: FabricUnderTest) -> None:
        fabric_id = steps.protected(under_test, "kill-view")
        with steps.view(under_test, fabric_id, None):
            steps.killed(under_test, fabric_id)
        under_test.switch_on(fabric_id)
        with steps.view(under_test, fabric_id, None) as session:
            assert session.checkpoint is not None

    def test_power_off_during_a_view_ends_the_view_not_the_machine(self, under_test: FabricUnderTest) -> None:
        steps.require_hosts(under_test)  # who switches a machine off from inside waits for its view
        fabric_id = steps.protected(under_test, "stop-view")
        base = steps.checkpoint(under_test, fabric_id)
        with steps.view(under_test, fabric_id, base):
            steps.write(under_test, fabric_id, 3 * BLOCK_BYTES, 0x03)
            steps.stopped(under_test, fabric_id)
        under_test.switch_on(fabric_id)
        _empty_or_covers(under_test, fabric_id, base, {3})


def _what_it_has(session: ChangeSession) -> tuple[int, int]:
    """Where, and how much: of a view that was collected what was written, else all."""
    disk = session.disks[0]
    return (0, disk.size_bytes) if disk.collected is None else (1 * MiB, 256 * KiB)


def _scratch_left(session: ChangeSession) -> int:
    """Bytes of scratch space of an abandoned view; its files may be gone."""
    try:
        return session.scratch_bytes()
    except OSError:
        return 0


def _empty_or_covers(under_test: FabricUnderTest, fabric_id: str, base: str, blocks: set[int]) -> None:
    if steps.is_silent(under_test, fabric_id):
        with steps.refused(errors.FabricError), steps.view(under_test, fabric_id, base):
            pass
        return
    with steps.view(under_test, fabric_id, base) as session:
        disk = session.disks[0]
        assert not disk.bitmaps or steps.dirty_blocks(disk) >= blocks


def _nothing(fabric_id: str) -> None:
    """What ends nothing."""
