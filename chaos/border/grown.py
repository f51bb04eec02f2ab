"""Hostile inputs, grown from real ones: flipped bits, cut and doubled pieces, values of other types,
numbers without end."""

import json
from random import Random
from typing import Any

from secondsite.datapath.frames import frame as frames
from secondsite.datapath.frames.codec import encode_plain
from secondsite.datapath.frames.frame import Kind, Packing

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**30, -(10**30), 0.5, float("nan"), float("inf"), 1e308, "",
    "evil", "../../etc/passwd",
    "\ud800", "\0", "x" * 10_000, "yesterday", "2026-11-21T08:00:00", "0001-01-01T00:00:00+00:00",
    "9999-12-31T23:59:59-12:00",
    [], {}, [[[]]], [None] * 300, {"a": {"b": {}}}, "NaN", "1e999", "%s%n", "\u202e", b"".hex(),
)  # fmt: skip
DEEPEST = 200
MOST_CHANGES = 4


def bits(raw: bytes, dice: Random) -> bytes:
    """The same bytes with some damage."""
    data = bytearray(raw)
    for _ in range(dice.randint(1, MOST_CHANGES)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(5):
            case 0 if data:
                data[at % len(data)] ^= 1 << dice.randrange(8)
            case 1:
                del data[at:]
            case 2:
                data[at:at] = data[at : at + dice.randint(1, 64)]
            case 3:
                del data[at : at + dice.randint(1, 64)]
            case _:
                data[at:at] = dice.randbytes(dice.randint(1, 16))
    return bytes(data)


def json_value(value: Any, dice: Random) -> Any:
    """The same value, with another one somewhere inside."""
    if not isinstance(value, dict | list) or not value or dice.random() < 0.15:
        return _nested(dice) if dice.random() < 0.05 else dice.choice(ODD)
    copy: Any = value.copy()
    key = dice.choice(list(copy)) if isinstance(copy, dict) else dice.randrange(len(copy))
    chance = dice.random()
    if chance < 0.08:
        del copy[key]
    elif chance < 0.12 and isinstance(copy, list):
        copy = copy * dice.randint(2, 50)
    elif chance < 0.12:
        copy[str(dice.choice(ODD))] = dice.choice(ODD)
    else:
        copy[key] = json_value(copy[key], dice)
    return copy


def _nested(dice: Random) -> Any:
    value: Any = dice.choice(ODD)
    for _ in range(dice.randint(10, DEEPEST)):
        value = [value] if dice.random() < 0.5 else {"a": value}
    return value


def document(value: Any, dice: Random) -> bytes:
    """JSON of a hostile value; now and then no JSON."""
    raw = json.dumps(json_value(value, dice)).encode()
    return bits(raw, dice) if dice.random() < 0.2 else raw


def frame(head: bytes, payload: bytes, dice: Random) -> tuple[bytes, bytes]:
    """A frame with other values in its header, under a checksum that is right."""
    header = frames.unpack(head)
    changes: dict[str, Any] = {
        "kind": dice.choice(list(Kind)), "packing": dice.choice(list(Packing)),
        "disk": dice.choice([0, 1, 65535]),
        "offset": dice.choice([0, 1, 2**40, 2**63, 2**64 - 1]),
        "length": dice.choice([0, 1, 4096, 2**20, 2**20 + 1, 2**32 - 1]),
        "payload_length": dice.choice([0, 1, len(payload), 2**22, 2**32 - 1]), "digest": dice.randbytes(16),
    }  # fmt: skip
    chosen = dice.sample(list(changes), dice.randint(1, 3))
    return frames.pack(header._replace(**{name: changes[name] for name in chosen})), payload


def message(raw: bytes) -> bytes:
    """A message's frame, which is right whatever it says."""
    encoded = encode_plain(Kind.MESSAGE, raw)
    return encoded.head + bytes(encoded.payload)
