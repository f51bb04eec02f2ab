"""Comparing by digests, over a real connection."""

from typing import Any, cast

import pytest

from secondsite.datapath.digests import hashes
from secondsite.datapath.disks import NbdDisk
from secondsite.datapath.errors import Cancelled, CycleRefused, PeerRefused
from secondsite.datapath.extents import BLOCK_BYTES, PAGE_BYTES, Extent
from secondsite.datapath.transfer import compare, sender
from secondsite.datapath.transfer.sender import DiskPlan
from secondsite.ground.units import MiB
from tests.datapath.support_channel import cycle_header, disk_content, served_disk, whole

SIZE = 160 * MiB + 512


def begin(connection, size):
    connection.send_message("BEGIN", header=cycle_header(size).to_json())
    connection.receive_message("ACCEPT")


def test_digests_of_zeros_are_those_of_zero_bytes():
    for length in (BLOCK_BYTES, 3 * BLOCK_BYTES, BLOCK_BYTES + 512, 512):
        assert hashes.zero_digests(length) == hashes.block_digests(bytes(length))
    assert hashes.digest(bytes(BLOCK_BYTES)) == hashes.ZERO_BLOCK_DIGEST


@pytest.mark.slow
def test_many_regions_are_compared_and_only_differing_pages_are_found(target, tmp_path):
    theirs = disk_content(SIZE)
    places = [0, 33 * MiB + 5, 34 * MiB, 34 * MiB + BLOCK_BYTES, 150 * MiB, SIZE - 1]
    ours = bytearray(theirs)
    for place in places:
        ours[place] ^= 0xFF
    target.admission.replica["vda"] = bytes(theirs)
    calls: list[Any] = []
    limited: list[int] = []
    with served_disk(tmp_path, ours) as disk, target.dial() as connection:
        begin(connection, SIZE)
        read = compare.reading(disk, limited.append)
        found = compare.differing(connection, 0, SIZE, read, whole(ours), calls.append)
    assert found == [
        Extent(0, PAGE_BYTES),
        Extent(33 * MiB, PAGE_BYTES),
        Extent(34 * MiB, PAGE_BYTES),
        Extent(34 * MiB + BLOCK_BYTES, PAGE_BYTES),
        Extent(150 * MiB, PAGE_BYTES),
        Extent(160 * MiB, 512),
    ]
    assert sum(calls) == SIZE
    assert sum(limited) == SIZE, "all that is read is read as the limit lets it"


def test_a_disk_whose_digests_are_told_is_read_only_where_it_differs(target, tmp_path):
    theirs = disk_content(24 * MiB + 512)
    ours = bytearray(theirs)
    ours[9 * MiB + 5 : 9 * MiB + 6] = bytes([ours[9 * MiB + 5] ^ 0xFF])
    target.admission.replica["vda"] = bytes(theirs)
    asked: list[Extent] = []

    def tell(region):
        asked.append(region)
        content = ours[region.offset : region.end]
        return hashes.block_digests(content), hashes.page_digests(content)

    with served_disk(tmp_path, ours) as disk, target.dial() as connection:
        read, real = [], disk.read_many

        def read_many(wanted, buffers=None):
            read.extend(wanted)
            return real(wanted, buffers)

        disk.read_many = read_many
        source = hashes.DigestSource(tell, 4 * MiB)
        plan = DiskPlan(disk, "vda", compare=whole(ours), digests=source)
        result = sender.send_cycle(connection, cycle_header(len(ours)), [plan])
    assert [each.length for each in asked] == [4 * MiB] * 6 + [512]
    assert read == [Extent(9 * MiB, PAGE_BYTES)]
    assert (result.differing_bytes, result.compared_bytes) == (PAGE_BYTES, len(ours))


def test_holes_are_compared_without_reading(target):
    target.admission.replica["vda"] = bytes(64 * MiB) + b"x" * BLOCK_BYTES

    size, unreadable = 64 * MiB + BLOCK_BYTES, cast(NbdDisk, None)
    with target.dial() as connection:
        begin(connection, size)
        zeros, read = [Extent(0, size, zero=True)], compare.reading(unreadable)
        found = compare.differing(connection, 0, size, read, zeros, lambda _done: None)
    assert found == [Extent(64 * MiB, BLOCK_BYTES, zero=True)]


def test_a_target_without_digests_refuses(target, tmp_path):
    def no_digests(*_where):
        raise CycleRefused("digests-missing", "the map is being built", do="try again in a minute")

    target.admission.digests = no_digests
    ours = disk_content(MiB)
    with served_disk(tmp_path, ours) as disk, target.dial() as connection:
        begin(connection, MiB)
        with pytest.raises(PeerRefused, match="being built"):
            compare.differing(connection, 0, MiB, compare.reading(disk), whole(ours), lambda _done: None)


@pytest.mark.slow
def test_a_cancelled_compare_aborts_and_the_connection_goes_on(target, tmp_path):
    ours = disk_content(SIZE)
    target.admission.replica["vda"] = bytes(ours)
    asked = iter(range(1, 1000))

    def sixth():
        return next(asked) == 6

    with served_disk(tmp_path, ours) as disk, target.dial() as connection:
        plan = DiskPlan(disk, "vda", compare=whole(ours))
        with pytest.raises(Cancelled):
            sender.send_cycle(connection, cycle_header(SIZE), [plan], cancelled=sixth)
        assert sender.send_cycle(connection, cycle_header(SIZE), [plan]).differing_bytes == 0
