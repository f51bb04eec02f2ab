"""The replica against real qemu-storage-daemon, qemu-img and libnbd."""

import dataclasses
import hashlib
import itertools
import json
import os
import shlex
import shutil
import signal
import subprocess
import threading
from typing import Any

import pytest

from rig import loop_devices, small_store
from secondsite.datapath import errors
from secondsite.datapath.cycles import cycle_file, inbox
from secondsite.datapath.disks import image
from secondsite.datapath.disks.storage_daemon import StorageDaemon
from secondsite.datapath.extents import BLOCK_BYTES
from secondsite.datapath.frames import codec
from secondsite.datapath.frames.compression import Choice
from secondsite.datapath.frames.frame import Frame
from secondsite.datapath.replica.replica import Replica
from secondsite.datapath.replica.verbs.create import BaseImage
from secondsite.datapath.replica.verbs.remove import sweep
from secondsite.ground import host, real_files
from secondsite.ground.units import KiB, MiB
from tests.datapath.replica.support_regions import assert_region_true
from tests.datapath.support_chain import (
    Seams,
    Source,
    assert_points_true,
    dying,
    qemu_img,
    read_raw,
    write_image,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def replica(tmp_path, daemon, source):
    replica = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1)
    yield replica
    replica.close()


def test_every_sealed_point_stays_bit_equal_while_cycles_go_on(replica, source, tmp_path):
    for number in range(1, 9):
        applied = replica.apply(*source.cycle(f"p{number}" if number % 2 else None))
        assert applied.point_id == (f"p{number}" if number % 2 else None)
    assert [point.point_id for point in replica.points()] == ["p1", "p3", "p5", "p7"]
    assert_points_true(replica, source, tmp_path)


def test_a_random_story_of_cycles_drops_runs_and_daemon_deaths_keeps_every_point_true(
    replica, daemon, source, tmp_path
):
    choose = source.random
    for number in range(1, 31):
        replica.apply(*source.cycle(f"p{number}" if choose.random() < 0.7 else None))
        points = [point.point_id for point in replica.points()]
        if len(points) > 4:
            used = {run.point_id for run in replica.state.runs}
            replica.drop(choose.choice([point for point in points if point not in used]))
        if number % 8 == 0:
            os.kill(daemon.pid, signal.SIGKILL)
            assert daemon.died(5)
        if number % 10 == 5:
            replica.open_run(f"drill{number}", replica.points()[-1].point_id)
        if number % 10 == 9:
            replica.close_run(f"drill{number - 4}")
    assert_points_true(replica, source, tmp_path)


def test_a_repeated_cycle_changes_nothing(replica, source):
    header, frames = source.cycle("p1")
    replica.apply(header, frames)
    assert replica.apply(header, frames).already


def test_a_cycle_that_does_not_continue_is_refused(replica, source):
    replica.apply(*source.cycle())
    with pytest.raises(errors.CycleOutOfOrder, match="builds on cycle 7"):
        replica.apply(*source.cycle(base_seq=7))
    with pytest.raises(errors.CycleOutOfOrder, match="epoch"):
        replica.apply(*source.cycle(epoch=2))


def test_holes_stay_holes(replica, source):
    key, size = "sda", len(source.disks["sda"])
    header, _ = source.cycle("p1", writes=0)
    frames = [source.write().__class__(0, 0, size, False, b"x" * size)]
    replica.apply(
        header,
        [f._replace(offset=at, length=MiB, data=b"x" * MiB) for f in frames for at in range(0, size, MiB)],
    )
    full = replica.points()[-1].added_bytes
    header, _ = source.cycle("p2", writes=0)
    replica.apply(header, [frames[0]._replace(zero=True, data=b"")])
    assert replica.points()[-1].added_bytes < full / 4
    mapped = json.loads(qemu_img("map", "--output=json", replica.files.layer(key, 2)))
    assert all(extent["zero"] for extent in mapped)


def test_latest_seals_what_is_processed_once(replica, source, tmp_path):
    replica.apply(*source.cycle("p1"))
    assert replica.seal({"point_id": "none"}).point_id is None
    replica.apply(*source.cycle())
    source.points["latest"] = source.copy()
    assert replica.seal({"point_id": "latest"}, reason="asked by a failover").point_id == "latest"
    assert replica.seal({"point_id": "latest"}).point_id == "latest"
    newest = replica.points()[-1].manifest
    assert (newest.seq, newest.reason, newest.taken_at) == (
        2,
        "asked by a failover",
        "2026-11-20T08:00:02+00:00",
    )
    assert_points_true(replica, source, tmp_path)


def test_nothing_is_sealed_between_the_slices_of_a_whole_pass(replica, source):
    replica.apply(*source.cycle(sync={"slice": 1}))
    with pytest.raises(errors.HeadTorn):
        replica.seal({"point_id": "p"})
    replica.apply(*source.cycle())
    assert replica.seal({"point_id": "p"}).point_id == "p"


def test_a_half_applied_cycle_cannot_be_sealed_and_its_repeat_heals_it(replica, source, tmp_path):
    replica.apply(*source.cycle("p1"))
    header, frames = source.cycle()

    def breaks_off():
        yield from frames[:3]
        raise errors.CycleDamaged("the file ends too early", do="send it again")

    with pytest.raises(errors.CycleDamaged):
        replica.apply(header, breaks_off())
    for forbidden in (lambda: replica.seal({"point_id": "x"}), lambda: replica.region("sda", 0, BLOCK_BYTES)):
        with pytest.raises(errors.HeadTorn):
            forbidden()
    replica.apply(header, frames)
    source.points["x"] = source.copy()
    replica.seal({"point_id": "x"})
    assert_points_true(replica, source, tmp_path)


def test_an_abandoned_cycle_is_healed_by_a_whole_pass(replica, source, tmp_path):
    replica.apply(*source.cycle("p1"))
    header, frames = source.cycle()
    with pytest.raises(ZeroDivisionError):
        replica.apply(header, (1 / 0 if index == 3 else frame for index, frame in enumerate(frames)))
    replica.abandon()
    with pytest.raises(errors.HeadTorn):
        replica.seal({"point_id": "x"})
    assert_region_true(replica, None, tmp_path)
    whole, _ = source.cycle("p2", writes=0, base_seq=None)
    all_of_it = [
        frames[0]._replace(disk=i, offset=at, length=len(data[at : at + MiB]), zero=False,
        data=bytes(data[at : at + MiB]))
        for i, data in enumerate(source.disks.values())
        for at in range(0, len(data), MiB)
    ]  # fmt: skip
    replica.apply(whole, all_of_it)
    assert_points_true(replica, source, tmp_path)


def test_digests_follow_the_head_and_are_rebuilt_when_lost(replica, source, tmp_path):
    for _ in range(4):
        replica.apply(*source.cycle())
        assert_region_true(replica, source.copy(), tmp_path)
    replica.close()
    for path in (replica.files.root / "digests").iterdir():
        path.unlink()
    assert_region_true(replica, source.copy(), tmp_path)
    assert (
        replica.region("sdb", BLOCK_BYTES, 2 * BLOCK_BYTES) == replica.region("sdb", 0, 3 * BLOCK_BYTES)[16:]
    )


def test_a_disk_grows_with_its_source_and_older_points_keep_their_size(replica, source, tmp_path):
    replica.apply(*source.cycle("p1"))
    for key, size in (("sda", 6 * MiB), ("sdb", 5 * MiB + 512)):
        source.disks[key].extend(bytes(size - len(source.disks[key])))
    replica.apply(*source.cycle("p2"))
    replica.apply(*source.cycle("p3"))
    assert_region_true(replica, source.copy(), tmp_path)
    assert_points_true(replica, source, tmp_path)
    replica.drop("p1")
    assert_points_true(replica, source, tmp_path)


def test_a_disk_that_shrinks_and_grows_again_keeps_its_points_and_what_was_cut_off_is_zeros(
    replica, source, tmp_path
):
    replica.apply(*source.cycle("p1"))
    del source.disks["sda"][MiB + 512 :]
    replica.apply(*source.cycle("p2"))
    assert_region_true(replica, source.copy(), tmp_path)
    replica.apply(*source.cycle("p3"))
    source.disks["sda"].extend(bytes(2 * MiB))
    replica.apply(*source.cycle("p4"))
    replica.apply(*source.cycle("p5"))
    assert_region_true(replica, source.copy(), tmp_path)
    for dropped in (None, "p2", "p3", "p1", "p4"):
        if dropped is not None:
            replica.drop(dropped)
        assert_points_true(replica, source, tmp_path)


def test_disks_of_different_sizes_exchange_their_names(replica, source, tmp_path):
    replica.apply(*source.cycle("p1"))
    source.disks["sda"], source.disks["sdb"] = source.disks["sdb"], source.disks["sda"]
    everything = [
        Frame(source.index(key), 0, len(data), False, bytes(data)) for key, data in source.disks.items()
    ]
    header, frames = source.cycle("p2")
    replica.apply(header, [*everything, *frames])
    assert_region_true(replica, source.copy(), tmp_path)
    replica.drop("p1")
    assert_points_true(replica, source, tmp_path)


def test_no_journal_leads_over_a_disk_that_shrank(replica, source, tmp_path):
    replica.apply(*source.cycle("p1"))
    del source.disks["sda"][MiB:]
    header, frames = source.cycle()
    replica.apply(header, frames)
    path = replica.files.inbox / "cycle"
    path.write_bytes(b"")
    assert not replica.retire(path, header.epoch, header.seq)


@pytest.mark.parametrize("order", list(itertools.permutations(["p1", "p2", "p3"])))
def test_points_can_be_dropped_in_any_order_down_to_the_head(replica, source, tmp_path, order):
    for point_id in ("p1", "p2", "p3"):
        replica.apply(*source.cycle(point_id))
    replica.apply(*source.cycle())
    for point_id in order:
        replica.drop(point_id)
        assert_points_true(replica, source, tmp_path)
    assert len(replica.state.layers) == 1
    assert_region_true(replica, source.copy(), tmp_path)
    source.points["last"] = source.copy()
    replica.seal({"point_id": "last"})
    assert_points_true(replica, source, tmp_path)


def test_a_drill_on_an_old_point_is_untouched_while_others_are_pruned(replica, source, tmp_path):
    for number in range(1, 6):
        replica.apply(*source.cycle(f"p{number}"))
    overlays = replica.open_run("drill", "p3")
    assert replica.open_run("drill", "p3") == overlays
    write_image(overlays["sda"], "64k", "0")
    with pytest.raises(errors.ReplicaInUse, match="run drill"):
        replica.drop("p3")
    for point_id in ("p1", "p2", "p4"):
        replica.drop(point_id)
    replica.apply(*source.cycle("p6"))
    expected = bytearray(source.points["p3"]["sda"])
    expected[: 64 * KiB] = b"\x5a" * 64 * KiB
    assert read_raw(overlays["sda"], tmp_path) == bytes(expected)
    assert read_raw(overlays["sdb"], tmp_path) == source.points["p3"]["sdb"]
    assert_points_true(replica, source, tmp_path)
    before = len(replica.state.layers)
    replica.close_run("drill")
    assert len(replica.state.layers) == before - 2
    assert not overlays["sda"].exists()
    assert_points_true(replica, source, tmp_path)


def test_a_running_machine_and_the_head_share_the_chain(replica, source, daemon, tmp_path):
    """Another process has the overlay open, as a hypervisor would, while cycles, seals and drops go on."""
    replica.apply(*source.cycle("p1"))
    replica.apply(*source.cycle("p2"))
    overlay = replica.open_run("drill", "p2")["sda"]
    hypervisor = StorageDaemon(tmp_path / "hypervisor")
    try:
        hypervisor.serve(overlay, "vm", writable=True)
        for number in range(3, 7):
            replica.apply(*source.cycle(f"p{number}"))
        for number in (1, 3, 4):
            replica.drop(f"p{number}")
        assert_points_true(replica, source, tmp_path)
    finally:
        hypervisor.stop()
    assert read_raw(overlay, tmp_path) == source.points["p2"]["sda"]


def failed_over(replica, source):
    for number in range(1, 4):
        replica.apply(*source.cycle(f"p{number}"))
    overlays = replica.open_run("failover", "p2")
    write_image(overlays["sda"], "64k", "1M", pattern=0x77)
    ran = bytearray(source.points["p2"]["sda"])
    ran[MiB : MiB + 64 * KiB] = b"\x77" * 64 * KiB
    return overlays, {**source.points["p2"], "sda": bytes(ran)}


def test_settling_leaves_only_what_the_machine_runs_on(replica, source, tmp_path):
    overlays, ran = failed_over(replica, source)
    replica.settle("failover")
    assert "already" in replica.settle("failover")
    [committed] = replica.points()
    assert (committed.point_id, committed.committed) == ("p2", True)
    assert {key: read_raw(path, tmp_path) for key, path in overlays.items()} == ran
    for refused in (lambda: replica.apply(*source.cycle()), lambda: replica.open_run("x", "p2")):
        with pytest.raises((errors.ReplicaClosed, errors.PointUnknown)):
            refused()
    with pytest.raises(errors.ReplicaInUse):
        replica.close_run("failover")


def test_settling_waits_for_a_drill_to_end(replica, source):
    failed_over(replica, source)
    replica.open_run("drill", "p3")
    with pytest.raises(errors.ReplicaInUse, match="drill"):
        replica.settle("failover")


def test_a_committed_run_becomes_the_base_of_the_next_epoch(replica, source, tmp_path):
    _, ran = failed_over(replica, source)
    replica.settle("failover")
    replica.rebase_from_run("failover", epoch=2)
    assert "already" in replica.rebase_from_run("failover", epoch=2)
    assert_region_true(replica, ran, tmp_path)
    assert not list(replica.files.runs.iterdir())
    back = Source(seed=9, epoch=2)
    back.disks = {key: bytearray(data) for key, data in ran.items()}
    for number in range(1, 4):
        replica.apply(*back.cycle(f"q{number}"))
    assert_points_true(replica, back, tmp_path)
    replica.drop("q1")
    assert_points_true(replica, back, tmp_path)


def test_a_verification_under_way_does_not_keep_a_committed_machine_from_turning(replica, source):
    replica.apply(*source.cycle("p1"))
    replica.apply(*source.cycle("p2"))
    replica.open_run("failover", "p2")
    reached, settled, never, ended = threading.Event(), threading.Event(), threading.Event(), []

    def told(*_read):
        reached.set()
        settled.wait(20)
        never.wait(0.5)  # it reads at a rate

    def verify():
        with pytest.raises(errors.Cancelled):
            replica.verify("p1", told=told)
        ended.append("verify")

    reader = threading.Thread(target=verify)
    reader.start()
    assert reached.wait(20)
    replica.settle("failover")
    settled.set()
    replica.rebase_from_run("failover", 2)
    reader.join(20)
    assert ended == ["verify"]


def test_adopted_disks_are_read_and_never_written_or_deleted(tmp_path, daemon):
    old = {}
    source = Source(seed=4)
    for key, size in source.sizes.items():
        raw = tmp_path / f"{key}.raw"
        raw.write_bytes(source.random.randbytes(size))
        source.disks[key] = bytearray(raw.read_bytes())
        if key == "sda":
            qemu_img("convert", "-f", "raw", "-O", "qcow2", raw, tmp_path / "old.qcow2")
            old[key] = BaseImage(tmp_path / "old.qcow2")
        else:
            old[key] = BaseImage(raw, "raw")
    before = {key: base.path.read_bytes() for key, base in old.items()}
    replica = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=3, base=old)
    source.epoch = 3
    assert_region_true(replica, source.copy(), tmp_path)
    for number in range(1, 4):
        replica.apply(*source.cycle(f"p{number}"))
    replica.drop("p1")
    assert_points_true(replica, source, tmp_path)
    replica.remove()
    assert {key: base.path.read_bytes() for key, base in old.items()} == before
    assert not (tmp_path / "m1").exists()
    sweep(tmp_path)


@pytest.fixture
def on_device(tmp_path):
    """A replica's old disk on a block device, with its content."""
    file = tmp_path / "sda.raw"
    file.write_bytes(Source().random.randbytes(4 * MiB))
    device = loop_devices.begin(file)
    yield device
    loop_devices.end(device)


def test_a_replica_stands_on_a_device_until_somebody_writes_to_that(tmp_path, daemon, on_device, monkeypatch):
    source = Source(sizes={"sda": 4 * MiB})
    source.disks = {"sda": bytearray(on_device.read_bytes())}
    base = {"sda": BaseImage(on_device, "raw")}
    replica = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1, base=base)
    replica.apply(*source.cycle("p1"))
    assert_points_true(replica, source, tmp_path)
    assert replica.changed_bases() == replica.altered_bases() == ()
    with on_device.open("r+b") as device:
        device.write(b"somebody")
    assert replica.changed_bases() == replica.altered_bases() == ("sda",)
    replica.accept_bases()
    assert replica.changed_bases() == ()
    (tmp_path / "boot").write_text("another one")
    monkeypatch.setattr(real_files, "BOOT_ID", tmp_path / "boot")
    assert replica.changed_bases() == (), "after a reboot it is counted anew"
    replica.close()


def test_a_replica_with_a_running_machine_is_not_removed(replica, source):
    failed_over(replica, source)
    with pytest.raises(errors.ReplicaInUse, match="failover"):
        replica.remove()


def test_plain_qemu_opens_every_point_after_the_store_was_moved(replica, source, tmp_path):
    for number in range(1, 4):
        replica.apply(*source.cycle(f"p{number}"))
    replica.drop("p2")
    replica.close()
    moved = tmp_path / "elsewhere" / "m1"
    moved.parent.mkdir()
    shutil.copytree(replica.files.root, moved)
    for path in (moved / "points").glob("*.json"):
        body = json.loads(path.read_text())
        for disk in body["disks"]:
            chain = json.loads(qemu_img("info", "--backing-chain", "--output=json", moved / disk["file"]))
            assert chain[-1]["filename"].startswith(str(moved))
            assert read_raw(moved / disk["file"], tmp_path) == source.points[body["point_id"]][disk["key"]]
        assert body["how_to_boot"].count("-drive") == 2


def test_verify_finds_one_flipped_byte(replica, source, tmp_path):
    replica.apply(*source.cycle("p1", writes=20))
    assert replica.verify("p1").ok
    layer = image.chain(replica.files.layer("sda", 1))[0].path
    replica.close()
    mapped = json.loads(qemu_img("map", "--output=json", layer))
    at = next(e["offset"] for e in mapped if e["data"] and e["depth"] == 0)
    with layer.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))
    verdict = replica.verify("p1")
    assert not verdict.ok
    assert "sda" in verdict.sentence


def test_a_daemon_that_died_and_was_started_again_while_a_point_was_read_is_no_rot(replica, source, daemon):
    def dies(_through, _read):
        os.kill(daemon.pid, signal.SIGKILL)
        assert daemon.died(5)
        daemon.start()  # as another user of it does

    replica.apply(*source.cycle("p1", writes=20))
    with pytest.raises(errors.StorageDaemonGone):
        replica.verify("p1", told=dies)
    assert replica.verify("p1").ok


def test_verify_stops_when_asked(replica, source):
    replica.apply(*source.cycle("p1"))
    with pytest.raises(errors.Cancelled):
        replica.verify("p1", cancelled=lambda: True)


def test_a_damaged_manifest_takes_only_its_own_point_away(replica, source):
    replica.apply(*source.cycle("p1"))
    replica.apply(*source.cycle("p2"))
    path = replica.files.point("p1")
    path.write_text(path.read_text().replace("web01", "web02"))
    assert [point.point_id for point in replica.points()] == ["p2"]
    assert replica.stats().damaged_points == ("p1",)


def test_a_point_notes_how_long_the_host_had_run_and_one_of_a_former_release_does_not(replica, source):
    before = host.uptime()
    replica.apply(*source.cycle("p1"))
    record = replica.points()[0]
    assert 0 < record.manifest.uptime.since(before) <= host.uptime().since(before)
    path = replica.files.point("p1")
    body = json.loads(path.read_bytes())
    del body["uptime"], body["sha256"]
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    path.write_text(json.dumps({**body, "sha256": hashlib.sha256(canonical).hexdigest()}))
    assert replica.points()[0].manifest == dataclasses.replace(record.manifest, uptime=None)


def test_names_cannot_lead_out_of_the_store(replica, source):
    replica.apply(*source.cycle("p1"))
    with pytest.raises(errors.ImageProblem):
        replica.open_run("../../x", "p1")
    with pytest.raises(errors.CycleDamaged):
        replica.apply(*source.cycle("../p"))


def test_a_daemon_killed_in_the_middle_of_a_cycle_costs_a_retry(replica, daemon, source, tmp_path):
    replica.apply(*source.cycle("p1"))
    header, frames = source.cycle("p2")

    def kills_halfway():
        for index, frame in enumerate(frames):
            if index == 3:
                os.kill(daemon.pid, signal.SIGKILL)
            yield frame

    with pytest.raises(errors.StorageDaemonGone):
        replica.apply(header, kills_halfway())
    replica.apply(header, frames)
    assert_points_true(replica, source, tmp_path)


@pytest.fixture
def full(small):
    """A file system that is full when it holds 6 MiB."""
    return small("small", 6 * MiB)


def test_a_full_store_is_said_so_and_healed_by_room(full, daemon, tmp_path):
    source = Source(sizes={"sda": 8 * MiB})
    replica = Replica.create(full / "m1", daemon, "m1", source.replica_disks, epoch=1)
    replica.apply(*source.cycle("p1", writes=2))
    header, _ = source.cycle("p2", writes=0)
    data = source.random.randbytes(8 * MiB)
    frame = source.write()
    frames = [
        frame._replace(disk=0, offset=at, length=MiB, zero=False, data=data[at : at + MiB])
        for at in range(0, 8 * MiB, MiB)
    ]
    source.disks["sda"][:] = data
    source.points["p2"] = source.copy()
    with pytest.raises(errors.StoreFull):
        replica.apply(header, frames)
    small_store.resize(full, 40 * MiB)
    replica.apply(header, frames)
    assert_points_true(replica, source, tmp_path)
    replica.close()


def test_a_full_store_during_a_merge_keeps_points_usable(full, daemon, tmp_path):
    source = Source(sizes={"sda": 8 * MiB})
    small_store.resize(full, 40 * MiB)
    replica = Replica.create(full / "m1", daemon, "m1", source.replica_disks, epoch=1)
    for number in range(1, 5):
        replica.apply(*source.cycle(f"p{number}", writes=8))
    used = sum(path.stat().st_blocks * 512 for path in full.rglob("*"))
    small_store.resize(full, used + 600 * KiB)
    filler = full / "filler"
    with pytest.raises(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with filler.open("r+b") as file:
        file.truncate(max(0, filler.stat().st_size - 64 * KiB))
    with pytest.raises(errors.StoreFull):
        for number in (2, 3):
            replica.drop(f"p{number}")
    assert_points_true(replica, source, tmp_path, only=["p1", "p4"])
    filler.unlink()
    small_store.resize(full, 40 * MiB)
    replica.drop("p3")
    assert_points_true(replica, source, tmp_path)
    replica.close()


def test_the_seams_are_reached(tmp_path, daemon, source):
    seams = Seams()
    replica = Replica.create(tmp_path / "m2", daemon, "m1", source.replica_disks, epoch=1, reach=seams)
    replica.apply(*source.cycle("p1"))
    assert {"apply.begun", "apply.flushed", "seal.snapshot", "seal.recorded"} <= set(seams.reached)
    replica.close()


def test_a_cycle_file_from_the_inbox_is_applied(replica, source, tmp_path):
    for number in range(1, 4):
        header, frames = source.cycle(f"p{number}")
        encoded = [
            e for f in frames for e in codec.encode(Choice(), f.disk, f.offset, f.data or bytes(f.length))
        ]
        cycle_file.write(replica.files.inbox, header, iter(encoded))
    for _epoch, _seq, path in inbox.scan(replica.files.inbox):
        replica.apply(*cycle_file.read(path))
        path.unlink()
    assert_points_true(replica, source, tmp_path)


def test_points_runs_and_verification_do_not_wait_for_a_cycle_that_is_applied(replica, source, tmp_path):
    replica.apply(*source.cycle("p1"))
    replica.apply(*source.cycle("p2"))
    header, frames = source.cycle("p3")
    told: dict[str, Any] = {}

    def ask():
        told["points"] = len(replica.points()), replica.stats().points
        told["run"] = replica.open_run("failover", "p1")
        told["verdict"] = replica.verify("p2").ok

    def asks_meanwhile():
        yield from frames[:2]
        asker = threading.Thread(target=ask)
        asker.start()
        asker.join(timeout=20)
        yield from frames[2:]

    replica.apply(header, asks_meanwhile())
    assert told == {"points": (2, 2), "run": replica.open_run("failover", "p1"), "verdict": True}
    assert read_raw(told["run"]["sda"], tmp_path) == source.points["p1"]["sda"]
    assert [run.name for run in replica.state.runs] == ["failover"]
    assert_points_true(replica, source, tmp_path)


def test_a_point_id_is_never_used_twice(replica, source):
    replica.apply(*source.cycle("p1"))
    with pytest.raises(errors.CycleOutOfOrder, match="an id of its own"):
        replica.apply(*source.cycle("p1"))


def test_creating_again_opens_what_is_there(replica, source, tmp_path, daemon):
    replica.apply(*source.cycle("p1"))
    replica.close()
    again = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1)
    assert [point.point_id for point in again.points()] == ["p1"]
    with pytest.raises(errors.ReplicaInUse):
        Replica.create(tmp_path / "m1", daemon, "m2", source.replica_disks, epoch=1)


def test_a_creation_that_died_is_begun_again(tmp_path, daemon, source):
    seams = Seams()
    seams.arm(1)
    with dying() as died:
        Replica.create(tmp_path / "m3", daemon, "m1", source.replica_disks, epoch=1, reach=seams)
    assert died == ["create.files"]
    replica = Replica.create(tmp_path / "m3", daemon, "m1", source.replica_disks, epoch=1)
    replica.apply(*source.cycle("p1"))
    assert_points_true(replica, source, tmp_path)
    replica.close()


def test_a_read_only_run_shows_the_layers_themselves_and_keeps_them(replica, source, tmp_path):
    for number in range(1, 4):
        replica.apply(*source.cycle(f"p{number}"))
    paths = replica.open_run("look", "p2", writable=False)
    replica.drop("p1")
    assert {key: read_raw(path, tmp_path) for key, path in paths.items()} == source.points["p2"]
    assert len(replica.state.layers) == 4
    replica.close_run("look")
    assert len(replica.state.layers) == 3
    assert_points_true(replica, source, tmp_path)


def test_an_unfinished_pass_is_never_merged_into_what_can_be_trusted(replica, source, tmp_path):
    replica.apply(*source.cycle("p1"))
    replica.apply(*source.cycle("p2"))
    replica.apply(*source.cycle(sync={"slice": 1}))
    replica.drop("p2")
    assert replica.stats().waiting_merges == 1
    replica.apply(*source.cycle("p4"))
    replica.drop("p1")
    assert replica.stats().waiting_merges == 0
    assert_points_true(replica, source, tmp_path)


def test_plain_qemu_starts_on_a_point_with_the_command_that_its_manifest_gives(replica, source):
    for number in range(1, 4):
        replica.apply(*source.cycle(f"p{number}"))
    for point in replica.points():
        command = shlex.split(point.manifest.how_to_boot.split("folder: ")[1])
        done = subprocess.run(
            [*command, "-machine", "accel=tcg", "-display", "none", "-nodefaults", "-S", "-monitor", "stdio"],
            cwd=replica.files.root, input="info block\nquit\n",
            timeout=60, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert all(disk.file in done.stdout for disk in point.manifest.disks)
