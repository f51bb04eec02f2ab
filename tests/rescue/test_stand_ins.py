"""What stands in without vault and appliance takes little of the store, whatever file system is asked for."""

import uuid
from types import SimpleNamespace
from typing import Any

import pytest

from rig import small_store
from secondsite.datapath.disks import file_system
from secondsite.ground.units import GiB, MiB, TiB
from secondsite.rescue import stand_ins

SIZE_BYTES = 40 * GiB
FEATURES = ("has_journal", "filetype", "sparse_super")
EXT3 = file_system.FileSystem("ext3", str(uuid.uuid4()), "data", 4096, FEATURES)


@pytest.fixture
def store(tmp_path):
    with small_store.on_disk(tmp_path / "small", 600 * MiB, small_store.EXT4) as root:
        yield root


def made(root, command):
    replica: Any = SimpleNamespace(run_folder=root, name="web01")
    path, why = stand_ins._disk(replica, "vdb", SIZE_BYTES, command, None)  # noqa: SLF001
    assert [each.name for each in root.iterdir() if each.is_file()] == [path.name]
    return path.stat().st_blocks * 512, why


def test_an_old_kind_takes_little(store):
    taken, why = made(store, file_system.command(EXT3, SIZE_BYTES))
    assert (taken < 50 * MiB, why) == (True, "")


def test_one_that_takes_too_much_is_left_out_and_its_room_given_back(store):
    """The start failed: no space was left on the device."""
    command = ["mke2fs", "-q", "-F", "-t", "ext3", "-N", "20000000"]
    taken, why = made(store, command)
    assert (taken < MiB, "takes too much room" in why) == (True, True)


def test_a_program_that_does_not_know_of_empty_files_makes_it_all_the_same(store, monkeypatch):
    small = file_system.command(EXT3, MiB)
    monkeypatch.setattr(stand_ins, "PREZEROED", ",no_such_option=1")
    older = [word.replace(file_system.PREZEROED, stand_ins.PREZEROED) for word in small]
    monkeypatch.setattr("tests.rescue.test_stand_ins.SIZE_BYTES", 512 * MiB)
    _, why = made(store, older)
    assert why == ""


@pytest.mark.parametrize("wants", [True, False])
def test_one_that_is_larger_than_any_file_there_is_empty(store, monkeypatch, wants):
    """It kept the machine from starting: ext4 has no file of 20 TiB."""
    monkeypatch.setattr("tests.rescue.test_stand_ins.SIZE_BYTES", 20 * TiB)
    taken, why = made(store, file_system.command(EXT3, GiB) if wants else [])
    assert (taken < 50 * MiB, "no file may be so large" in why) == (True, wants)
