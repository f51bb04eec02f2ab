"""What a view holds: marks first, then bytes; of a frozen one exactly the bytes of its instant."""

import os

import pytest

from rig.eventually import eventually
from secondsite.datapath.errors import DiskUnreadable
from secondsite.ground.units import MiB, TiB

from . import support_agent as support

SIZES = {"ext4": 64 * MiB, "xfs": 320 * MiB, "btrfs": 256 * MiB}


def write(disk, name, size=MiB):
    path = disk.mount / name
    path.write_bytes(os.urandom(size))
    with path.open("rb") as file:
        os.fsync(file.fileno())


@pytest.mark.parametrize("kind", sorted(SIZES))
def test_a_frozen_point_is_bit_for_bit_what_the_disk_held_then(make_disk, start, writers, kind):
    disk = make_disk(kind, size=SIZES[kind])
    agent = start([disk])
    replica = support.Replica(agent, [disk])
    replica.copy("first")
    before = disk.writes()
    writing = writers.start("storm", disk.mount / "storm", 1)
    eventually(lambda: disk.writes() > before + 200, support.PATIENCE)
    answer, truth = agent.point("first", "point")
    before = disk.writes()
    eventually(lambda: disk.writes() > before + 50, support.PATIENCE)
    assert answer["ok"], answer
    assert replica.receive("point") > 0
    assert replica.digests == truth
    assert writing.poll() is None


def test_what_is_written_while_a_live_view_is_open_is_in_the_next_one(make_disk, start):
    disk = make_disk()
    agent = start([disk])
    replica = support.Replica(agent, [disk])
    replica.copy("first")
    write(disk, "a")
    assert agent.told("open", view="live", base="first", name="one")["dirty_blocks"][0] >= 16
    write(disk, "b")
    replica.receive("one")
    agent.told("acknowledge", name="one")
    assert replica.receive_point("one", "two") == replica.digests


def test_what_was_not_acknowledged_is_in_the_next_view(make_disk, start):
    disk = make_disk()
    agent = start([disk])
    support.Replica(agent, [disk]).copy("first")
    write(disk, "a")
    one = agent.told("open", view="live", base="first", name="one")["dirty_blocks"][0]
    agent.told("close")
    assert agent.told("open", view="live", base="first", name="two")["dirty_blocks"][0] >= one
    agent.told("acknowledge", name="two")
    assert agent.told("open", view="live", base="two", name="three")["dirty_blocks"][0] < one


def test_a_live_view_that_is_flushed_leaves_little_for_the_frozen_one(make_disk, start):
    disk = make_disk()
    agent = start([disk], "--held-mib", "2")
    replica = support.Replica(agent, [disk])
    replica.copy("first")
    (disk.mount / "in-memory").write_bytes(os.urandom(8 * MiB))
    assert agent.told("open", view="live", base="first", name="one", flushed=True)["dirty_blocks"][0] >= 128
    replica.receive("one")
    agent.told("acknowledge", name="one")
    assert replica.receive_point("one", "two") == replica.digests


def test_a_view_may_hold_only_what_is_new_since_one_that_was_read_already(make_disk, start):
    disk = make_disk()
    agent = start([disk], "--held-mib", "2")
    replica = support.Replica(agent, [disk])
    replica.copy("first")
    write(disk, "a", 8 * MiB)
    agent.told("open", view="live", base="first", name="one", flushed=True)
    replica.receive("one")
    write(disk, "b")
    agent.told("open", view="live", base="first", since="one", name="two", flushed=True)
    assert 16 <= replica.receive("two") < 128
    agent.hold("read")
    agent.send("open", view="frozen", base="first", since="two", name="three")
    agent.held("read")
    truth = {disk.key: disk.digests()}
    agent.let_go("read")
    assert agent.answer()["ok"]
    assert replica.receive("three") < 32
    assert replica.digests == truth
    # Nothing was acknowledged: who lost what was read gets all of it again.
    assert agent.told("open", view="live", base="first", name="four")["dirty_blocks"][0] >= 128


def test_a_base_that_is_not_the_acknowledged_one_is_refused_and_costs_nothing(make_disk, start):
    disk = make_disk()
    agent = start([disk])
    support.Replica(agent, [disk]).copy("first")
    refused = agent.ask("open", view="live", base="other", name="one")
    assert not refused["ok"]
    assert "'other'" in refused["error"] or '"other"' in refused["error"]
    assert agent.told("open", view="live", base="first", name="one") is not None


def test_more_than_may_be_held_is_no_point_and_stays_marked(make_disk, start):
    disk = make_disk()
    agent = start([disk], "--held-mib", "1")
    replica = support.Replica(agent, [disk])
    replica.copy("first")
    write(disk, "a", 4 * MiB)
    refused = agent.ask("open", view="frozen", base="first", name="point")
    assert refused["code"] == "too-much", refused
    write(disk, "still-writable")
    agent.told("open", view="live", base="first", name="pass")
    assert replica.receive("pass") >= 64
    agent.told("acknowledge", name="pass")
    assert replica.receive_point("pass", "point") == replica.digests


def test_a_frozen_view_reads_nothing_else_and_tells_which_blocks_are_zero(make_disk, start):
    disk = make_disk(fs_size=32 * MiB, size=64 * MiB)
    agent = start([disk])
    support.Replica(agent, [disk]).copy("first")
    file = os.open(disk.device, os.O_RDWR)
    os.pwrite(file, bytes(MiB), 40 * MiB)
    os.pwrite(file, b"\1" * support.BLOCK, 41 * MiB)
    os.fsync(file)
    os.close(file)
    agent.told("open", view="frozen", base="first", name="point")
    with agent.reader(disk, "point") as reader:
        found = [each for each in reader.changed() if each.offset >= 32 * MiB]
        assert [(each.offset, each.length, each.zero) for each in found] == [
            (40 * MiB, MiB, True),
            (41 * MiB, support.BLOCK, False),
        ]
        assert reader.pread(100, 41 * MiB + 33) == b"\1" * 100
        with pytest.raises(DiskUnreadable):
            reader.pread(4096, 60 * MiB)


def test_a_write_past_the_file_systems_while_they_stand_still_is_no_point_and_needs_no_scan(make_disk, start):
    disk = make_disk(fs_size=32 * MiB, size=64 * MiB)
    agent = start([disk])
    replica = support.Replica(agent, [disk])
    replica.copy("first")
    agent.hold_frozen("first", "point")
    agent.hold("read")
    agent.let_go("frozen")
    agent.held("read")
    file = os.open(disk.device, os.O_RDWR)
    os.pwrite(file, b"\1" * support.BLOCK, 40 * MiB)
    os.fsync(file)
    os.close(file)
    agent.let_go("read")
    answer = agent.answer()
    assert answer["code"] == "no-instant", answer
    assert not answer["told"]["instant"]["verdict"].get("scan_due")
    assert replica.receive_point("first", "again") == replica.digests


def test_a_large_disk_has_coarser_marks_and_takes_no_more_memory(make_disk, start, record_property):
    disk = make_disk(size=3 * TiB, fs_size=64 * MiB)
    agent = start([disk])
    agent.told("open", view="live", name="first")
    agent.told("acknowledge", name="first")
    at = 3 * TiB - 7 * support.BLOCK
    file = os.open(disk.device, os.O_RDWR)
    os.pwrite(file, b"\1" * 512, at)
    os.fsync(file)
    os.close(file)
    agent.told("open", view="frozen", base="first", name="point")
    with agent.reader(disk, "point") as reader:
        [extent] = [each for each in reader.dirty() if each.offset > TiB]
        assert extent.offset <= at < extent.end
        assert extent.length <= 8 * support.BLOCK
        assert reader.pread(512, at) == b"\1" * 512
    most = agent.told("memory")["most_resident_bytes"]
    record_property("most_resident_mib", most // MiB)
    assert most < 64 * MiB
