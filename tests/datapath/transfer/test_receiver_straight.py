"""A cycle that the admission writes as it comes: what it sees when all is well, and when the stream ends
anywhere."""

import pytest

from rig.eventually import eventually
from secondsite.datapath.errors import Cancelled, PeerRefused, StoreFull
from secondsite.datapath.frames import codec
from secondsite.datapath.frames.compression import Choice
from secondsite.datapath.transfer import sender
from secondsite.datapath.transfer.sender import DiskPlan
from secondsite.ground.units import KiB, MiB
from tests.datapath.support_channel import cycle_header, disk_content, served_disk, whole

SIZE = 8 * MiB


class Head:
    """Keeps what is written; frames are held until the end, as writes in flight hold them."""

    def __init__(self, admission):
        self.admission = admission
        self.content = bytearray(SIZE)
        self.ends = []
        self.frames = []
        admission.write = self.write

    def write(self, frames, came_whole):
        self.frames = list(frames)
        for frame in self.frames:
            data = bytes(frame.length) if frame.zero else frame.data
            self.content[frame.offset : frame.offset + frame.length] = data
        self.ends.append(came_whole())


@pytest.fixture
def head(admission):
    return Head(admission)


@pytest.fixture
def connection(target, head):
    with target.dial() as connection:
        yield connection


def begin(connection, seq=1):
    connection.send_message("BEGIN", header=cycle_header(SIZE, seq=seq).to_json())
    connection.receive_message("ACCEPT")


def some_frame(offset=0):
    [frame] = codec.encode(Choice(), 0, offset, b"text" * (16 * KiB))
    return frame


def send(connection, tmp_path, content, **options):
    with served_disk(tmp_path, content) as disk:
        plans = [DiskPlan(disk, "vda", whole(content))]
        return sender.send_cycle(connection, cycle_header(SIZE), plans, **options)


def test_a_cycle_reaches_the_head_and_leaves_nothing_in_the_inbox(connection, head, admission, tmp_path):
    content = disk_content(SIZE)
    send(connection, tmp_path, content)
    assert head.content == content
    assert head.ends == [True]
    assert not list(admission.inbox_dir.iterdir())
    assert not admission.arrivals


def test_what_is_compared_is_answered_before_anything_is_written(connection, head, admission, tmp_path):
    content = disk_content(SIZE)
    admission.replica["vda"] = bytes(content[:-MiB]) + bytes(MiB)
    with served_disk(tmp_path, content) as disk:
        plans = [DiskPlan(disk, "vda", compare=whole(content))]
        sender.send_cycle(connection, cycle_header(SIZE), plans)
    assert min(frame.offset for frame in head.frames) == SIZE - MiB
    assert head.content[-MiB:] == content[-MiB:]


def test_a_broken_stream_ends_the_frames_and_the_cycle_is_not_whole(connection, head):
    begin(connection)
    connection.send(some_frame())
    connection.close()
    eventually(lambda: head.ends)
    assert head.ends == [False]
    assert len(head.frames) == 1


def test_a_sender_that_gives_up_keeps_its_connection(connection, head, tmp_path):
    with pytest.raises(Cancelled):
        send(connection, tmp_path, disk_content(SIZE), cancelled=lambda: True)
    assert head.ends == [False]
    content = disk_content(SIZE, seed=9)
    send(connection, tmp_path, content)
    assert head.ends == [False, True]


@pytest.mark.parametrize("at", [10, 60])
def test_a_flipped_bit_in_header_or_data_is_not_written(connection, head, at):
    begin(connection)
    connection.send(some_frame())
    frame = some_frame(MiB)
    body = bytearray(frame.head + bytes(frame.payload))
    body[at] ^= 1
    connection.socket.sendall(body)
    with pytest.raises(PeerRefused) as refused:
        connection.receive_message("ACK")
    assert refused.value.code == "frame-damaged"
    assert ([frame.offset for frame in head.frames], head.ends) == ([0], [False])


def test_an_end_that_does_not_match_the_frames_is_refused(connection, head):
    begin(connection)
    connection.send(some_frame())
    connection.send_message("END", frames=2, digest="0" * 32)
    with pytest.raises(PeerRefused):
        connection.receive_message("ACK")
    assert head.ends == [False]


def test_a_full_store_is_told_to_the_sender(connection, admission, head, tmp_path):
    def full(frames, _came_whole):
        next(frames)
        raise StoreFull("no room on the store", do="add space")

    admission.write = full
    with pytest.raises(PeerRefused) as refused:
        send(connection, tmp_path, disk_content(SIZE))
    assert refused.value.code == "store-full"


def test_a_door_that_is_not_ready_gets_the_cycle_through_the_inbox(connection, admission, head, tmp_path):
    class Unready:
        def __enter__(self):
            return None

        def __exit__(self, *_):
            return None

    admission.direct_write = lambda header, cut: Unready()
    content = disk_content(SIZE)
    send(connection, tmp_path, content)
    assert [path.name for path in admission.arrivals] == ["1-1.cycle"]
    assert not head.ends
