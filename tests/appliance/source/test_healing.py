"""What happens to machines behind our back is noticed, said, and healed by itself with few bytes: never a
full copy."""

import contextlib
import json
import shutil
import subprocess
from typing import Any

import pytest

from rig.appliances import Pair
from rig.errors import OrderFailed
from rig.eventually import eventually
from rig.noise import noise
from secondsite.fabrics import simulated
from secondsite.fabrics.simulated.host.host import Host
from secondsite.ground import seams
from secondsite.ground.units import KiB, MiB

pytestmark = pytest.mark.slow

DISK_BYTES = 32 * MiB
CONTENT_BYTES = 24 * MiB
FEW_BYTES = 1 * MiB
CHANGED = noise(128 * KiB, seed=7)


@pytest.fixture
def full(sites):
    """A machine whose disk holds 24 MiB that do not compress, protected and in step."""
    a, b = sites
    pair = Pair(a, b, a.make_machine(size_bytes=DISK_BYTES, own_daemon=True))
    a.write(pair.fabric_id, 0, noise(CONTENT_BYTES, seed=1))
    pair.protect().synchronized()
    pair.point_now()
    assert pair.source_status().total_wire_bytes > CONTENT_BYTES
    return pair


class Watched:
    """What was said of a machine, and what was sent for it, meanwhile."""

    def __init__(self, pair):
        self.pair = pair
        self.codes = set()
        self.before = pair.source_status().total_wire_bytes

    def look(self, _seam=None):
        source = self.pair.source.appliance.replication.find(self.pair.machine_id)
        if source is not None:
            self.codes |= {finding.code for finding in source.findings.all()}

    @property
    def sent_bytes(self):
        return self.pair.source_status().total_wire_bytes - self.before


@contextlib.contextmanager
def behind_our_back(pair):
    """The loop stands still while the test does its deed; then it finds out by itself. Yields what is
    watched."""
    watched = Watched(pair)
    with seams.armed(watched.look):
        with pair.source.appliance.replication.get(pair.machine_id).lock("a deed of the test", 20):
            yield watched
        heals(pair, watched)


def heals(pair, watched):
    """A point made by a cycle that began after the deed equals the disk."""
    point_id = eventually(lambda: next_point(pair), 30)
    watched.look()
    assert pair.target.point_bytes(pair.machine_id, point_id) == pair.source.read(pair.fabric_id)
    eventually(lambda: pair.source_status().findings == (), 15)
    print(f"healed with {watched.sent_bytes} bytes of {DISK_BYTES}, said {sorted(watched.codes)}")
    assert watched.sent_bytes < FEW_BYTES


def next_point(pair):
    try:
        return pair.point_now()
    except (AssertionError, OrderFailed):
        return None


def off(pair):
    pair.source.fabric.power.shut_down(pair.fabric_id, 10)


def on(pair):
    pair.source.fabric.power.start(pair.fabric_id)


def bitmaps(path):
    out = subprocess.run(
        ["qemu-img", "info", "--output=json", str(path)], check=True, capture_output=True, timeout=20
    )
    return [one["name"] for one in json.loads(out.stdout)["format-specific"]["data"].get("bitmaps", [])]


def test_a_bitmap_that_was_removed_by_hand_is_compared_around(full):
    with behind_our_back(full) as watched:
        off(full)
        path = full.source.disk_path(full.fabric_id)
        for name in bitmaps(path):
            subprocess.run(["qemu-img", "bitmap", "--remove", str(path), name], check=True, timeout=20)
        on(full)
        full.source.write(full.fabric_id, 3 * MiB, CHANGED)
    assert "resynchronizing" in watched.codes


def test_bitmaps_that_a_killed_hypervisor_left_broken_are_not_believed(full):
    with behind_our_back(full) as watched:
        simulated.kill(full.source.root, full.fabric_id)
        on(full)
        full.source.write(full.fabric_id, 5 * MiB, CHANGED)
    assert "resynchronizing" in watched.codes


def test_a_machine_whose_hypervisor_dies_in_the_middle_of_a_cycle_heals_too(full):
    killed: list[Any] = []

    def kill(name):
        if name == "appliance.cycle.attempted" and not killed:
            simulated.kill(full.source.root, full.fabric_id)
            killed.append(name)

    watched = Watched(full)
    full.source.write(full.fabric_id, 5 * MiB, CHANGED)
    with seams.armed(kill):
        eventually(lambda: killed, 15)
    with seams.armed(watched.look):
        on(full)
        full.source.write(full.fabric_id, 6 * MiB, CHANGED)
        heals(full, watched)
    assert "resynchronizing" in watched.codes


@pytest.mark.parametrize("running", [True, False])
def test_a_disk_that_grows_goes_on_with_its_changes(full, running):
    with behind_our_back(full):
        if not running:
            off(full)
        simulated.resize(full.source.root, full.fabric_id, "vda", DISK_BYTES + 8 * MiB)
        if not running:
            on(full)
        full.source.write(full.fabric_id, DISK_BYTES + 7 * MiB, CHANGED)


def test_a_disk_that_was_put_back_to_an_older_copy_is_compared(full):
    path = full.source.disk_path(full.fabric_id)
    copy = path.with_suffix(".copy")
    with behind_our_back(full):
        off(full)
        shutil.copy(path, copy)
        on(full)
        full.source.write(full.fabric_id, 2 * MiB, CHANGED)
    with behind_our_back(full) as watched:
        off(full)
        copy.replace(path)
        on(full)
    assert "resynchronizing" in watched.codes


def test_a_disk_that_was_replaced_by_another_image_is_compared(full):
    path = full.source.disk_path(full.fabric_id)
    with behind_our_back(full) as watched:
        off(full)
        other = path.with_suffix(".other")
        subprocess.run(["qemu-img", "convert", "-O", "qcow2", str(path), str(other)], check=True, timeout=60)
        other.replace(path)
        on(full)
        full.source.write(full.fabric_id, 2 * MiB, CHANGED)
    assert "resynchronizing" in watched.codes


def test_a_machine_that_was_undefined_and_defined_again_goes_on(full):
    records = Host(full.source.root).records
    watched = Watched(full)
    with full.source.appliance.replication.get(full.machine_id).lock("a deed of the test", 20):
        off(full)
        record = records.need(full.fabric_id)
        records.delete(full.fabric_id)
    eventually(lambda: "machine-missing" in [f.code for f in full.source_status().findings], 15)
    records.save(record.having(checkpoints={}, tag=None))
    on(full)
    full.source.write(full.fabric_id, 4 * MiB, CHANGED)
    with seams.armed(watched.look):
        heals(full, watched)


def at_rest(pair):
    """The machine is off, and what it holds was sent."""
    source = pair.source.appliance.replication.get(pair.machine_id)
    eventually(lambda: source.unchanged_fingerprint is not None, 20)


def test_an_older_copy_put_back_under_a_machine_that_stays_off_is_noticed(full):
    """Its bitmap is the base's: it cannot tell what was sent of the machine at rest after the copy was
    made."""
    path = full.source.disk_path(full.fabric_id)
    copy = path.with_suffix(".copy")
    off(full)
    at_rest(full)
    before = full.source_status().total_wire_bytes
    shutil.copy(path, copy)
    subprocess.run(
        ["qemu-io", "-c", "write -P 7 2M 128k", str(path)], check=True, timeout=20, capture_output=True
    )
    sent = full.source_status().total_wire_bytes
    eventually(lambda: full.source_status().total_wire_bytes > sent, 20)
    at_rest(full)
    copy.replace(path)
    on(full)
    full.source.write(full.fabric_id, 9 * MiB, CHANGED)
    point_id = eventually(lambda: next_point(full), 30)
    assert full.target.point_bytes(full.machine_id, point_id) == full.source.read(full.fabric_id)
    assert full.source_status().total_wire_bytes - before < FEW_BYTES
