"""Whole cycles over real TLS sockets, from real NBD servers to durable files."""

import subprocess
from typing import Any

import pytest

from rig.eventually import eventually
from secondsite.datapath.cycles import cycle_file, inbox
from secondsite.datapath.disks.nbd_disk import NbdDisk
from secondsite.datapath.errors import Cancelled, DiskUnreadable, PeerRefused
from secondsite.datapath.extents import Extent
from secondsite.datapath.transfer import sender
from secondsite.datapath.transfer.sender import DiskPlan
from secondsite.ground.units import KiB, MiB
from tests.datapath.support_channel import (
    content_of,
    cycle_header,
    disk_content,
    listens,
    nbd_server,
    served_disk,
    whole,
)

SIZE = 8 * MiB


def test_a_full_cycle_arrives_bit_for_bit_and_durable(target, tmp_path):
    content = disk_content(SIZE + 12345 // 512 * 512)
    with served_disk(tmp_path, content) as disk, target.dial(peer_name="target") as connection:
        seen: list[Any] = []
        header = cycle_header(len(content), point={"point_id": "p1", "consistency": "crash"})
        result = sender.send_cycle(
            connection, header, [DiskPlan(disk, "vda", whole(content))], progress=seen.append
        )
    [(epoch, seq, path)] = inbox.scan(target.admission.inbox_dir)
    assert (epoch, seq) == (1, 1)
    assert target.admission.arrivals == [path]
    assert target.admission.peers == ["source"]
    assert cycle_file.read(path)[0] == header
    assert content_of(path, len(content)) == [content]
    assert result.changed_bytes == len(content) == result.sent_raw_bytes + result.zero_bytes == seen[-1]
    assert result.zero_bytes == 2 * MiB + 128 * KiB
    assert result.wire_bytes < 0.7 * result.sent_raw_bytes
    assert seen == sorted(seen)


def test_several_disks_travel_in_one_cycle(target, tmp_path):
    first, second = disk_content(SIZE, 1), disk_content(3 * MiB, 2)
    with (
        served_disk(tmp_path, first, "a") as a,
        served_disk(tmp_path, second, "b") as b,
        target.dial() as connection,
    ):
        plans = [
            DiskPlan(a, "vda", [Extent(MiB, 64 * KiB), Extent(7 * MiB, MiB)]),
            DiskPlan(b, "vdb", whole(second)),
        ]
        sender.send_cycle(connection, cycle_header(len(first), len(second)), plans)
    got_first, got_second = content_of(target.admission.arrivals[0], len(first), len(second))
    assert got_second == second
    assert got_first[7 * MiB :] == first[7 * MiB :]
    assert got_first[MiB : MiB + 64 * KiB] == first[MiB : MiB + 64 * KiB]
    assert not any(got_first[:MiB])


def test_zero_extents_travel_without_being_read(target, tmp_path):
    content = disk_content(SIZE)
    with served_disk(tmp_path, content) as disk, target.dial() as connection:
        plan = DiskPlan(disk, "vda", [Extent(0, 64 * KiB), Extent(64 * KiB, SIZE - 64 * KiB, zero=True)])
        result = sender.send_cycle(connection, cycle_header(SIZE), [plan])
    assert result.zero_bytes == SIZE - 64 * KiB
    assert result.wire_bytes < 80 * KiB


def test_only_pages_that_differ_are_sent_of_what_is_compared(target, tmp_path):
    ours = disk_content(SIZE + 512)
    theirs = bytearray(ours)
    theirs[100] ^= 1
    theirs[6 * MiB + 70 * KiB] ^= 1
    theirs[-1] ^= 1
    theirs[3 * MiB] = 1  # zero with us
    target.admission.replica["vda"] = bytes(theirs)
    with served_disk(tmp_path, ours) as disk, target.dial() as connection:
        holes = [Extent(3 * MiB, 64 * KiB, zero=True)]
        doubtful = [Extent(0, 3 * MiB), *holes, Extent(3 * MiB + 64 * KiB, len(ours) - 3 * MiB - 64 * KiB)]
        result = sender.send_cycle(
            connection, cycle_header(len(ours)), [DiskPlan(disk, "vda", changed=[], compare=doubtful)]
        )
    assert result.compared_bytes == len(ours)
    assert result.differing_bytes == 64 * KiB + 2 * 4 * KiB + 512
    assert result.changed_bytes == result.differing_bytes
    _header, frames = cycle_file.read(target.admission.arrivals[0])
    for frame in frames:
        data = bytes(frame.length) if frame.zero else frame.data
        theirs[frame.offset : frame.offset + frame.length] = data
    assert theirs == ours


def test_what_is_sent_anyway_is_not_compared(target, tmp_path):
    ours = disk_content(SIZE)
    target.admission.replica["vda"] = bytes(SIZE)
    with served_disk(tmp_path, ours) as disk, target.dial() as connection:
        plan = DiskPlan(disk, "vda", changed=[Extent(0, MiB)], compare=whole(ours))
        result = sender.send_cycle(connection, cycle_header(SIZE), [plan])
    assert result.differing_bytes == SIZE - MiB - 2 * MiB - 128 * KiB  # zeros here, zeros there
    assert result.changed_bytes == SIZE - 2 * MiB - 128 * KiB


def test_a_repeated_cycle_is_acknowledged_at_once(target, tmp_path):
    content = disk_content(SIZE)
    with served_disk(tmp_path, content) as disk, target.dial() as connection:
        plans = [DiskPlan(disk, "vda", whole(content))]
        first = sender.send_cycle(connection, cycle_header(SIZE), plans)
        again = sender.send_cycle(connection, cycle_header(SIZE), plans)
    assert not first.already
    assert again.already
    assert again.wire_bytes == 0
    assert set(target.admission.arrivals) == {inbox.path_of(target.admission.inbox_dir, 1, 1)}


def test_another_take_with_a_used_number_is_refused(target, tmp_path):
    content = disk_content(SIZE)
    with served_disk(tmp_path, content) as disk, target.dial() as connection:
        plans = [DiskPlan(disk, "vda", whole(content))]
        sender.send_cycle(connection, cycle_header(SIZE), plans)
        with pytest.raises(PeerRefused) as refused:
            sender.send_cycle(connection, cycle_header(SIZE, taken_at="2026-11-20T09:00:00+00:00"), plans)
        assert refused.value.code == "cycle-conflict"
        assert not sender.send_cycle(connection, cycle_header(SIZE, seq=2), plans).already


def test_a_cancelled_cycle_leaves_nothing_and_the_connection_serves_the_next(target, tmp_path):
    content = disk_content(SIZE)
    done: list[Any] = []
    with served_disk(tmp_path, content) as disk, target.dial() as connection:
        plans = [DiskPlan(disk, "vda", whole(content))]
        with pytest.raises(Cancelled):
            sender.send_cycle(
                connection, cycle_header(SIZE), plans, progress=done.append, cancelled=lambda: len(done) >= 3
            )
        assert len(done) == 3
        sender.send_cycle(connection, cycle_header(SIZE), plans)
    assert len(target.admission.arrivals) == 1
    assert [entry.name for entry in target.admission.inbox_dir.iterdir()] == ["1-1.cycle"]


def test_a_source_disk_that_dies_aborts_the_cycle_only(target, tmp_path):
    image = tmp_path / "dying.raw"
    image.write_bytes(bytes(SIZE))
    socket_path = tmp_path / "dying.sock"
    server = subprocess.Popen(
        ["nbdkit", "-f", "-U", socket_path, "--filter=error", "file", image, "error-pread-rate=100%"]
    )
    try:
        eventually(lambda: listens(socket_path))
        with NbdDisk(socket_path) as disk, target.dial() as connection:
            with pytest.raises(DiskUnreadable):
                sender.send_cycle(connection, cycle_header(SIZE), [DiskPlan(disk, "vda", whole(bytes(SIZE)))])
            good = [DiskPlan(disk, "vda", [Extent(0, SIZE, zero=True)])]
            assert sender.send_cycle(connection, cycle_header(SIZE), good).zero_bytes == SIZE
    finally:
        server.kill()
        server.wait(10)


def test_a_machine_that_changes_is_followed_by_its_bitmap(target, tmp_path):
    image = tmp_path / "vm.qcow2"
    run = lambda *command: subprocess.run(command, check=True, timeout=30, capture_output=True)  # noqa: E731
    run("qemu-img", "create", "-f", "qcow2", image, str(SIZE))
    run("qemu-io", "-c", "write -P 1 0 1M", image)
    run("qemu-img", "bitmap", "--add", image, "cp1")
    run("qemu-io", "-c", "write -P 2 2M 64k", "-c", "write -z 192k 64k", image)
    with (
        nbd_server(tmp_path, image, "-r", "-B", "cp1", image_format="qcow2") as socket_path,
        NbdDisk(socket_path, bitmaps=["cp1"]) as disk,
        target.dial() as connection,
    ):
        assert disk.changed() == [Extent(192 * KiB, 64 * KiB, zero=True), Extent(2 * MiB, 64 * KiB)]
        result = sender.send_cycle(connection, cycle_header(SIZE), [DiskPlan(disk, "vda", disk.changed())])
    assert (result.changed_bytes, result.zero_bytes) == (128 * KiB, 64 * KiB)
