"""Values at the edges of what JSON, pydantic, Python and databases hold, put at each place of what
somebody says."""

import copy
import json
from collections.abc import Iterator
from typing import Any

NUMBERS: tuple[Any, ...] = (
    -1, 0, 2**31 - 1, 2**31, 2**53 + 1, 2**62, 2**63 - 1, 2**63, -(2**63) - 1, 10**30, 10**400, 1e11, -1e11,
    1e300, float("nan"),
    float("inf"), float("-inf"),
)  # fmt: skip
INSTANTS: tuple[Any, ...] = (
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00+14:00",
    "1969-12-31T23:59:59-12:00",
    "2999-12-31T23:59:59Z", "2999-12-31T23:59:59-12:00", "3000-01-01T00:00:00+12:00", "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-12:00",
    "2026-11-20T12:00:00",
)  # fmt: skip
TEXTS: tuple[Any, ...] = (
    "",
    "\0",
    "a\0b",
    "\ud800",
    "\U0010ffff",
    "x" * 300,
    "x" * 5000,
    "../../etc/passwd",
    "a\nb",
    "%s{0}$(x)",
)
OTHERS: tuple[Any, ...] = (None, True, [], {}, [None], {"": None}, [[[[]]]], {"a": {"a": {"a": {}}}})
EXTREMES: tuple[Any, ...] = (*NUMBERS, *INSTANTS, *TEXTS, *OTHERS)


def places(said: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where something stands in it: all fields, entries and what they hold."""
    inside = said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else ()
    for key, each in inside:
        yield (*path, key)
        yield from places(each, (*path, key))


def with_value(said: dict[str, Any], path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """The same with another value there."""
    changed = copy.deepcopy(said)
    inside: Any = changed
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    return changed


def text(said: object) -> str:
    """As somebody who need not be honest writes it: with NaN, and half of a surrogate pair."""
    return json.dumps(said)
