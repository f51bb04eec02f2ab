"""A disk of 2 TiB that holds a few MiB is replicated at the price of these. Work is counted, never timed."""

import pytest

from rig.appliances import Pair
from secondsite.fabrics import simulated
from secondsite.ground.units import GiB, KiB, MiB, TiB
from secondsite.wire.control.orders import Kind, RunCycle
from tests.support.counted_nbd import counted

pytestmark = pytest.mark.slow

SIZE = 2 * TiB
PLACES = (0, 3 * GiB, TiB + 64 * KiB, SIZE - MiB)
HELD = len(PLACES) * MiB
TRIMMED = 128 * GiB


@pytest.fixture
def thin(sites):
    """A pair with a machine of that disk, not protected yet."""
    source, target = sites
    fabric_id = source.make_machine(size_bytes=SIZE)
    for number, place in enumerate(PLACES):
        source.write(fabric_id, place, bytes([number + 1]) * MiB)
    return Pair(source, target, fabric_id)


def stored_bytes(path):
    return path.stat().st_blocks * 512


def files(pair):
    """The map at the target, and the cache at the source."""
    digests = pair.target.replica_folder(pair.machine_id) / "digests" / "vda.map"
    (cache,) = (pair.source.config.home / "digests" / pair.machine_id).glob("*.x3")
    return digests, cache


def cycles_until_whole(pair):
    for count in range(1, 20):
        pair.source.do(Kind.RUN_CYCLE, RunCycle(), pair.machine_id)
        if pair.source_status().sync_mode is None:
            return count
    raise AssertionError("the pass did not end")


def test_the_first_copy_and_a_comparison_cost_what_the_disk_holds(thin):
    pair = thin
    with counted() as first:
        pair.protect().synchronized(60)
    pair.pause()
    assert pair.source_status().last_seq <= 3
    assert HELD <= first.read_bytes <= 2 * HELD + MiB
    pair.source.fabric.tracking.acknowledge(pair.fabric_id, None)
    pair.source.write(pair.fabric_id, 7 * GiB, b"new" * MiB)
    wire = pair.source_status().total_wire_bytes
    with counted() as compared:
        count = cycles_until_whole(pair)
    assert count <= 3
    assert compared.read_bytes <= 3 * (HELD + 4 * MiB)
    assert pair.source_status().total_wire_bytes - wire < MiB
    assert all(stored_bytes(path) < MiB for path in files(pair))
    point = pair.cycle_now(seal=True)["point_id"]
    assert point
    with counted() as verified:
        assert pair.target.replica(pair.machine_id).replica.verify(point).ok
    assert verified.read_bytes == HELD + 3 * MiB


def test_what_a_new_file_system_discards_is_written_down_by_nobody(thin):
    """mkfs discards a whole disk: of what held nothing before, nobody has to write anything down."""
    pair = thin
    pair.protect().synchronized(60)
    pair.pause()
    with simulated.Guest(pair.source.root, pair.fabric_id) as guest:
        for at in range(0, TRIMMED, GiB):
            guest.trim("vda", at, GiB)
        guest.flush("vda")
    with counted() as work:
        point = pair.cycle_now(seal=True)["point_id"]
    assert work.zeroed_bytes <= HELD
    assert all(stored_bytes(path) < MiB for path in files(pair))
    assert pair.target.replica(pair.machine_id).replica.verify(point).ok
