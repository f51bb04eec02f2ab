"""Limits of a shape's fields whose types have none: no field that crosses a border is without limits.

They are put into pydantic's core schema when a shape is made, so that a field that somebody adds has them
too."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ...domain.counters import MOST
from ...ground.units import MiB

LONGEST: Final = 4 * MiB
"""The longest text, in characters: a machine's description, a certificate, a page of evidence."""
MOST_PARTS: Final = 100_000
"""The most parts of a list or an object."""
LONGEST_SECONDS: Final = 1e11
"""The largest float; all floats are durations or shares. It is three thousand years: such a duration after
LAST_INSTANT still gives a valid instant."""
FIRST_INSTANT: Final = datetime(1900, 1, 1, tzinfo=UTC)
LAST_INSTANT: Final = datetime(6500, 1, 1, tzinfo=UTC)
"""The last instant: later than anything that is computed from instants of other processes, which have limits
of their own (`instants`)."""

_LOWER: Final = frozenset({"ge", "gt"})
_UPPER: Final = frozenset({"le", "lt"})
_BOUNDS: Final[Mapping[str, tuple[object, object]]] = {
    "int": (-MOST, MOST),
    "float": (-LONGEST_SECONDS, LONGEST_SECONDS),
    "datetime": (FIRST_INSTANT, LAST_INSTANT),
}
_LENGTHS: Final[Mapping[str, int]] = {
    "str": LONGEST,
    "bytes": LONGEST,
    "list": MOST_PARTS,
    "tuple": MOST_PARTS,
    "set": MOST_PARTS,
    "frozenset": MOST_PARTS,
    "dict": MOST_PARTS,
}
_TOLD: Final[Mapping[str, tuple[object, ...]]] = {
    "maximum": (MOST, LONGEST_SECONDS),
    "minimum": (-MOST, -LONGEST_SECONDS),
    "maxLength": (LONGEST,),
    "maxItems": (MOST_PARTS,),
    "maxProperties": (MOST_PARTS,),
}
_INSIDE: Final = (
    "schema", "items_schema", "keys_schema", "values_schema", "lax_schema", "strict_schema", "json_schema",
    "python_schema",
)  # fmt: skip
_SEVERAL: Final = ("fields", "choices", "steps", "items_schema", "definitions")


def bounded(shape: Any) -> Any:
    """The core schema of a shape with limits at each of its fields; existing limits stay."""
    if shape["type"] == "model":
        return {**shape, "schema": _inside(shape["schema"])}
    found = {name: bounded(shape[name]) for name in ("schema",) if isinstance(shape.get(name), dict)}
    return {**shape, **found}


def _inside(part: Any) -> Any:
    """The same for everything inside a field. Shapes inside have got their limits already."""
    if not isinstance(part, dict) or part.get("type") == "model":
        return part
    found = {name: _inside(part[name]) for name in _INSIDE if isinstance(part.get(name), dict)}
    found |= {name: _each(part[name]) for name in _SEVERAL if isinstance(part.get(name), dict | list)}
    return {**_defaults(part), **part, **found}


def _each(several: Any) -> Any:
    """The same for parts by name, in a row, or with a label each."""
    if isinstance(several, dict):
        return {name: _inside(each) for name, each in several.items()}
    return [(_inside(each[0]), *each[1:]) if isinstance(each, tuple) else _inside(each) for each in several]


def _defaults(part: Mapping[str, Any]) -> dict[str, object]:
    kind = str(part.get("type"))
    if kind in _LENGTHS:
        return {"max_length": _LENGTHS[kind]}
    if kind not in _BOUNDS or (kind == "datetime" and part.get("tz_constraint") != "aware"):
        return {}  # an instant without a zone is nothing to compare with
    lower, upper = _BOUNDS[kind]
    return _missing(part, lower, upper)


def _missing(part: Mapping[str, Any], lower: object, upper: object) -> dict[str, object]:
    found: dict[str, object] = {}
    if not _LOWER & part.keys():
        found["ge"] = lower
    if not _UPPER & part.keys():
        found["le"] = upper
    return found


def without_defaults(schema: Any) -> Any:
    """A JSON schema without these limits: they would appear at every number in the API's description, and
    help nobody."""
    if isinstance(schema, list):
        return [without_defaults(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: each for name, each in schema.items() if each not in _TOLD.get(name, ())}
    return {name: without_defaults(each) for name, each in kept.items()}
