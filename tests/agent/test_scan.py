"""Digests are the truth: a scan finds what no mark tells."""

import base64
import os

import xxhash

from secondsite.ground.units import KiB, MiB

from . import support_agent as support


def behind_its_back(disk, offset, content):
    """Changes the disk below the kernel's block layer, so that nothing marks it."""
    with disk.file.open("r+b") as file:
        file.seek(offset)
        file.write(content)
        os.fsync(file.fileno())


def scanned(agent, disk, digests, base):
    agent.told("begin-scan", base=base)
    agent.compare(disk, digests)
    return agent.told("end-scan")["differing"]


def test_a_new_agent_goes_on_after_a_scan_with_what_differs(make_disk, start):
    disk = make_disk()
    first = start([disk])
    replica = support.Replica(first, [disk])
    replica.copy("first")
    first.kill()
    (disk.mount / "unseen").write_bytes(os.urandom(MiB))
    os.sync()
    agent = start([disk])
    replica.agent = agent
    assert scanned(agent, disk, replica.digests[disk.key], "first") >= 16
    assert replica.receive_point("first", "point") == replica.digests


def test_a_block_of_zeros_is_expected_by_zero_bytes_and_the_last_one_may_be_short(make_disk, start):
    disk = make_disk(fs_size=32 * MiB, size=48 * MiB + 4096)
    agent = start([disk])
    support.Replica(agent, [disk]).copy("first")
    blocks = 16 * 16 + 1
    assert agent.compare(disk, [bytes(16)] * blocks, start=32 * 16) == (0, 0)
    behind_its_back(disk, 48 * MiB, b"\1")
    assert agent.compare(disk, [bytes(16)] * blocks, start=32 * 16) == (1, 1)


def test_a_scan_that_leaves_blocks_out_ends_in_nothing(make_disk, start):
    disk = make_disk()
    agent = start([disk])
    replica = support.Replica(agent, [disk])
    replica.copy("first")
    agent.told("begin-scan", base="first")
    agent.compare(disk, replica.digests[disk.key][:-1])
    assert "1 blocks" in agent.ask("end-scan")["error"]
    assert agent.ask("open", view="frozen", base="first", name="point")["code"] == "scan-due"


def test_a_rolling_comparison_finds_what_nothing_marked_as_often_as_it_is_asked(make_disk, start):
    disk = make_disk(fs_size=32 * MiB, size=64 * MiB)
    agent = start([disk])
    replica = support.Replica(agent, [disk])
    replica.copy("first")
    (disk.mount / "marked").write_bytes(os.urandom(MiB))
    os.sync()
    assert agent.compare(disk, replica.digests[disk.key], base="first")[1] == 0
    behind_its_back(disk, 40 * MiB, b"\1" * 4096)
    for _ in range(2):
        differing, unmarked = agent.compare(disk, replica.digests[disk.key], base="first")
        assert unmarked == 1
        assert differing > 1
    assert scanned(agent, disk, replica.digests[disk.key], "first") > 1
    assert replica.receive_point("first", "point") == replica.digests


def test_nothing_is_compared_with_an_instant_from_which_no_marks_count(make_disk, start):
    disk = make_disk()
    agent = start([disk])
    replica = support.Replica(agent, [disk])
    words = {"disk": disk.key, "first": 0, "digests": base64.b64encode(bytes(16)).decode()}
    assert agent.ask("compare", base="first", **words)["code"] == "scan-due"
    replica.copy("first")
    assert agent.ask("compare", base="first", **words)["ok"]
    assert agent.ask("compare", base="second", **words)["code"] == "failed"


def test_a_comparison_answers_in_time_with_what_it_has_compared(make_disk, start):
    disk = make_disk()
    agent = start([disk], "--scan-mib", "4")
    support.Replica(agent, [disk]).copy("first")
    asked = base64.b64encode(bytes(16 * 512)).decode()
    told = agent.told("compare", disk=disk.key, first=0, digests=asked, base="first", seconds=0.4)
    assert 16 <= told["blocks"] <= 64


def test_an_agent_that_is_killed_in_a_scan_begins_it_anew(make_disk, start):
    disk = make_disk()
    agent = start([disk])
    replica = support.Replica(agent, [disk])
    replica.copy("first")
    agent.told("begin-scan", base="first")
    agent.compare(disk, replica.digests[disk.key][:100])
    agent.kill()
    replica.agent = start([disk])
    assert "no scan" in replica.agent.ask("end-scan")["error"]
    assert scanned(replica.agent, disk, replica.digests[disk.key], "first") >= 0
    assert replica.receive_point("first", "point") == replica.digests


def digests(agent, disk, first, count, seconds=0):
    told = agent.told("digests", disk=disk.key, first=first, count=count, seconds=seconds)
    return told["blocks"], base64.b64decode(told["digests"]), base64.b64decode(told["pages"] or "")


def test_the_digests_that_it_tells_are_those_of_blocks_and_pages_and_zeros_cost_nothing(make_disk, start):
    disk = make_disk(fs_size=32 * MiB, size=48 * MiB + 5120)
    behind_its_back(disk, 48 * MiB, os.urandom(5120))
    behind_its_back(disk, 40 * MiB + 64 * KiB, os.urandom(4 * KiB))
    agent = start([disk])
    content, first = list(disk.content()), 40 * 16
    blocks, found, pages = digests(agent, disk, first, 8 * 16 + 1)
    zero = bytes(64 * KiB)
    assert blocks == 8 * 16 + 1
    assert found == b"".join(
        bytes(16) if block == zero else xxhash.xxh3_128_digest(block) for block in content[first:]
    )
    assert pages == b"".join(
        xxhash.xxh3_128_digest(block[at : at + 4 * KiB])
        for block in content[first:]
        for at in range(0, len(block), 4 * KiB)
        if block != zero
    )
    assert len(pages) == 16 * (16 + 2)


def test_digests_are_answered_in_time_with_what_was_read_and_only_of_what_is_there(make_disk, start):
    disk = make_disk()
    agent = start([disk], "--scan-mib", "4")
    blocks, found, _pages = digests(agent, disk, 0, 512, seconds=0.4)
    assert 16 <= blocks <= 64
    assert len(found) == 16 * blocks
    for words in ({"count": 1025}, {"count": 0}, {"first": -1}, {"first": 2**62}, {"first": 4096}):
        assert not agent.ask("digests", **{"disk": disk.key, "first": 0, "count": 16, **words})["ok"]
