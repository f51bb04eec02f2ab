"""JSON that a peer wrote: parsed only if what comes of it is small, shallow, and can be written again.

Python's parser takes more than anybody sends: NaN, half a surrogate pair, numbers of thousands of digits, a thousand levels. Each
of them passes, and fails much later, where it is compared, copied or stored."""

from __future__ import annotations

import json
import math
from typing import Any, Final

MOST_LEVELS: Final = 24
MOST_PARTS: Final = 50_000
"""A message of 4 MiB may hold a million empty lists, which take a hundred megabytes."""
LARGEST: Final = 2**63 - 1


def parse(raw: bytes) -> Any:
    """Raises ValueError, which names what is not taken."""
    if raw.count(b",") + raw.count(b"[") + raw.count(b"{") > MOST_PARTS:
        raise ValueError(f"it has more than {MOST_PARTS} parts")
    try:
        value = _DECODER.decode(raw.decode())
    except RecursionError:
        raise ValueError(f"it has more than {MOST_LEVELS} levels") from None
    _check(value)
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant)
"""One for all: `json.loads` would make one for each text."""


def _check(value: object) -> None:
    here = [value]
    for _ in range(MOST_LEVELS):
        inside: list[object] = []
        for each in here:
            if isinstance(each, dict):
                inside += each
                inside += each.values()
            elif isinstance(each, list):
                inside += each
            else:
                _check_one(each)
        if not inside:
            return
        here = inside
    raise ValueError(f"it has more than {MOST_LEVELS} levels")


def _check_one(value: object) -> None:
    if isinstance(value, str):
        if not value.isascii():
            value.encode()  # raises UnicodeEncodeError, a ValueError, for half a surrogate pair
        if "\0" in value:
            raise ValueError("it has text with a NUL")
    elif isinstance(value, int) and abs(value) > LARGEST:
        raise ValueError("it has a number of more than 63 bits")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("it has a number that is not finite")
