"""Blocks that were read already, in a file without a name."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.datapath.disks import CollectedDisk
from secondsite.datapath.errors import DiskUnreadable
from secondsite.datapath.extents import Extent
from secondsite.ground.units import KiB

BLOCK = 4 * KiB
SIZE = 64 * BLOCK
Blocks = st.dictionaries(st.integers(0, 63), st.integers(0, 2), max_size=8)


@given(st.lists(Blocks, max_size=5))
def test_each_byte_is_the_one_that_was_kept_last(rounds):
    disk, expected, known = CollectedDisk(Path("/var/tmp"), SIZE), bytearray(SIZE), set()
    for written in rounds:
        chunks = [(at * BLOCK, bytearray([value]) * BLOCK) for at, value in written.items()]
        disk.keep(chunks)
        for offset, data in chunks:
            expected[offset : offset + len(data)] = data
            known |= set(range(offset // BLOCK, (offset + len(data)) // BLOCK))
    dirty = {n for e in disk.dirty() for n in range(e.offset // BLOCK, e.end // BLOCK)}
    assert dirty == known
    for offset, data in disk.read_many(disk.dirty()):
        assert data == expected[offset : offset + len(data)]
    for extent in disk.allocation(0, SIZE):
        assert not extent.zero or not any(expected[extent.offset : extent.end])
    disk.close()


def test_what_was_not_collected_cannot_be_read():
    disk = CollectedDisk(Path("/var/tmp"), SIZE)
    disk.keep([(0, bytearray(b"x" * BLOCK))])
    with pytest.raises(DiskUnreadable):
        disk.pread(BLOCK, BLOCK)
    assert disk.pread(BLOCK, 0) == b"x" * BLOCK
    disk.close()


def test_zeros_take_no_space_and_nothing_is_left_in_the_folder(tmp_path):
    disk = CollectedDisk(tmp_path, SIZE)
    disk.keep([(0, bytearray(SIZE))])
    assert disk.used_bytes == 0
    disk.keep([(0, bytearray(os.urandom(BLOCK)))])
    assert disk.used_bytes >= BLOCK
    assert list(tmp_path.iterdir()) == []
    disk.close()
    assert disk.used_bytes == 0
    assert disk.dirty() == [Extent(0, SIZE)]
