"""Many small runs in one frame: there and back, and nothing dishonest passes."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondsite.datapath.cycles import cycle_file
from secondsite.datapath.cycles.cycle_file import CycleDisk, CycleHeader
from secondsite.datapath.digests import hashes
from secondsite.datapath.errors import FrameDamaged
from secondsite.datapath.extents import CHUNK_BYTES
from secondsite.datapath.frames import codec
from secondsite.datapath.frames import frame as frames
from secondsite.datapath.frames import packed_frame as frames_runs
from secondsite.datapath.frames.frame import Header, Kind, Packing
from secondsite.datapath.frames.packed_frame import COUNT, ENTRY, ZERO
from secondsite.ground.units import KiB

PAGE = 4 * KiB


def packed(runs, disk=3):
    encoded = frames_runs.encode(disk, runs)
    return frames.unpack(encoded.head), encoded


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1 << 50), st.integers(1, 9000), st.booleans()), min_size=1, max_size=40)
)
def test_runs_come_back_as_they_were(wanted):
    at, runs = 0, []
    for gap, length, zero in wanted:
        at += gap
        runs.append((at, length, None if zero else memoryview(os.urandom(length))))
        at += length
    header, encoded = packed(runs)
    found = frames_runs.decode(header, encoded.payload)
    assert [(frame.disk, frame.offset, frame.length, frame.zero) for frame in found] == [
        (3, offset, length, data is None) for offset, length, data in runs
    ]
    assert [bytes(frame.data) for frame in found] == [bytes(data or b"") for _, _, data in runs]
    assert encoded.length == sum(length for _, length, data in runs if data is not None)
    assert encoded.zero_length == sum(length for _, length, data in runs if data is None)


def test_scattered_pages_share_a_header_and_are_compressed_together():
    page = os.urandom(PAGE // 2) + bytes(PAGE // 2)
    header, encoded = packed([(n * 64 * KiB, PAGE, memoryview(page)) for n in range(200)])
    assert (header.kind, header.packing) == (Kind.RANGES, Packing.ZSTD)
    assert encoded.wire_bytes < 2 * PAGE  # the same page again and again


def test_noise_is_not_compressed_twice():
    header, encoded = packed([(n * 64 * KiB, PAGE, memoryview(os.urandom(PAGE))) for n in range(200)])
    assert header.packing is Packing.RAW
    assert encoded.wire_bytes < 200 * PAGE * 1.004


def dishonest(table, data=b""):
    raw = COUNT.pack(len(table)) + b"".join(ENTRY.pack(*entry) for entry in table) + data
    return Header(Kind.RANGES, Packing.RAW, 0, 0, len(raw), len(raw), hashes.digest(raw)), raw


@pytest.mark.parametrize(
    ("table", "data"),
    [
        ([], b""),
        ([(0, 0)], b""),
        ([(0, 8)], b"seven.."),
        ([(0, 8)], b"nine....."),
        ([(0, CHUNK_BYTES + 1 | ZERO)], b""),
        ([(2**64 - 1, 8)], b"8 bytes."),
    ],
)
def test_tables_that_do_not_fit_are_refused(table, data):
    with pytest.raises(FrameDamaged, match="do not fit"):
        frames_runs.decode(*dishonest(table, data))


def test_a_count_beyond_the_frame_is_refused():
    raw = COUNT.pack(2**32 - 1) + ENTRY.pack(0, 4 | ZERO)
    header = Header(Kind.RANGES, Packing.RAW, 0, 0, len(raw), len(raw), hashes.digest(raw))
    with pytest.raises(FrameDamaged, match="do not fit"):
        frames_runs.decode(header, raw)


def test_lengths_of_a_frame_of_runs_have_limits():
    for changes in (
        {"length": CHUNK_BYTES + 1, "payload_length": CHUNK_BYTES + 1},
        {"packing": Packing.ZERO},
    ):
        header = Header(Kind.RANGES, Packing.RAW, 0, 0, 64, 64, bytes(16))._replace(**changes)
        with pytest.raises(FrameDamaged, match="out of bounds"):
            frames.unpack(frames.pack(header))


def test_cycle_files_of_the_release_before_are_still_read(tmp_path):
    header = CycleHeader("web01", 1, 1, None, "2026-11-20T08:00:00+00:00", (CycleDisk("vda", 64 * KiB),))
    path = cycle_file.write(tmp_path, header, iter([codec.encode_zero(0, 0, 64 * KiB)]))
    with path.open("r+b") as file:
        file.write(cycle_file.READABLE[1])
    assert cycle_file.verify(path) == header
