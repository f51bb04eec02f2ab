"""JSON that somebody else wrote: parsed only if what comes of it is small, shallow, and can be written again.

What Python's parser takes beside that fails much later, where it is compared, copied or stored."""

from __future__ import annotations

import json
from typing import Any, Final

from .json_values import MOST_LEVELS, require_storable

MOST_PARTS: Final = 50_000
"""A message of 4 MiB may hold a million empty lists, which take a hundred megabytes."""


def parse(raw: bytes, most_parts: int = MOST_PARTS) -> Any:
    """Raises ValueError, which names what is not taken."""
    require_few_parts(raw, most_parts)
    value = _decoded(_STRICT, raw.decode())
    require_storable(value)
    return value


def read(text: str, most_parts: int) -> Any:
    """As far as Python's parser goes: each value in it is yet to be looked at. Raises ValueError."""
    require_few_parts(text, most_parts)
    return _decoded(_LAX, text)


def require_few_parts(text: str | bytes, most: int) -> None:
    """Before anything of it is made. Those in texts count as well. Raises ValueError."""
    found = (
        sum(map(text.count, (",", "[", "{")))
        if isinstance(text, str)
        else sum(map(text.count, (b",", b"[", b"{")))
    )
    if found > most:
        raise ValueError(f"it has more than {most} parts")


def _decoded(decoder: json.JSONDecoder, text: str) -> Any:
    try:
        return decoder.decode(text)
    except RecursionError:
        raise ValueError(f"it has more than {MOST_LEVELS} levels") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number of JSON")


_STRICT: Final = json.JSONDecoder(parse_constant=_no_constant)
"""One for all: `json.loads` would make one for each text."""
_LAX: Final = json.JSONDecoder()
