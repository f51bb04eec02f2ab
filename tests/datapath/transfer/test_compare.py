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
        found = compare.differing(connection, 0, disk, whole(ours), calls.append, limit=limited.append)
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


def test_holes_are_compared_without_reading(target):
    target.admission.replica["vda"] = bytes(64 * MiB) + b"x" * BLOCK_BYTES

    class Unreadable:
        size_bytes = 64 * MiB + BLOCK_BYTES

    with target.dial() as connection:
        begin(connection, Unreadable.size_bytes)
        found = compare.differing(
            connection,
            0,
            cast(NbdDisk, Unreadable()),
            [Extent(0, Unreadable.size_bytes, zero=True)],
            lambda _done: None,
        )
    assert found == [Extent(64 * MiB, BLOCK_BYTES, zero=True)]


def test_a_target_without_digests_refuses(target, tmp_path):
    def no_digests(*_where):
        raise CycleRefused("digests-missing", "the map is being built", do="try again in a minute")

    target.admission.digests = no_digests
    ours = disk_content(MiB)
    with served_disk(tmp_path, ours) as disk, target.dial() as connection:
        begin(connection, MiB)
        with pytest.raises(PeerRefused, match="being built"):
            compare.differing(connection, 0, disk, whole(ours), lambda _done: None)


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
