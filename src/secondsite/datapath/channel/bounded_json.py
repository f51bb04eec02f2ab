"""JSON that a peer wrote: parsed only if what comes of it is small, shallow, and can be written again.

Python's parser takes more than anybody sends: NaN, half a surrogate pair, numbers of thousands of digits, a thousand levels. Each
of them passes, and fails much later, where it is compared, copied or stored."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
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
        value = json.loads(raw, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError(f"it has more than {MOST_LEVELS} levels") from None
    _check(value)
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")


def _check(value: object) -> None:
    here = [value]
    for _ in range(MOST_LEVELS):
        here = [inner for each in here for inner in _inside(each)]
        if not here:
            return
    raise ValueError(f"it has more than {MOST_LEVELS} levels")


def _inside(value: object) -> Iterator[object]:
    """What a value consists of, once it is taken itself."""
    if isinstance(value, dict):
        yield from value
        yield from value.values()
    elif isinstance(value, list):
        yield from value
    else:
        _check_one(value)


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
