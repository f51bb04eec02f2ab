"""JSON that a peer wrote: parsed only if what comes of it is small, shallow, and can be written again.

What Python's parser takes beside that fails much later, where it is compared, copied or stored."""

from __future__ import annotations

import json
from typing import Any, Final

from ...ground.json_values import MOST_LEVELS, require_storable

MOST_PARTS: Final = 50_000
"""A message of 4 MiB may hold a million empty lists, which take a hundred megabytes."""


def parse(raw: bytes) -> Any:
    """Raises ValueError, which names what is not taken."""
    if raw.count(b",") + raw.count(b"[") + raw.count(b"{") > MOST_PARTS:
        raise ValueError(f"it has more than {MOST_PARTS} parts")
    try:
        value = _DECODER.decode(raw.decode())
    except RecursionError:
        raise ValueError(f"it has more than {MOST_LEVELS} levels") from None
    require_storable(value)
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant)
"""One for all: `json.loads` would make one for each text."""
