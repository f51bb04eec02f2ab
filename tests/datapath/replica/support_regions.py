"""Digests of the head, compared with what it holds."""

import xxhash

from secondsite.datapath.extents import BLOCK_BYTES
from tests.datapath.support_chain import read_raw


def assert_region_true(replica, disks, tmp_path):
    """Digests of the head are those of its content: of `disks`, or of what the head's file holds."""
    for disk in replica.state.disks:
        got = replica.region(disk.key, 0, disk.size_bytes)
        if disks is None:
            replica.close()
            held = read_raw(replica.files.head(disk.key, replica.state.head), tmp_path)
        else:
            held = disks[disk.key]
        wanted = [
            xxhash.xxh3_128_digest(held[at : at + BLOCK_BYTES]) for at in range(0, len(held), BLOCK_BYTES)
        ]
        assert got == b"".join(wanted)
