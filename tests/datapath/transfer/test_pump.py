"""What a pump takes to send a few pages, and many."""

import threading

import pytest

from secondsite.datapath.extents import Extent
from secondsite.datapath.frames import frame as frames
from secondsite.datapath.frames import packed_frame
from secondsite.datapath.frames.compression import Choice
from secondsite.datapath.transfer.pump import FEW_BYTES, Pump, Work
from secondsite.ground.units import KiB, MiB

DISK = bytes(range(256)) * (4 * MiB // 256)


class Memory:
    """A disk; if it is `broken`, all reads fail."""

    size_bytes = len(DISK)

    def __init__(self, broken=False):
        self.broken = broken

    def read_many(self, wanted, _buffers=None):
        for extent in wanted:
            if self.broken:
                raise OSError("broken")
            yield extent.offset, bytearray(DISK[extent.offset : extent.end])

    def land(self):
        """Nothing is in flight."""


def threads_of_pumps():
    return [each.name for each in threading.enumerate() if each.name.startswith(("read-disk", "encode"))]


def sent(work):
    """(offset, bytes) of all that a pump gives, and its threads."""
    found, seen = {}, []
    with Pump([work], Choice()) as pump:
        for encoded in pump:
            seen += threads_of_pumps()
            for each in packed_frame.decode(frames.unpack(encoded.head), encoded.payload):
                found[each.offset] = (each.length, each.zero, None if each.zero else bytes(each.data))
    return found, seen


def test_a_few_pages_are_read_and_encoded_without_a_thread():
    pages = [Extent(number * 64 * KiB, 4 * KiB) for number in range(5)] + [Extent(MiB, 64 * KiB, zero=True)]
    found, seen = sent(Work(0, Memory(), pages))
    assert seen == []
    assert found == {
        each.offset: (each.length, each.zero, None if each.zero else DISK[each.offset : each.end])
        for each in pages
    }


def test_what_is_long_has_threads():
    found, seen = sent(Work(0, Memory(), [Extent(0, FEW_BYTES), Extent(2 * MiB, 4 * KiB)]))
    assert seen
    assert sum(length for length, _zero, _data in found.values()) == FEW_BYTES + 4 * KiB


def test_what_breaks_a_read_comes_to_who_sends():
    with (
        pytest.raises(OSError, match="broken"),
        Pump([Work(0, Memory(broken=True), [Extent(0, 4096)])], Choice()) as pump,
    ):
        list(pump)
