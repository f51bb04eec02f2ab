"""The disks that a rescued machine offers: what is written arrives, and what is in use is refused by name."""

import contextlib
import json
import os
import random
import socket
import struct
import subprocess
from concurrent import futures

import nbd
import pytest

from rig.eventually import eventually
from secondsite.ground.units import KiB, MiB

from . import support_agent as support

SIZE = 64 * MiB


class RescuedMachine(support.Agent):
    def verb(self):
        return ["rescue"]


@pytest.fixture
def blank(folder):
    """Makes loop devices with nothing on them."""
    disks: list[support.LoopDisk] = []

    def make(sector=512, size=SIZE):
        disk = support.LoopDisk(folder, f"blank{len(disks)}", size=size, sector=sector)
        disks.append(disk)
        return disk

    yield make
    for disk in disks:
        disk.close()


@pytest.fixture
def rescue(folder):
    machines = []

    def begin(*disks):
        machines.append(RescuedMachine(folder, disks))
        return machines[-1]

    yield begin
    for machine in machines:
        machine.close()


@contextlib.contextmanager
def writer(machine, disk):
    handle = nbd.NBD()
    handle.set_export_name(disk.key)
    handle.set_strict_mode(0)
    handle.connect_unix(str(machine.readers))
    try:
        yield handle
    finally:
        handle.shutdown()


def content(disk):
    return b"".join(disk.content())


def refused(machine, disk):
    return next(each for each in machine.told("disks") if each["key"] == disk.key).get("refused", "")


@pytest.mark.parametrize("sector", [512, 4096])
def test_whatever_is_written_in_whatever_pieces_lies_on_the_disk_and_nowhere_else(blank, rescue, sector):
    disk, chance = blank(sector), random.Random(sector)
    wanted = bytearray(chance.randbytes(SIZE))
    with writer(rescue(disk), disk) as handle:
        for at in range(0, SIZE, 32 * MiB):
            handle.pwrite(bytes(wanted[at : at + 32 * MiB]), at)
        for _ in range(100):
            length = chance.choice([1, 511, 512, 4096, 4097, 300 * KiB, 1 * MiB + 3])
            at = chance.randrange(SIZE - length)
            data = bytes(length) if chance.random() < 0.5 else chance.randbytes(length)
            wanted[at : at + length] = data
            if any(data):
                handle.pwrite(data, at, chance.choice([0, nbd.CMD_FLAG_FUA]))
            elif chance.random() < 0.5:
                handle.trim(length, at)
            else:
                handle.zero(length, at, chance.choice([0, nbd.CMD_FLAG_NO_HOLE]))
        handle.flush()
        assert handle.pread(1000, 4321) == wanted[4321:5321]
    assert content(disk) == bytes(wanted)


def test_writers_within_one_sector_lose_nothing_of_each_other(blank, rescue):
    disk = blank()
    machine = rescue(disk)
    with writer(machine, disk) as one, writer(machine, disk) as other:
        for at in range(0, 1024, 2):
            first = one.aio_pwrite(b"a", at)
            second = other.aio_pwrite(b"b", at + 1)
            eventually(lambda first=first: one.poll(0) >= 0 and one.aio_command_completed(first), 10)
            eventually(lambda second=second: other.poll(0) >= 0 and other.aio_command_completed(second), 10)
    assert content(disk)[:1024] == b"ab" * 512


def test_what_lies_outside_is_refused_and_the_next_request_is_understood(blank, rescue):
    disk = blank()
    with writer(rescue(disk), disk) as handle:
        for wrong in (
            lambda: handle.pwrite(b"x" * 3 * MiB, SIZE - 5),
            lambda: handle.pwrite(b"", 0),
            lambda: handle.zero(10, SIZE),
            lambda: handle.trim(SIZE, 1),
        ):
            with pytest.raises(nbd.Error):
                wrong()
        handle.pwrite(b"right", SIZE - 5)
    assert content(disk)[-5:] == b"right"


def test_a_writer_that_leaves_within_a_request_harms_nobody(blank, rescue):
    disk = blank()
    machine = rescue(disk)
    with writer(machine, disk) as handle:
        raw = socket.fromfd(handle.aio_get_fd(), socket.AF_UNIX, socket.SOCK_STREAM)
        raw.sendall(struct.pack(">IHHQQI", 0x25609513, 0, 1, 1, 0, MiB) + b"half")
        raw.shutdown(socket.SHUT_RDWR)
        raw.close()
        eventually(lambda: machine.told("status")["writers"] == 0, 10)
    with writer(machine, disk) as handle:
        handle.pwrite(b"whole", 0)


def test_little_memory_is_taken_whoever_writes_at_once(blank, rescue):
    disk = blank()
    machine = rescue(disk)

    def write():
        with writer(machine, disk) as handle:
            handle.pwrite(b"x" * 16 * MiB, 0)

    with futures.ThreadPoolExecutor(16) as pool:
        for each in [pool.submit(write) for _ in range(16)]:
            each.result(support.PATIENCE)
    assert machine.told("memory")["most_resident_bytes"] < 64 << 20


def test_a_disk_in_use_is_refused_by_what_uses_it(make_disk, blank, rescue):
    mounted, swap, free = make_disk(), blank(), blank()
    support.run("mkswap", swap.device)
    with contextlib.ExitStack() as stack:
        if subprocess.run(["swapon", swap.device], capture_output=True).returncode == 0:
            stack.callback(support.run, "swapoff", swap.device)
            machine = rescue(mounted, swap, free)
            assert "swap" in refused(machine, swap)
        else:
            machine = rescue(mounted, free)
        assert str(mounted.mount) in refused(machine, mounted)
        assert refused(machine, free) == ""
        with pytest.raises(nbd.Error), writer(machine, mounted):
            pass


def test_a_btrfs_over_two_disks_is_in_use_on_both(make_disk, blank, rescue):
    second = blank(size=256 * MiB)
    first = make_disk(kind="btrfs")
    support.run("btrfs", "device", "add", "-f", second.device, str(first.mount))
    machine = rescue(first, second)
    assert str(first.mount) in refused(machine, first)
    assert str(first.mount) in refused(machine, second)


def test_nobody_mounts_a_disk_that_is_offered(blank, rescue):
    disk = blank()
    support.run("mkfs.ext4", "-q", "-F", disk.device)
    machine = rescue(disk)
    said = subprocess.run(["mount", disk.device, str(disk.mount)], capture_output=True, text=True)
    assert said.returncode != 0
    machine.close()
    support.run("mount", disk.device, str(disk.mount))
    support.run("umount", str(disk.mount))


def test_the_stick_that_the_machine_was_started_from_is_not_offered(blank, rescue):
    disk = blank()
    with open(disk.device, "r+b") as device:
        device.seek(32768)
        device.write(b"\x01CD001\x01\x00" + b"LINUX".ljust(32) + b"SECONDSITE_RESCUE".ljust(32))
        device.flush()
        os.fsync(device.fileno())
    assert "started from it" in refused(rescue(disk), disk)


@pytest.mark.parametrize("verb", ["restart", "power-off"])
def test_a_machine_does_not_end_while_somebody_writes_nor_unless_it_runs_for_its_rescue(blank, rescue, verb):
    disk = blank()
    machine = rescue(disk)
    with writer(machine, disk):
        answer = machine.ask(verb)
        assert (answer["ok"], answer["code"]) == (False, "busy")
    eventually(lambda: machine.told("status")["writers"] == 0, 10)
    answer = machine.ask(verb)
    assert (answer["ok"], answer["code"]) == (False, "failed")
    assert "rescue alone" in answer["error"]
    with writer(machine, disk) as handle:
        handle.pwrite(b"on", 0)


def test_it_tells_which_start_this_is_and_how_much_was_written(blank, rescue):
    disk = blank()
    machine = rescue(disk)
    with writer(machine, disk) as handle:
        handle.pwrite(b"x" * 1000, 0)
        handle.zero(24, 1000)
    assert machine.told("disks")[0]["written_bytes"] == 1024
    with open("/proc/sys/kernel/random/boot_id") as boot:
        assert machine.told("status")["boot"] == boot.read().strip()
    assert json.dumps(machine.ask("open")).count("unknown")
