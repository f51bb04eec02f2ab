"""JSON of a peer is taken only if what comes of it can be kept, compared and written again."""

import json
import tracemalloc

import pytest

from secondsite.ground import bounded_json
from secondsite.ground.units import MiB

HOSTILE = {
    "NaN": b'{"a": NaN}',
    "an infinity": b'{"a": -Infinity}',
    "a number that becomes infinite": b'{"a": 1e999}',
    "10^30": b'{"a": 1' + b"0" * 30 + b"}",
    "a number of 5,000 digits": b'{"a": 1' + b"0" * 5000 + b"}",
    "half a surrogate pair": b'{"a": "\\ud800"}',
    "half a surrogate pair as a key": b'{"\\udfff": 1}',
    "a NUL": b'{"a": "x\\u0000y"}',
    "thirty levels": b"[" * 30 + b"]" * 30,
    "thirty levels of objects": b'{"a":' * 30 + b"1" + b"}" * 30,
    "a hundred thousand levels": b"[" * 100_000 + b"]" * 100_000,
    "a million lists": b"[" + b"[]," * 1_000_000 + b"1]",
    "bytes that are no text": b'{"a": "\xff\xfe"}',
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_what_no_honest_peer_writes_is_refused_with_one_error(raw):
    with pytest.raises(ValueError):
        bounded_json.parse(raw)


def test_what_honest_peers_write_is_taken():
    said = {
        "is": "BEGIN",
        "header": {"disks": [{"key": "vda", "size_bytes": 2**40}], "apart": [], "point": None},
        "ü": 0.5,
    }
    assert bounded_json.parse(json.dumps(said).encode()) == said


def test_a_message_of_four_mebibytes_becomes_no_more_than_some_mebibytes():
    raw = b"[" + b'{"a":[]},' * (4 * MiB // 9 - 1) + b"1]"
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="parts"):
            bounded_json.parse(raw)
        assert tracemalloc.get_traced_memory()[1] < MiB
    finally:
        tracemalloc.stop()
