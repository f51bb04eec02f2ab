"""Disks behind real NBD servers."""

import socket
import subprocess

import pytest

from rig.eventually import eventually
from secondsite.datapath.disks.buffers import Buffers
from secondsite.datapath.disks.nbd_disk import NbdDisk
from secondsite.datapath.errors import DiskSilent, DiskUnreadable
from secondsite.datapath.extents import Extent
from secondsite.ground.units import KiB, MiB
from tests.datapath.support_channel import disk_content, listens, nbd_server, served_disk


def run(*command):
    subprocess.run([str(word) for word in command], check=True, timeout=30, capture_output=True)


def test_reads_come_in_order_and_bit_for_bit(tmp_path):
    content = disk_content(9 * MiB + 512)
    wanted = [Extent(100, 5 * MiB), Extent(7 * MiB, 2 * MiB + 512)]
    with served_disk(tmp_path, content) as disk:
        assert disk.size_bytes == len(content)
        read = [(offset, bytes(raw)) for offset, raw in disk.read_many(wanted)]
        assert disk.pread(3 * MiB, 12345) == content[12345 : 12345 + 3 * MiB]
    assert [offset for offset, _ in read] == sorted(offset for offset, _ in read)
    assert all(content[offset : offset + len(raw)] == raw for offset, raw in read)
    assert sum(len(raw) for _, raw in read) == sum(extent.length for extent in wanted)


def test_buffers_that_were_given_back_are_read_into_again(tmp_path):
    content = disk_content(8 * MiB)
    buffers, seen = Buffers(), set()
    with served_disk(tmp_path, content) as disk:
        for offset, raw in disk.read_many([Extent(0, len(content))] * 4, buffers):
            assert raw == content[offset : offset + len(raw)]
            seen.add(id(raw))
            buffers.give(raw)
    assert len(seen) <= 8


def test_reading_may_stop_early_and_begin_again(tmp_path):
    content = disk_content(8 * MiB)
    with served_disk(tmp_path, content) as disk:
        for _offset, _raw in disk.read_many([Extent(0, 8 * MiB)]):
            break
        assert disk.pread(64 * KiB, 6 * MiB) == content[6 * MiB : 6 * MiB + 64 * KiB]


def test_what_is_written_is_read_back_and_zeros_are_holes(tmp_path):
    image = tmp_path / "disk.qcow2"
    run("qemu-img", "create", "-f", "qcow2", image, "8M")
    with nbd_server(tmp_path, image, image_format="qcow2") as socket_path, NbdDisk(socket_path) as disk:
        disk.pwrite(b"x" * MiB, 2 * MiB)
        disk.pwrite(memoryview(b"y" * (64 * KiB)), 4 * MiB)
        disk.zero(512 * KiB, 2 * MiB)
        disk.flush()
        assert disk.pread(MiB, 2 * MiB) == bytes(512 * KiB) + b"x" * (512 * KiB)
        assert disk.allocation(0, 8 * MiB) == [
            Extent(0, 2 * MiB + 512 * KiB, zero=True),
            Extent(2 * MiB + 512 * KiB, 512 * KiB),
            Extent(3 * MiB, 1 * MiB, zero=True),
            Extent(4 * MiB, 64 * KiB),
            Extent(4 * MiB + 64 * KiB, 4 * MiB - 64 * KiB, zero=True),
        ]


def test_dirty_is_the_union_of_several_bitmaps(tmp_path):
    image, vm = tmp_path / "vm.qcow2", tmp_path / "qsd.sock"
    run("qemu-img", "create", "-f", "qcow2", image, "8M")
    run("qemu-img", "bitmap", "--add", image, "one")
    run("qemu-io", "-c", "write -P 1 1M 64k", image)
    run("qemu-img", "bitmap", "--disable", image, "one")
    run("qemu-img", "bitmap", "--add", image, "two")
    run("qemu-io", "-c", "write -P 2 3M 128k", image)
    command = ["qemu-storage-daemon", "--blockdev", f"driver=file,filename={image},node-name=f"]
    command += [
        "--blockdev",
        "driver=qcow2,file=f,node-name=d",
        "--nbd-server",
        f"addr.type=unix,addr.path={vm}",
    ]
    command += ["--export", "nbd,id=e,node-name=d,name=vda,writable=on,bitmaps.0=one,bitmaps.1=two"]
    daemon = subprocess.Popen(command)
    try:
        eventually(lambda: listens(vm))
        with NbdDisk(vm, "vda", bitmaps=["one", "two"]) as disk:
            assert disk.dirty() == [Extent(MiB, 64 * KiB), Extent(3 * MiB, 128 * KiB)]
            assert disk.dirty(2 * MiB, 4 * MiB) == [Extent(3 * MiB, 128 * KiB)]
            assert disk.changed() == disk.dirty()
        with NbdDisk(vm, "vda") as disk:
            assert disk.dirty() == [Extent(0, 8 * MiB)]
        with pytest.raises(DiskUnreadable, match="three"):
            NbdDisk(vm, "vda", bitmaps=["one", "three"])
        with pytest.raises(DiskUnreadable):
            NbdDisk(vm, "vdb")
    finally:
        daemon.kill()
        daemon.wait(10)


def test_an_absent_server_is_said_so_at_once(tmp_path):
    with pytest.raises(DiskUnreadable, match="open failed"):
        NbdDisk(tmp_path / "nobody.sock")


def test_a_server_that_never_answers_is_given_up_at_the_deadline(tmp_path):
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "mute.sock"))
        mute.listen()
        with pytest.raises(DiskSilent, match="no answer in time"):
            NbdDisk(tmp_path / "mute.sock", connect_seconds=0.3)


def test_a_read_that_hangs_is_given_up_at_the_deadline(tmp_path):
    image, socket_path = tmp_path / "slow.raw", tmp_path / "slow.sock"
    image.write_bytes(bytes(2 * MiB))
    server = subprocess.Popen(
        ["nbdkit", "-f", "-U", socket_path, "--filter=delay", "file", image, "rdelay=60"]
    )
    try:
        eventually(lambda: listens(socket_path))
        disk = NbdDisk(socket_path, io_seconds=0.5)
        with pytest.raises(DiskSilent, match="no answer in time"):
            disk.pread(512, 0)
        with pytest.raises(DiskUnreadable):
            disk.pread(512, 0)
    finally:
        server.kill()
        server.wait(10)


def test_a_server_that_dies_between_reads_is_an_error_not_a_hang(tmp_path):
    image = tmp_path / "disk.raw"
    image.write_bytes(bytes(8 * MiB))
    with nbd_server(tmp_path, image) as socket_path:
        disk = NbdDisk(socket_path)
    with pytest.raises(DiskUnreadable):
        disk.pread(512, 0)
