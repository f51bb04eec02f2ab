"""Cases about machines whose disks move to the site's own storage while they run."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ...domain import errors
from ...ground import threads
from ...ground.units import MiB
from ..interface import DiskChanges, PowerState
from ..settling import NewPlace
from . import steps
from .under_test import FabricUnderTest


class SettlingCases:
    def test_a_running_machine_moves_to_a_folder_and_what_changed_since_its_checkpoint_is_known(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id, base = _written(under_test, "settles", (steps.DISK_BYTES, steps.DISK_BYTES))
        former = _paths(under_test, fabric_id)
        places, told = _folder(under_test, fabric_id), list[tuple[int, int]]()
        planned = under_test.fabric.settling.check(fabric_id, places)
        found = under_test.fabric.settling.settle(fabric_id, places, lambda *bytes_: told.append(bytes_))
        assert found == planned == _paths(under_test, fabric_id)
        assert not set(found.values()) & set(former.values())
        assert told[-1][0] == told[-1][1] > 0
        assert under_test.fabric.power.state(fabric_id) is PowerState.RUNNING
        steps.write(under_test, fabric_id, 2 * MiB, 0x43)
        with steps.view(under_test, fabric_id, base) as session:
            assert {16, 32} <= steps.dirty_blocks(session.disks[0]) <= {16, 32}
            assert steps.dirty_blocks(session.disks[1]) == set()
            assert _bytes_at(session.disks[0]) == {0: 0x41, MiB: 0x42, 2 * MiB: 0x43}
        under_test.fabric.tracking.acknowledge(fabric_id, session.checkpoint)
        assert session.checkpoint is not None
        steps.write(under_test, fabric_id, 3 * MiB, 0x44)
        steps.stopped(under_test, fabric_id)
        under_test.fabric.power.start(fabric_id)
        assert _paths(under_test, fabric_id) == found
        with steps.view(under_test, fabric_id, session.checkpoint) as session:
            assert steps.dirty_blocks(session.disks[0]) == {48}

    def test_a_move_that_its_caller_gives_up_leaves_the_machine_where_it_was(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id, base = _written(under_test, "given-up")
        former, places = _paths(under_test, fabric_id), _folder(under_test, fabric_id)

        def give_up() -> None:
            raise errors.StaleOrder("A later job has the machine.")

        with steps.refused(errors.StaleOrder):
            under_test.fabric.settling.settle(fabric_id, places, lambda *_: None, going_on=give_up)
        assert _paths(under_test, fabric_id) == former
        assert not list(Path(places["vda"].place).iterdir())
        assert not under_test.fabric.settling.end(fabric_id)
        with steps.view(under_test, fabric_id, base) as session:
            assert steps.dirty_blocks(session.disks[0]) == {16}

    def test_a_move_is_ended_by_another_call(self, under_test: FabricUnderTest) -> None:
        fabric_id, _ = _written(under_test, "ended")
        former, places = _paths(under_test, fabric_id), _folder(under_test, fabric_id)
        asked, ended = threading.Event(), list[bool]()

        def end() -> None:
            asked.wait(60)
            ended.append(under_test.fabric.settling.end(fabric_id))

        ending = threads.worker("ending", end)
        ending.start()

        def wait() -> None:
            asked.set()

        with steps.refused(errors.NotPossibleNow):
            under_test.fabric.settling.settle(
                fabric_id, places, lambda *_: None, bytes_per_second=64 * 1024, going_on=wait
            )
        ending.join(60)
        assert _paths(under_test, fabric_id) == former
        assert not list(Path(places["vda"].place).iterdir())

    def test_a_machine_that_goes_off_meanwhile_stays_on_its_disks(self, under_test: FabricUnderTest) -> None:
        fabric_id, _ = _written(under_test, "off-meanwhile")
        former, places = _paths(under_test, fabric_id), _folder(under_test, fabric_id)
        with steps.refused(errors.NotPossibleNow):
            under_test.fabric.settling.settle(
                fabric_id,
                places,
                lambda *_: None,
                bytes_per_second=64 * 1024,
                going_on=lambda: under_test.fabric.power.stop(fabric_id),
            )
        assert _paths(under_test, fabric_id) == former
        assert not list(Path(places["vda"].place).iterdir())
        with steps.refused(errors.NotPossibleNow):
            under_test.fabric.settling.check(fabric_id, places)
        under_test.fabric.power.start(fabric_id)

    def test_what_cannot_be_a_disks_place_is_refused(self, under_test: FabricUnderTest) -> None:
        fabric_id, _ = _written(under_test, "no-place")
        settling = under_test.fabric.settling
        for nowhere in ("no-such-pool", "/no/such/folder"):
            with steps.refused(errors.NotFound):
                settling.check(fabric_id, {"vda": NewPlace(nowhere)})
        [place] = _folder(under_test, fabric_id).values()
        settling.check(fabric_id, {"vda": replace(place, cache="writeback")})
        with steps.refused(errors.InvalidArgument):
            settling.check(fabric_id, {"vda": replace(place, cache="unsafe")})

    def test_a_file_that_is_there_already_is_left_alone_and_the_disk_gets_another_name(
        self, under_test: FabricUnderTest
    ) -> None:
        fabric_id, _ = _written(under_test, "taken")
        settling, places = under_test.fabric.settling, _folder(under_test, fabric_id)
        taken = Path(str(settling.check(fabric_id, places)["vda"]))
        taken.write_bytes(b"somebody's")
        found = settling.settle(fabric_id, places, lambda *_: None)
        assert taken.read_bytes() == b"somebody's"
        assert found == _paths(under_test, fabric_id)
        assert found["vda"] != taken


def _written(
    under_test: FabricUnderTest, name: str, disks_bytes: tuple[int, ...] = (steps.DISK_BYTES,)
) -> tuple[str, str]:
    """A machine that runs, with 0x41 at byte 0; its checkpoint; and 0x42 at 1 MiB since."""
    steps.require_hosts(under_test)
    fabric_id = steps.protected(under_test, name, disks_bytes)
    steps.write(under_test, fabric_id, 0, 0x41)
    base = steps.checkpoint(under_test, fabric_id)
    steps.write(under_test, fabric_id, 1 * MiB, 0x42)
    return fabric_id, base


def _folder(under_test: FabricUnderTest, fabric_id: str) -> dict[str, NewPlace]:
    folder = under_test.scratch_dir.with_name(f"pool-{uuid.uuid4().hex[:8]}")
    folder.mkdir()
    return {key: NewPlace(str(folder)) for key in steps.keys_of(under_test, fabric_id)}


def _paths(under_test: FabricUnderTest, fabric_id: str) -> Mapping[str, Path]:
    return {disk.key: Path(disk.path) for disk in steps.machine_of(under_test, fabric_id).definition.disks}


def _bytes_at(disk: DiskChanges) -> Mapping[int, int]:
    return {at: steps.byte_at(disk, at) for at in (0, MiB, 2 * MiB)}
