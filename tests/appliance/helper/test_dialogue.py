"""What a helper machine says is bounded, and its end, its silence and its nonsense are told."""

import random
import socket
import threading
from contextlib import ExitStack

import pytest

from secondsite.appliance.helper import answers, dialogue
from secondsite.appliance.helper.dialogue import Dialogue
from secondsite.domain import errors


@pytest.fixture
def lines():
    """Ours and theirs: words, data, console."""
    with ExitStack() as opened:
        pairs = [socket.socketpair() for _ in range(3)]
        for line in (line for pair in pairs for line in pair):
            opened.enter_context(line)
        yield tuple(one for one, _ in pairs), tuple(other for _, other in pairs)


@pytest.fixture
def asked(lines):
    return Dialogue(lines[0], lambda: False)


def failed(call, *arguments):
    with pytest.raises(errors.NotPossibleNow) as problem:
        call(*arguments)
    return problem.value.message


def test_a_request_is_a_line_and_an_answer_ends_with_a_word(lines, asked):
    words, data, _ = lines[1]
    words.sendall(b"ready\n")
    asked.begin()
    asked.ask("list", "sda1", b"/a b\n")
    assert words.recv(100) == rb"list sda1 \0057\0141\0040\0142\0012" + b"\n"
    data.sendall(b"one/two")
    assert (asked.read_until(b"/", 10), asked.read(3)) == (b"one", b"two")
    words.sendall(b"end 0 \n")
    asked.end()


def test_its_own_words_are_told_without_what_a_terminal_obeys(lines, asked):
    words, data, _ = lines[1]
    asked.ask("fetch", "sda1", b"/x")
    data.sendall(b"half")
    words.sendall(b"end 1 tar: short \x1b[31mread\xff\n")
    assert asked.read(4) == b"half"
    said = failed(asked.read, 1)
    assert "tar: short" in said
    assert said.isprintable()


def test_data_that_the_word_of_its_end_overtook_is_taken(lines, asked):
    """A whole answer was told as a broken file system."""
    words, data, _ = lines[1]
    asked.ask("fetch", "sda1", b"/x")
    data.sendall(b"half")
    words.sendall(b"end 0\n")
    assert asked.read(4) == b"half"
    late = threading.Timer(0.7, data.sendall, [b"rest"])
    late.start()
    assert asked.read(4) == b"rest"
    late.join()


def test_an_answer_that_ends_early_is_not_taken_for_a_whole_one(lines, asked, monkeypatch):
    monkeypatch.setattr(dialogue, "LATE_SECONDS", 0.2)
    lines[1][0].sendall(b"end 0\n")
    assert "ended its answer early" in failed(asked.read, 1)


def test_its_end_is_told_with_the_last_of_its_console(lines, asked):
    lines[1][2].sendall(b"Kernel panic - not syncing\r\n")
    for line in lines[1]:
        line.close()
    assert "Kernel panic" in failed(asked.begin)


@pytest.mark.parametrize("said", [b"hello\n", b"x" * 10_000, b"end 0\n", b"\n", b"\0\xff\n"])
def test_one_that_begins_with_anything_else_is_none(lines, asked, said):
    lines[1][0].sendall(said)
    assert "helper machine" in failed(asked.begin)


def test_silence_ends_it(lines, asked, monkeypatch):
    monkeypatch.setattr(dialogue, "SILENT_SECONDS", 0.2)
    monkeypatch.setattr(dialogue, "LOOK_SECONDS", 0.05)
    assert "said nothing" in failed(asked.begin)


def test_a_cancel_ends_it_while_it_talks(lines):
    cancelled = threading.Event()
    asked = Dialogue(lines[0], cancelled.is_set)
    lines[1][1].sendall(b"x")
    asked.read(1)
    cancelled.set()
    assert "cancelled" in failed(asked.read, 1)


def test_no_more_data_waits_here_than_there_may(lines, asked):
    stop, sent, taken = threading.Event(), [0], 0

    def talk():
        lines[1][1].settimeout(0.2)
        while not stop.is_set():
            try:
                sent[0] += lines[1][1].send(bytes(64 * 1024))
            except TimeoutError:
                pass

    talking = threading.Thread(target=talk)
    talking.start()
    try:
        for _ in range(40):
            taken += len(asked.read(100_000))
            # what waits here, and what the kernel holds between the two ends
            assert sent[0] - taken <= dialogue.MOST_WAITING + dialogue.PIECE_BYTES + 2 * 1024 * 1024
    finally:
        stop.set()
        talking.join()


def test_a_name_without_an_end_is_refused(lines, asked):
    lines[1][1].sendall(b"n" * 5000)
    assert "more than there can be" in failed(asked.read_until, b"/", 1000)


def listed(data):
    stream = bytearray(data)

    def read_until(mark, most):
        at = stream.find(mark)
        if at < 0 or at > most:
            raise EOFError
        found = bytes(stream[:at])
        del stream[: at + 1]
        return found

    return list(answers.files(read_until))


def test_a_list_of_files_is_read_whatever_their_names():
    found = listed(b"41ed 4096 1700000000 ./d/\n81a4 5 1700000001 ./two\nlines/\na1ff 3 -5 ./\xff/\n\0/")
    assert [(each.name, each.kind.value, each.size_bytes, each.mode) for each in found] == [
        (b"d", "folder", 4096, 0o755),
        (b"two\nlines", "file", 5, 0o644),
        (b"\xff", "link", 3, 0o777),
    ]
    assert found[2].modified_at is None
    assert listed(b"\0/") == []


@pytest.mark.parametrize(
    "said",
    [b"41ed 4096 17 ./a/b/", b"41ed 4096 17 ./../\0/", b"4 4 ./x/\0/", b"zz 1 1 ./x/", b"41ed 1 1 .//\n",
     b"41ed 99999999999999999999999 1 ./x/", b"/x/"],
)  # fmt: skip
def test_what_is_no_list_is_refused(said):
    with pytest.raises((errors.NotPossibleNow, EOFError)):
        listed(said)


def test_volumes_have_the_names_that_people_know():
    said = b"""block sda 2048 0 - 1 -
ID_PART_TABLE_TYPE=gpt
block sda1 1024 0 1 0 -
ID_FS_TYPE=ext4
ID_FS_LABEL=root
block sdb 4096 1 - 0 -
ID_FS_TYPE=xfs
block dm-0 100 - - 0 vg-root
ID_FS_TYPE=btrfs
block sdc1 100 2 1 0 -
ID_FS_TYPE=ntfs
"""
    found = answers.volumes(said, ["vda", "vdb", "nvme0"])
    assert [(each.name, each.device, each.kind) for each in found] == [
        (b"nvme0p1", "sdc1", "ntfs"),
        (b"vda1", "sda1", "ext4"),
        (b"vdb", "sdb", "xfs"),
        (b"vg-root", "dm-0", "btrfs"),
    ]
    assert found[1].label == "root"


def test_any_answer_about_volumes_is_read_without_harm():
    chance = random.Random(41)
    words = [b"block ", b"sda1", b" ", b"\n", b"-", b"0", b"99999999999999999999", b"ID_FS_TYPE=", b"../x",
             b"ext4", b"\xff", b"\0", b"=", b"\x1b[2J", b"dm-0;reboot"]  # fmt: skip
    for _ in range(2000):
        said = b"".join(chance.choices(words, k=chance.randrange(40)))
        for volume in answers.volumes(said, ["vda"]):
            assert answers.DEVICE.fullmatch(volume.device)
            assert 0 <= volume.size_bytes < 1 << 63
            assert volume.label.isprintable()
