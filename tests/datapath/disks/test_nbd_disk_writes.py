"""Many writes in flight to a real qemu-nbd end as if each had been waited for."""

import os
import random
import time

import pytest

from secondsite.datapath.disks.nbd_disk import NbdDisk
from secondsite.datapath.disks.writes import Writes
from secondsite.datapath.errors import DiskUnreadable
from secondsite.ground.units import KiB, MiB
from tests.datapath.support_channel import nbd_server

SIZE = 8 * MiB


@pytest.fixture
def server(tmp_path):
    image = tmp_path / "disk.raw"
    image.write_bytes(bytes(SIZE))
    with nbd_server(tmp_path, image) as socket_path:
        yield socket_path


def test_overlapping_writes_and_zeros_keep_their_order(server):
    rng = random.Random(5)
    expected = bytearray(SIZE)
    with NbdDisk(server) as disk:
        with Writes(disk) as writes:
            for _ in range(400):
                offset, length = rng.randrange(0, SIZE - 256 * KiB, 512), rng.randrange(512, 256 * KiB, 512)
                data = bytes(length) if rng.random() < 0.3 else rng.randbytes(length)
                if any(data):
                    writes.write(data, offset)
                else:
                    writes.zero(length, offset)
                expected[offset : offset + length] = data
        assert disk.pread(SIZE, 0) == expected


def test_leaving_waits_for_what_is_in_flight(server):
    with NbdDisk(server) as disk, NbdDisk(server) as reader:
        with pytest.raises(KeyError):
            with Writes(disk) as writes:
                writes.write(b"x" * MiB, 0)
                raise KeyError("the cycle was damaged")
        assert reader.pread(MiB, 0) == b"x" * MiB


def test_a_server_that_dies_is_told_at_the_latest_when_leaving(tmp_path):
    image = tmp_path / "disk.raw"
    image.write_bytes(bytes(SIZE))
    with nbd_server(tmp_path, image) as socket_path:
        disk = NbdDisk(socket_path)
    with pytest.raises(DiskUnreadable):
        with Writes(disk) as writes:
            for number in range(4):
                writes.write(bytes(MiB), number * MiB)


def test_a_write_that_fails_is_waited_for_once(small, tmp_path):
    fresh = small("full", 2 * MiB) / "disk.raw"
    fresh.touch()
    os.truncate(fresh, SIZE)
    with nbd_server(tmp_path, fresh) as socket_path, NbdDisk(socket_path, io_seconds=5) as disk:
        began = time.monotonic()
        with pytest.raises(DiskUnreadable, match="No space left"), Writes(disk) as writes:
            for at in range(0, 4 * MiB, MiB):
                writes.write(bytes([1]) * MiB, at)
            writes.settle()
        assert time.monotonic() - began < 4
