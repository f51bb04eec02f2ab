"""Raw bytes to frames and back."""

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from secondsite.datapath.digests import hashes
from secondsite.datapath.extents import BLOCK_BYTES, CHUNK_BYTES
from secondsite.datapath.frames import codec
from secondsite.datapath.frames import frame as frames
from secondsite.datapath.frames.compression import SLOW_LINK, SMALL_BYTES, WINDOW_BYTES, Choice, Learnt
from secondsite.datapath.frames.frame import Packing
from secondsite.ground.units import GiB, KiB, MiB


def there_and_back(encoded, size, base=0):
    disk = bytearray(b"\xff" * size)
    for frame in encoded:
        decoded = codec.decode(frames.unpack(frame.head), frame.payload)
        data = bytes(decoded.length) if decoded.zero else decoded.data
        disk[decoded.offset - base : decoded.offset - base + decoded.length] = data
    return disk


@settings(max_examples=40)
@given(st.lists(st.sampled_from(["zero", "text", "noise"]), min_size=1, max_size=16), st.integers(0, 3))
def test_every_chunk_comes_back_as_it_was(blocks, ragged):
    kinds = {"zero": lambda: bytes(BLOCK_BYTES), "text": lambda: b"text" * (BLOCK_BYTES // 4)}
    raw = b"".join(kinds.get(kind, lambda: os.urandom(BLOCK_BYTES))() for kind in blocks)
    raw = raw[: len(raw) - ragged * 512]
    base = 5 * CHUNK_BYTES
    encoded = codec.encode(Choice(), 2, base, raw)
    assert there_and_back(encoded, len(raw), base) == raw
    assert sum(frame.length for frame in encoded if frame.zero) == sum(
        BLOCK_BYTES - (ragged * 512 if at == len(blocks) - 1 else 0)
        for at, kind in enumerate(blocks)
        if kind == "zero"
    )


def test_zero_blocks_inside_a_chunk_travel_as_zeros():
    raw = b"a" * BLOCK_BYTES + bytes(2 * BLOCK_BYTES) + b"b" * BLOCK_BYTES
    encoded = codec.encode(Choice(), 0, 0, raw)
    assert [(frame.length, frame.zero) for frame in encoded] == [
        (BLOCK_BYTES, False),
        (2 * BLOCK_BYTES, True),
        (BLOCK_BYTES, False),
    ]


def test_a_zero_range_of_any_length_becomes_few_frames():
    encoded = list(codec.encode_zeros(1, 0, 3 * GiB + 512))
    assert [frame.length for frame in encoded] == [GiB, GiB, GiB, 512]
    assert all(not frame.payload for frame in encoded)


def test_data_that_does_not_compress_travels_raw():
    noise, text = os.urandom(CHUNK_BYTES), b"text" * (CHUNK_BYTES // 4)
    packings = [frames.unpack(codec.encode(Choice(), 0, 0, raw)[0].head).packing for raw in (noise, text)]
    assert packings == [Packing.RAW, Packing.ZSTD]


class Link:
    """A link and a codec with given speeds, and a clock that they move."""

    def __init__(self, wire_bytes_per_second, codec_bytes_per_second, ratio=0.5, learnt=None):
        self.wire, self.codec, self.ratio = wire_bytes_per_second, codec_bytes_per_second, ratio
        self.clock = 0.0
        self.choice = Choice(now=lambda: self.clock, learnt=learnt)

    def send(self, count):
        """Send so many bytes; gives the share that went compressed."""
        packed = 0
        for _ in range(count // CHUNK_BYTES):
            compress = self.choice.wanted()
            wire_bytes = int(CHUNK_BYTES * self.ratio) if compress else CHUNK_BYTES
            codec_seconds = CHUNK_BYTES / self.codec if compress else 0
            self.clock += max(wire_bytes / self.wire, codec_seconds)
            packed += compress
            self.choice.sent(CHUNK_BYTES, wire_bytes)
        return packed * CHUNK_BYTES / count


def test_a_slow_link_is_never_sent_plain():
    assert Link(SLOW_LINK / 4, 500 * MiB).send(1 * GiB) == 1.0


def test_a_link_that_outruns_the_codec_goes_plain():
    link = Link(2000 * MiB, 500 * MiB)
    link.send(8 * WINDOW_BYTES)
    assert link.send(2 * GiB) < 0.15


def test_a_small_cycle_is_compressed_on_every_link_and_teaches_nothing():
    link = Link(2000 * MiB, 500 * MiB)
    link.send(8 * WINDOW_BYTES)
    assert not link.choice.wanted()
    link.choice.begin(SMALL_BYTES)
    assert link.send(SMALL_BYTES) == 1.0
    link.choice.begin(SMALL_BYTES + 1)
    assert not link.choice.wanted()


def test_a_codec_that_outruns_the_link_stays_in_use():
    link = Link(300 * MiB, 1000 * MiB)
    link.send(8 * WINDOW_BYTES)
    assert link.send(2 * GiB) > 0.85


def test_a_link_that_becomes_slow_is_compressed_again():
    link = Link(2000 * MiB, 500 * MiB)
    link.send(1 * GiB)
    link.wire = SLOW_LINK / 2
    link.send(100 * MiB)
    assert link.send(256 * MiB) == 1.0


def test_the_next_machine_begins_with_what_others_found_out_about_the_link():
    learnt = Learnt()
    Link(2000 * MiB, 500 * MiB, learnt=learnt).send(8 * WINDOW_BYTES)
    assert Link(2000 * MiB, 500 * MiB, learnt=learnt).send(8 * WINDOW_BYTES) == 0.0


def test_a_machine_whose_data_is_unlike_that_of_others_finds_its_own_way():
    learnt = Learnt()
    Link(300 * MiB, 1000 * MiB, ratio=1.0, learnt=learnt).send(8 * WINDOW_BYTES)
    Link(2000 * MiB, 500 * MiB, learnt=learnt).send(8 * WINDOW_BYTES)
    quiet = Link(300 * MiB, 1000 * MiB, ratio=0.1, learnt=learnt)
    quiet.send(2 * GiB)
    assert quiet.send(2 * GiB) > 0.85


def test_a_link_that_is_full_either_way_is_tried_plain_once():
    link = Link(112 * MiB, 500 * MiB)
    link.send(8 * WINDOW_BYTES)
    assert link.send(8 * GiB) == 1.0
    link.wire = 2000 * MiB
    link.send(1 * GiB)
    assert link.send(2 * GiB) < 0.15


def test_a_network_that_holds_up_compressed_bytes_is_never_tried_plain():
    link = Link(112 * MiB, 500 * MiB)
    link.choice.begin(link=lambda: 1.0)
    assert link.send(2 * GiB) == 1.0


def test_digests_are_those_of_xxh3():
    assert hashes.digest(b"").hex() == "99aa06d3014798d86001c324468d497f"
    assert hashes.digest(b"a") != hashes.digest(b"b")


def test_one_set_bit_ends_a_run_of_zeros():
    assert codec.is_zero(bytearray(64 * KiB))
    assert not codec.is_zero(bytearray(64 * KiB) + b"\1")


def test_a_delta_is_compressed_on_a_fast_link_where_a_slice_of_a_pass_is_not():
    choice = Choice(learnt=Learnt(compress=False))
    choice.begin(8 * SMALL_BYTES)
    assert not choice.wanted()
    choice.begin(8 * SMALL_BYTES, delta=True)
    assert choice.wanted()
