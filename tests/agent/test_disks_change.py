"""Disks that come, go and grow while the agent runs, and a machine on which nothing can be followed."""

import contextlib
import fcntl
import os
import random

import pytest

from rig.eventually import eventually
from secondsite.ground.units import KiB, MiB

from . import support_agent as support

ADD, REMOVE = 0x4C80, 0x4C81


@pytest.fixture
def place():
    """The name of a loop device of which nobody else knows; it stands for no file."""
    control = os.open("/dev/loop-control", os.O_RDWR)
    number = fcntl.ioctl(control, ADD, random.randrange(1000, 100000))
    yield f"/dev/loop{number}"
    eventually(lambda: removed(control, number), support.PATIENCE)
    os.close(control)


def removed(control, number):
    with contextlib.suppress(OSError):
        return fcntl.ioctl(control, REMOVE, number) >= 0
    return False


class Come:
    """A raw disk that comes and goes at a place."""

    def __init__(self, place, folder, size=4 * MiB):
        self.device, self.name, self.size = place, place.removeprefix("/dev/"), size
        self.file = folder / "come.raw"
        self.key = f"file:{self.file}"
        self.file.write_bytes(os.urandom(size))
        self.here = False

    def come(self):
        support.run("losetup", self.device, str(self.file))
        self.here = True

    def go(self):
        if self.here:
            support.run("losetup", "-d", self.device)

    def grow(self, by=2 * MiB):
        self.size += by
        os.truncate(self.file, self.size)
        support.run("losetup", "-c", self.device)

    @property
    def blocks(self):
        return -(-self.size // support.BLOCK)

    content, digests = support.LoopDisk.content, support.LoopDisk.digests

    def write(self, at):
        file = os.open(self.device, os.O_RDWR)
        os.pwrite(file, os.urandom(support.BLOCK), at)
        os.fsync(file)
        os.close(file)


@pytest.fixture
def coming(place, folder):
    disk = Come(place, folder)
    yield disk
    disk.go()


def pass_through(agent, replica, base, name):
    """A live view, received and acknowledged; how many blocks of each disk were dirty, by key."""
    told = agent.told("open", view="live", base=base, name=name, flushed=True)
    replica.receive(name)
    agent.told("acknowledge", name=name)
    return dict(zip(told["disks"], told["dirty_blocks"], strict=True))


def keys(agent):
    """Of the disks that are there now: it follows them from now on, if no view is open."""
    agent.told("close")
    return {disk["key"] for disk in agent.told("disks")}


def test_a_disk_that_comes_is_followed_with_everything_dirty_and_the_others_keep_their_marks(
    coming, make_disk, start
):
    disk = make_disk()
    agent = start([disk, coming])
    replica = support.Replica(agent, [disk, coming])
    replica.disks = [disk]
    replica.copy("first")
    (disk.mount / "a").write_bytes(os.urandom(MiB))
    os.sync()
    coming.come()
    assert keys(agent) == {disk.key, coming.key}
    replica.disks = [disk, coming]
    dirty = pass_through(agent, replica, "first", "one")
    assert 16 <= dirty[disk.key] < 4096 - 1
    assert dirty[coming.key] == 64
    coming.write(MiB)
    assert replica.receive_point("one", "point") == replica.digests
    agent.told("acknowledge", name="point")
    assert "distrust" not in agent.told("status")


def test_a_frozen_view_finds_a_disk_that_came(coming, make_disk, start):
    disk = make_disk()
    agent = start([disk, coming], "--held-mib", "2")
    replica = support.Replica(agent, [disk, coming])
    replica.disks = [disk]
    replica.copy("first")
    coming.come()
    assert agent.ask("open", view="frozen", base="first", name="point")["code"] == "too-much"
    replica.disks = [disk, coming]
    pass_through(agent, replica, "first", "one")
    assert replica.receive_point("one", "point") == replica.digests


def test_what_a_disk_grew_by_is_dirty_and_the_rest_is_not(coming, make_disk, start):
    disk = make_disk()
    coming.come()
    agent = start([disk, coming])
    replica = support.Replica(agent, [disk, coming])
    replica.copy("first")
    coming.grow(2 * MiB + 4 * KiB)
    coming.write(5 * MiB)
    coming.write(0)
    replica.digests[coming.key] += [b""] * 33
    dirty = pass_through(agent, replica, "first", "one")
    assert dirty[coming.key] == 34
    assert replica.receive_point("one", "point") == replica.digests


def test_while_a_disk_comes_and_grows_under_writing_no_write_is_missed(coming, make_disk, start, writers):
    disk = make_disk(size=320 * MiB)
    agent = start([disk, coming], "--held-mib", "200")
    replica = support.Replica(agent, [disk, coming])
    replica.disks = agent.disks = [disk]
    replica.copy("first")
    writers.start("storm", disk.mount / "storm", 1)
    base = "first"
    for turn, change in enumerate((coming.come, coming.grow, coming.grow)):
        change()
        replica.disks = agent.disks = [disk, coming]
        replica.digests[coming.key] += [b""] * (coming.blocks - len(replica.digests[coming.key]))
        assert keys(agent) == {disk.key, coming.key}
        answer, truth = agent.point(base, f"p{turn}")
        if answer["ok"]:
            base = f"p{turn}"
            replica.receive(base)
            agent.told("acknowledge", name=base)
            assert replica.digests == truth
        elif answer["code"] == "scan-due" or answer["told"]["instant"]["verdict"].get("scan_due"):
            base = f"s{turn}"
            scan(agent, replica, base)


def scan(agent, replica, name):
    agent.told("begin-scan", base=name)
    for disk in agent.disks:
        agent.compare(disk, [digest or bytes(16) for digest in replica.digests[disk.key]])
    agent.told("end-scan")


def test_where_nothing_can_be_followed_the_disks_can_be_read_and_there_is_no_instant(make_disk, start):
    disk = make_disk()
    agent = start([disk], "--tracking", "scan")
    status = agent.told("status")
    assert status["tracking"] == "scan"
    assert status["untracked"]
    replica = support.Replica(agent, [disk])
    replica.copy("first")
    assert replica.digests[disk.key] == disk.digests()
    for words in (
        {"do": "open", "view": "frozen", "base": "first", "name": "point"},
        {"do": "open", "view": "live", "base": "first", "name": "pass"},
        {"do": "begin-scan", "base": "first"},
    ):
        assert agent.ask(words.pop("do"), **words)["code"] == "untracked"
    assert agent.compare(disk, replica.digests[disk.key]) == (0, 0)
