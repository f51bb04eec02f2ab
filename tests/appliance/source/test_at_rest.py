"""Machines that are off: sent in slices, whole at the end, and in nobody's way when their owner starts
them."""

import shutil
import subprocess
import uuid

import pytest

from rig.appliances import DISK_BYTES, Pair
from rig.dying import Killed
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.source import cycle
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState
from secondsite.ground import seams
from secondsite.ground.units import GiB, MiB
from secondsite.wire.control import Order
from secondsite.wire.control.orders import Drain, Kind, RunCycle

pytestmark = pytest.mark.slow


def off(site, fabric_id):
    site.fabric.power.shut_down(fabric_id, 5)
    eventually(lambda: site.fabric.power.state(fabric_id) is PowerState.OFF)


@pytest.fixture
def sliced(make_site):
    """Sites whose cycles take one MiB of a pass, and a full machine."""
    a, b = make_site("a", slice_bytes=MiB).start(), make_site("b").start()
    pair = Pair(a, b, a.make_machine(own_daemon=True))
    a.write(pair.fabric_id, 0, noise(DISK_BYTES))
    return pair


def test_a_machine_that_is_off_is_copied_in_slices(sliced):
    content = sliced.source.read(sliced.fabric_id)
    off(sliced.source, sliced.fabric_id)
    sliced.protect().synchronized()
    assert sliced.source_status().last_seq >= DISK_BYTES // MiB // 2, "slices grow with the link's speed"
    assert sliced.point_bytes(sliced.status().points[-1].id) == content
    assert len(sliced.status().points) == 1


def test_the_last_cycle_ends_a_comparison_of_any_length_and_then_pauses(sliced):
    sliced.protect().synchronized()
    sliced.pause()
    sliced.source.write(sliced.fabric_id, 5 * MiB, noise(MiB, seed=2))
    content = sliced.source.read(sliced.fabric_id)
    simulated.kill(sliced.source.root, sliced.fabric_id)  # its bitmaps are lost
    before = sliced.source_status().last_seq
    facts = sliced.source.do(Kind.RUN_CYCLE, RunCycle(final=True), sliced.machine_id, deadline_seconds=60)
    sliced.target.do(Kind.DRAIN, Drain(seal=False, at_least_seq=facts["seq"]), sliced.machine_id)
    assert facts["seq"] - before >= DISK_BYTES // MiB // 2
    assert sliced.point_bytes(facts["point_id"]) == content
    assert not sliced.source_status().running
    assert sliced.source_status().sync_fraction is None


def test_a_machine_that_is_started_while_it_is_read_is_said_to_be_well_and_is_whole(pair):
    site = pair.source
    site.write(pair.fabric_id, 0, noise(DISK_BYTES))
    off(site, pair.fabric_id)
    site.limit(2 * MiB)
    pair.protect()
    source = site.appliance.replication.get(pair.machine_id)
    eventually(lambda: source.progress.next_seq > 1)
    site.fabric.power.start(pair.fabric_id)
    site.write(pair.fabric_id, 2 * MiB, noise(MiB, seed=3))
    assert "cycle-failed" not in {finding.code for finding in source.findings.all()}
    site.limit(None)
    pair.synchronized()
    assert pair.point_bytes(pair.point_now()) == site.read(pair.fabric_id)


def test_what_an_owner_edits_and_takes_back_offline_is_in_the_points_as_it_is(pair):
    pair.protect().synchronized()
    pair.source.write(pair.fabric_id, 0, noise(MiB))
    before, path = pair.source.read(pair.fabric_id), pair.definition().disks[0].path
    off(pair.source, pair.fabric_id)
    pair.point_now()
    copy = f"{path}.copy"
    subprocess.run(["cp", path, copy], check=True)
    subprocess.run(["qemu-io", "-c", "write -P 119 65536 4096", path], check=True)
    assert pair.point_bytes(pair.point_now())[65536] == 119
    subprocess.run(["cp", copy, path], check=True)
    assert pair.point_bytes(pair.point_now()) == before


def cycle_whose_acknowledgement_is_lost(pair):
    """It is durable at the target; the appliance dies before it records that."""

    def die(seam):
        if seam == "appliance.cycle.acknowledged":
            raise Killed(seam)

    order = Order(order_id=uuid.uuid4().hex, kind=Kind.RUN_CYCLE, machine_id=pair.machine_id)
    with seams.armed(die), pytest.raises(Killed):
        pair.source.appliance.perform(order)
    pair.source.stop()
    pair.source.start()


def test_what_an_unacknowledged_cycle_brought_does_not_stay_when_an_older_image_is_put_back(pair):
    pair.protect().synchronized()
    pair.source.write(pair.fabric_id, 0, noise(MiB))
    before, path = pair.source.read(pair.fabric_id), pair.definition().disks[0].path
    pair.pause()
    off(pair.source, pair.fabric_id)
    pair.point_now()
    copy = f"{path}.copy"
    subprocess.run(["cp", path, copy], check=True)
    subprocess.run(["qemu-io", "-c", "write -P 119 65536 4096", path], check=True)
    cycle_whose_acknowledgement_is_lost(pair)
    subprocess.run(["cp", copy, path], check=True)
    assert pair.point_bytes(pair.point_now()) == before


def test_an_edit_between_a_cycle_and_the_end_of_its_checkpoint_is_sent(pair, monkeypatch):
    pair.protect().synchronized()
    path, tracking = pair.definition().disks[0].path, pair.source.fabric.tracking
    off(pair.source, pair.fabric_id)
    source = pair.source.appliance.replication.get(pair.machine_id)
    eventually(lambda: source.unchanged_fingerprint is not None)
    acknowledge, edits = tracking.acknowledge, ["write -P 120 65536 4096"]

    def edit(text):
        subprocess.run(["qemu-io", "-c", text, path], check=True)

    def edited_before(fabric_id, keep):
        while edits:
            edit(edits.pop())
        acknowledge(fabric_id, keep)

    with monkeypatch.context() as patched:
        patched.setattr(tracking, "acknowledge", edited_before)
        edit("write -P 119 0 4096")
        eventually(lambda: not edits)

    def sent():
        content = pair.point_bytes(pair.status().points[-1].id)
        return (content[0], content[65536]) == (119, 120)

    eventually(sent, 10)
    eventually(lambda: source.unchanged_fingerprint is not None, 10)


def test_a_disk_that_is_made_larger_while_its_machine_is_off_is_as_large_in_the_next_point(pair):
    pair.protect().synchronized()
    off(pair.source, pair.fabric_id)
    source = pair.source.appliance.replication.get(pair.machine_id)
    eventually(lambda: source.unchanged_fingerprint is not None)
    subprocess.run(
        ["qemu-img", "resize", "-q", pair.definition().disks[0].path, str(DISK_BYTES + MiB)], check=True
    )
    eventually(lambda: len(pair.point_bytes(pair.status().points[-1].id)) == DISK_BYTES + MiB)
    eventually(lambda: source.unchanged_fingerprint is not None)


def test_a_machine_that_is_given_more_memory_while_it_is_off_has_it_in_the_next_point(pair):
    pair.protect().synchronized()
    off(pair.source, pair.fabric_id)
    source = pair.source.appliance.replication.get(pair.machine_id)
    eventually(lambda: source.unchanged_fingerprint is not None)
    points = len(pair.status().points)
    simulated.give_memory(pair.source.root, pair.fabric_id, 3 * GiB)

    def memory_at_target():
        hosted = pair.target.replica(pair.machine_id)
        return hosted.definition(hosted.record(pair.status().points[-1].id)).memory_bytes

    eventually(lambda: memory_at_target() == 3 * GiB)
    eventually(lambda: source.unchanged_fingerprint is not None)
    assert len(pair.status().points) == points + 1


def test_a_machine_that_is_off_asks_its_target_again_which_may_have_lost_what_it_had(pair, monkeypatch):
    """Its store was put back from before the last point: neither side said so, and nothing was sent again."""
    monkeypatch.setattr(cycle, "ASKED_AGAIN_SECONDS", 1.0)
    pair.protect().synchronized()
    pair.point_now()
    pair.target.stop()
    replicas = pair.target.config.store / "replicas"
    shutil.copytree(replicas, replicas.with_name("backup"), symlinks=True)
    pair.target.start()
    pair.source.write(pair.fabric_id, 2 * MiB, noise(MiB))
    pair.point_now()
    off(pair.source, pair.fabric_id)
    eventually(lambda: pair.source_status().all_sent, within_seconds=20)
    pair.target.stop()
    shutil.rmtree(replicas)
    replicas.with_name("backup").rename(replicas)
    pair.target.start()
    known = pair.source_status().last_seq
    eventually(lambda: (pair.source_status().last_seq or 0) > known, within_seconds=60)
    eventually(lambda: pair.status().processed_seq == pair.source_status().last_seq, within_seconds=60)
