"""No flipped bit and no dishonest length passes a frame."""

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondsite.datapath.digests import hashes
from secondsite.datapath.errors import FrameDamaged
from secondsite.datapath.extents import CHUNK_BYTES
from secondsite.datapath.frames import codec
from secondsite.datapath.frames import frame as frames
from secondsite.datapath.frames.compression import Choice
from secondsite.datapath.frames.frame import NO_DIGEST, Header, Kind, Packing
from secondsite.ground.units import GiB, KiB

sound = Header(Kind.DATA, Packing.RAW, 3, 7 << 40, 4096, 4096, hashes.digest(bytes(4096)))


@given(st.integers(0, 65535), st.integers(0, 2**63), st.integers(1, GiB))
def test_a_header_comes_back_as_it_was(disk, offset, length):
    header = Header(Kind.DATA, Packing.ZERO, disk, offset, length, 0, NO_DIGEST)
    packed = frames.pack(header)
    assert len(packed) == frames.HEAD_BYTES
    assert frames.unpack(packed) == header


def test_every_flipped_bit_of_a_header_is_caught():
    packed = frames.pack(sound)
    for bit in range(len(packed) * 8):
        flipped = bytearray(packed)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FrameDamaged):
            frames.unpack(flipped)


@pytest.mark.parametrize(
    "changes",
    [
        {"length": CHUNK_BYTES + 1, "payload_length": CHUNK_BYTES + 1},
        {"length": 0, "payload_length": 0},
        {"payload_length": 4095},
        {"packing": Packing.ZSTD, "payload_length": 2**32 - 1},
        {"packing": Packing.ZSTD, "length": 2**32 - 1},
        {"packing": Packing.ZERO},
        {"packing": Packing.ZERO, "payload_length": 0, "length": GiB + 1},
        {"kind": Kind.MESSAGE, "length": 2**32 - 1, "payload_length": 2**32 - 1},
        {"kind": Kind.DIGESTS, "packing": Packing.ZSTD},
    ],
)
def test_lengths_out_of_bounds_are_refused_before_anything_is_allocated(changes):
    with pytest.raises(FrameDamaged, match="out of bounds"):
        frames.unpack(frames.pack(sound._replace(**changes)))


def test_foreign_bytes_and_unknown_kinds_are_refused():
    with pytest.raises(FrameDamaged):
        frames.unpack(b"GET / HTTP/1.1\r\n".ljust(frames.HEAD_BYTES))
    with pytest.raises(FrameDamaged, match="unknown"):
        frames.unpack(frames.pack(frames.Header(cast(Any, 9), *sound[1:])))


def test_every_flipped_bit_of_a_payload_is_caught():
    raw = bytes(range(256)) * 2
    for frame in (*codec.encode(Choice(), 0, 0, raw), codec.encode_plain(Kind.MESSAGE, raw)):
        header = frames.unpack(frame.head)
        for bit in range(len(frame.payload) * 8):
            flipped = bytearray(frame.payload)
            flipped[bit // 8] ^= 1 << bit % 8
            with pytest.raises(FrameDamaged):
                # a flip that zstd does not mind must at least not change the bytes
                if codec.decode(header, flipped).data == raw:
                    raise FrameDamaged("harmless", do="nothing")


def test_a_payload_that_unpacks_to_more_than_it_says_is_refused():
    bomb = codec.compress(bytes(64 * KiB))
    header = Header(Kind.DATA, Packing.ZSTD, 0, 0, 60 * KiB, len(bomb), hashes.digest(bytes(60 * KiB)))
    with pytest.raises(FrameDamaged):
        codec.decode(header, bomb)
