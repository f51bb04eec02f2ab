"""JSON that somebody else wrote: parsed only if what comes of it is small, shallow, and can be written again.

What Python's parser takes beside that fails much later, where it is compared, copied or stored."""

from __future__ import annotations

import json
from typing import Any, Final

from .json_values import MOST_LEVELS, require_storable

MOST_PARTS: Final = 50_000
"""The most parts of a text. A message of 4 MiB may hold a million empty lists, which take a hundred
megabytes."""


def parse(raw: bytes, most_parts: int = MOST_PARTS) -> Any:
    """The parsed value. Raises ValueError, which names what is not accepted."""
    require_few_parts(raw, most_parts)
    value = _decoded(_STRICT, raw.decode())
    require_storable(value)
    return value


def read(text: str, most_parts: int) -> Any:
    """The parsed value; its values still have to be checked. Raises ValueError if Python's parser refuses
    it."""
    require_few_parts(text, most_parts)
    return _decoded(_LAX, text)


def require_few_parts(text: str | bytes, most: int) -> None:
    """Raises ValueError for a text with more parts than `most`, before it is parsed. Commas and
    brackets inside texts are counted too."""
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
"""One decoder for all texts: `json.loads` would make one for each."""
_LAX: Final = json.JSONDecoder()
