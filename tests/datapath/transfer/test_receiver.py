"""What the target does with cycles that are broken, unwelcome or too large; what is left in its inbox
after each."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

from rig.eventually import eventually
from secondsite.datapath.channel import handshake as channel
from secondsite.datapath.cycles import inbox
from secondsite.datapath.errors import CycleRefused, PeerRefused, PeerUnreachable
from secondsite.datapath.extents import Extent
from secondsite.datapath.frames import codec
from secondsite.datapath.frames.compression import Choice
from secondsite.datapath.transfer import sender
from secondsite.datapath.transfer.sender import DiskPlan
from secondsite.ground.units import KiB, MiB
from tests.datapath.support_channel import (
    Admission,
    Target,
    content_of,
    cycle_header,
    disk_content,
    served_disk,
    whole,
)

SIZE = 8 * MiB


def begin(connection, header):
    connection.send_message("BEGIN", header=header.to_json())
    connection.receive_message("ACCEPT")


def some_frame(offset=0):
    [frame] = codec.encode(Choice(), 0, offset, b"text" * (16 * KiB))
    return frame


def refusal(connection) -> PeerRefused:
    with pytest.raises(PeerRefused) as refused:
        connection.receive_message("ACK", within_seconds=10)
    return refused.value


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_a_connection_cut_in_the_middle_leaves_nothing(target):
    connection = target.dial()
    begin(connection, cycle_header(SIZE))
    connection.send(some_frame())
    eventually(lambda: names(target.admission.inbox_dir))
    connection.close()
    eventually(lambda: not names(target.admission.inbox_dir))
    assert not target.admission.arrivals


def test_a_cycle_cut_anywhere_is_sent_again_in_full(target, tmp_path):
    content = disk_content(SIZE)
    with served_disk(tmp_path, content) as disk:
        plans = [DiskPlan(disk, "vda", whole(content))]
        for cut_after in (1, 4):
            connection = target.dial()
            chunks: list[Any] = []

            def cut_there(done, seen=chunks, wire=connection, after=cut_after):
                seen.append(done)
                if len(seen) == after:
                    wire.cut()

            with pytest.raises(PeerUnreachable):
                sender.send_cycle(connection, cycle_header(SIZE), plans, progress=cut_there)
            connection.close()
        with target.dial() as connection:
            sender.send_cycle(connection, cycle_header(SIZE), plans)
    eventually(lambda: names(target.admission.inbox_dir) == ["1-1.cycle"])
    assert content_of(target.admission.arrivals[0], SIZE) == [content]


def test_one_flipped_bit_in_flight_is_caught_and_refused(target):
    frame = some_frame()
    for damaged in (
        frame._replace(payload=frame.payload[:-1] + bytes([frame.payload[-1] ^ 1])),
        frame._replace(head=frame.head[:9] + bytes([frame.head[9] ^ 1]) + frame.head[10:]),
    ):
        with target.dial() as connection:
            begin(connection, cycle_header(SIZE))
            connection.send(some_frame(MiB))
            connection.send(damaged)
            assert refusal(connection).code == "frame-damaged"
        eventually(lambda: not names(target.admission.inbox_dir))


def test_a_cycle_with_a_frame_missing_is_refused_at_its_end(target):
    with target.dial() as connection:
        begin(connection, cycle_header(SIZE))
        connection.send(some_frame())
        connection.send_message("END", frames=2, digest="00")
        assert refusal(connection).code == "frame-damaged"
    assert not target.admission.arrivals


@pytest.mark.parametrize("offset", [SIZE, SIZE - 512, 2**60])
def test_a_frame_beyond_the_disk_is_refused(target, offset):
    with target.dial() as connection:
        begin(connection, cycle_header(SIZE))
        connection.send(some_frame(offset))
        assert refusal(connection).code == "protocol-violated"


def test_a_question_outside_the_header_is_refused(target):
    with target.dial() as connection:
        begin(connection, cycle_header(SIZE))
        connection.send_message("DIGESTS", disk=5, offset=0, length=1)
        assert refusal(connection).code == "protocol-violated"


def test_a_header_that_is_not_understood_is_refused_and_the_connection_takes_the_next(target):
    with target.dial() as connection:
        connection.send_message("BEGIN", header={"machine_id": "web01"})
        with pytest.raises(PeerRefused, match="header is not understood") as refused:
            connection.receive_message("ACCEPT")
        assert refused.value.code == "protocol-violated"
        begin(connection, cycle_header(SIZE))
    [(peer, said)] = target.admission.not_understood_of
    assert peer == "source"
    assert "base_seq" in said


def test_a_refusal_at_the_door_reaches_the_sender_word_for_word(target):
    target.admission.refusal = CycleRefused(
        "not-the-target", "web01 is not replicated to here", do="ask the vault"
    )
    with target.dial() as connection:
        for _ in range(2):  # the connection survives it
            with pytest.raises(PeerRefused) as refused:
                sender.send_cycle(connection, cycle_header(), [])
            assert refused.value.code == "not-the-target"
            assert refused.value.do == "ask the vault"


def test_a_full_inbox_pushes_back_but_a_cycle_that_waits_for_no_other_is_taken(target, tmp_path):
    content = os.urandom(SIZE)
    target.admission.budget_bytes = 4 * MiB
    with served_disk(tmp_path, content) as disk:
        for seq in (1, 2):
            with target.dial() as connection:
                plan = [DiskPlan(disk, "vda", whole(content))]
                if seq == 1:
                    sender.send_cycle(connection, cycle_header(SIZE, seq=seq), plan)
                    continue
                with pytest.raises(PeerRefused) as refused:
                    sender.send_cycle(connection, cycle_header(SIZE, seq=seq), plan)
    assert refused.value.code == "inbox-full"
    eventually(lambda: len(names(target.admission.inbox_dir)) == 1)


def test_a_full_disk_at_the_target_is_named_and_the_part_is_removed(tls, small, tmp_path):
    content = bytearray(os.urandom(64 * MiB))
    inbox_dir = small("small", 4 * MiB)
    with served_disk(tmp_path, content) as disk:
        target = Target(Admission(inbox_dir), tls["target"], tls["source"])
        try:
            plans = [DiskPlan(disk, "vda", whole(content))]
            with target.dial() as connection, pytest.raises(PeerRefused) as refused:
                sender.send_cycle(connection, cycle_header(len(content)), plans)
            assert refused.value.code == "target-disk-full"
            eventually(lambda: not names(inbox_dir))
            with target.dial() as connection:
                small = [DiskPlan(disk, "vda", [Extent(0, MiB)])]
                sender.send_cycle(connection, cycle_header(len(content), seq=2), small)
        finally:
            target.listener.stop()


def test_a_target_that_is_killed_holds_all_that_it_acknowledged_and_no_half_cycle(tls, tmp_path):
    inbox_dir = tmp_path / "inbox"
    inbox_dir.mkdir()
    program = """
        import sys
        from pathlib import Path
        from tests.datapath.support_channel import Admission, Target, TlsFiles
        files = TlsFiles(*(Path(word) for word in sys.argv[2:5]))
        print(Target(Admission(Path(sys.argv[1])), files, files).listener.port, flush=True)
        sys.stdin.read()
    """
    files = tls["target"]
    command = [
        sys.executable,
        "-c",
        textwrap.dedent(program),
        inbox_dir,
        files.certificate,
        files.key,
        files.authority,
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    content = disk_content(SIZE)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with (
            served_disk(tmp_path, content) as disk,
            channel.dial("127.0.0.1", port, tls["source"]) as connection,
        ):
            plans = [DiskPlan(disk, "vda", whole(content))]
            sender.send_cycle(connection, cycle_header(SIZE, seq=1), plans)

            def kill(_done):
                eventually(lambda: list(inbox_dir.glob(".*.part")))
                process.send_signal(signal.SIGKILL)

            with pytest.raises(PeerUnreachable):
                sender.send_cycle(connection, cycle_header(SIZE, seq=2), plans, progress=kill)
    finally:
        process.kill()
        process.communicate(timeout=10)
    assert [(epoch, seq) for epoch, seq, _ in inbox.scan(inbox_dir)] == [(1, 1)]
    assert content_of(inbox.path_of(inbox_dir, 1, 1), SIZE) == [content]
    assert inbox.clear_parts(inbox_dir) == 1
    assert names(inbox_dir) == ["1-1.cycle"]


def test_several_machines_send_at_once(target, tmp_path):
    content = disk_content(SIZE)
    problems = []

    def send(number):
        try:
            with served_disk(tmp_path, content, f"m{number}") as disk, target.dial() as connection:
                plans = [DiskPlan(disk, "vda", whole(content))]
                sender.send_cycle(connection, cycle_header(SIZE, seq=number), plans)
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=send, args=(number,)) for number in (1, 2, 3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not problems
    assert [seq for _, seq, _ in inbox.scan(target.admission.inbox_dir)] == [1, 2, 3, 4]


def test_digests_of_the_wrong_number_are_refused_at_the_target(target, tmp_path):
    target.admission.replica["vda"] = bytes(MiB)  # shorter than the disk
    content = disk_content(SIZE)
    with served_disk(tmp_path, content) as disk, target.dial() as connection:
        with pytest.raises(PeerRefused) as refused:
            plans = [DiskPlan(disk, "vda", compare=whole(content))]
            sender.send_cycle(connection, cycle_header(SIZE), plans)
    assert refused.value.code == "digests-missing"


def test_an_inbox_that_cannot_be_written_is_said_so(target):
    target.admission.inbox_dir = Path("/proc/no-such-inbox")
    with target.dial() as connection:
        connection.send_message("BEGIN", header=cycle_header(SIZE).to_json())
        connection.receive_message("ACCEPT")
        assert refusal(connection).code == "store-unwritable"
