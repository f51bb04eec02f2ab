"""What the agent's sockets take: little at a time, and nothing that is no request."""

import json
import socket
import struct

import pytest

from secondsite.datapath.disks import NbdDisk
from secondsite.datapath.errors import DiskUnreadable

from . import support_agent as support


@pytest.fixture
def agent(make_disk, start):
    return start([make_disk()])


def connected(path):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(support.PATIENCE)
    connection.connect(str(path))
    return connection


def is_closed(connection):
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


@pytest.mark.parametrize("line", [b"nonsense\n", b"[1]\n", b'{"do": 5}\n', b"\xff\xfe\n"])
def test_who_says_what_is_no_request_is_told_so_and_left(agent, line):
    with connected(agent.control) as other:
        other.sendall(line)
        assert not json.loads(other.makefile().readline())["ok"]
        assert is_closed(other)
    assert agent.told("status")


def test_a_line_has_an_end(agent):
    with connected(agent.control) as other:
        try:
            for _ in range(40):
                other.sendall(b"x" * 65536)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert is_closed(other)
    assert agent.told("memory")["most_resident_bytes"] < 64 << 20


def test_a_verb_that_is_unknown_is_named(agent):
    assert "fly" in agent.ask("fly")["error"]


@pytest.mark.parametrize(
    "words",
    [
        {"do": "open", "view": "live"},
        {"do": "acknowledge", "name": "never"},
        {"do": "compare", "disk": "none", "first": 0, "digests": "AAAA"},
        {"do": "begin-scan"},
        {"do": "end-scan"},
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence(agent, words):
    answer = agent.ask(words.pop("do"), **words)
    assert not answer["ok"]
    assert answer["error"]


@pytest.mark.parametrize("first", [-1, 1 << 40])
def test_blocks_that_a_disk_does_not_have_are_not_compared(agent, first):
    words = {"disk": agent.disks[0].key, "first": first, "digests": "AAAAAAAAAAAAAAAAAAAAAA=="}
    assert not agent.ask("compare", **words)["ok"]


def test_so_many_converse_and_no_more(agent):
    others = [connected(agent.control) for _ in range(8)]
    try:
        agent.told("status")
        assert sum(is_left(other) for other in others) >= 4
    finally:
        for other in others:
            other.close()


def is_left(connection):
    connection.settimeout(1)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False


@pytest.mark.parametrize(
    "said",
    [
        b"\0\0\0\1" + b"GARBAGE!" * 4,
        b"\0\0\0\1" + struct.pack(">QII", 0x49484156454F5054, 7, 1 << 31),
        b"\0\0\0\1" + struct.pack(">QII", 0x49484156454F5054, 7, 4) + b"\xff\xff\xff\xff",
        b"\0\0\0\1" + struct.pack(">QII", 0x49484156454F5054, 10, 8) + struct.pack(">II", 0, 1 << 30),
    ],
)
def test_a_reader_that_speaks_wrongly_gets_nothing_and_hurts_nobody(agent, said):
    agent.told("open", view="live", name="first")
    with connected(agent.readers) as other:
        other.sendall(said)
        other.shutdown(socket.SHUT_WR)
        assert is_closed(other)
    with agent.reader(agent.disks[0], "first") as reader:
        assert len(reader.pread(512, 0)) == 512


def test_without_a_view_there_is_nothing_to_read(agent):
    with pytest.raises(DiskUnreadable):
        NbdDisk(agent.readers, agent.disks[0].key)


def test_a_view_that_was_closed_reads_no_more(agent):
    agent.told("open", view="live", name="first")
    with agent.reader(agent.disks[0], "first") as reader:
        reader.pread(4096, 0)
        agent.told("close")
        with pytest.raises(DiskUnreadable):
            reader.pread(4096, 0)


def test_an_unaligned_range_up_to_the_end_is_read_whole(agent):
    disk = agent.disks[0]
    agent.told("open", view="live", name="first")
    with disk.file.open("rb") as file, agent.reader(disk, "first") as reader:
        for offset, length in ((1, 3 * support.BLOCK), (disk.size - 1000, 1000), (511, 1)):
            file.seek(offset)
            assert reader.pread(length, offset) == file.read(length)
