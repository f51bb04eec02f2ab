"""Keeps what is valid of the records that an appliance has for an adoption: each thing is checked alone, and
what is left out is named.

Files of a store may be edited, damaged, or of another release. An impossible value costs the thing that has
it, never the others; but a machine's disks, points and direction must be valid, or it is not adopted."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from ...domain import errors
from ..common.numbers import LONGEST_NAME, LONGEST_TEXT

Path = tuple[int | str, ...]
ENTRIES = frozenset({"cards", "checks", "hooks", "keeping"})
"""Lists in a machine's record of which single entries may be left out."""
MOST_LEFT_OUT = 1000


def possible(value: Any, handler: Callable[[Any], Any]) -> Any:
    """The value, checked by the domain; its refusal becomes a ValueError, as pydantic expects."""
    try:
        return handler(value)
    except errors.SecondsiteError as problem:
        raise ValueError(problem.message) from problem


def fitting(
    shape: type[BaseModel], said: object, may_go: Callable[[Path], Path | None]
) -> tuple[Any, tuple[str, ...]]:
    """The shape made of what is valid in `said`, and a sentence for each thing that was left out. `may_go`
    returns what to leave out for the place of an invalid value; None: nothing can be left out. Raises
    ValueError, which names the value, in that case, and for too many."""
    told: list[str] = []
    while len(told) < MOST_LEFT_OUT:
        try:
            shape.model_validate(said)
        except ValidationError as problem:
            odd: set[Path] = set()
            for wrong in problem.errors(include_url=False, include_input=False, include_context=False):
                path = may_go(wrong["loc"])
                where = f"{'.'.join(map(str, wrong['loc']))}{_named(said, path or ())}: {wrong['msg']}"[
                    :LONGEST_TEXT
                ]
                if path is None:
                    raise ValueError(where) from None
                odd.add(path)
                told.append(where)
            said = _without(said, odd)
        else:
            return said, tuple(told)
    raise ValueError(f"more than {MOST_LEFT_OUT} values are odd in it")


def of_record(shape: type[BaseModel]) -> Callable[[Path], Path | None]:
    """What to leave out of a machine's record for an invalid value."""

    def may_go(path: Path) -> Path | None:
        field = shape.model_fields.get(str(path[0])) if path else None
        if field is None or field.is_required():
            return None
        return path[:2] if path[0] in ENTRIES else path[:1]

    return may_go


def of_vault(path: Path) -> Path | None:
    """What to leave out of a vault's settings for many machines: one of them."""
    return path[:2] or None


def of_machine(record: Callable[[Path], Path | None]) -> Callable[[Path], Path | None]:
    """What to leave out of a machine for an invalid value."""

    def may_go(path: Path) -> Path | None:
        if path[:1] == ("policy",):
            return ("policy",)
        if path[:1] != ("kept",):
            return None
        inside = record(path[1:])
        return ("kept",) if inside is None else ("kept", *inside)

    return may_go


def _named(said: Any, path: Path) -> str:
    """The name of the thing at this place."""
    for key in path:
        if isinstance(said, Mapping):
            said = said[key]
        else:
            said = said[key] if isinstance(key, int) and isinstance(said, list | tuple) else None
    if isinstance(said, Mapping) and isinstance(said.get("policy"), Mapping):
        said = said["policy"]
    name = (
        next((said[key] for key in ("name", "mac") if key in said), None)
        if isinstance(said, Mapping)
        else None
    )
    return f" ({cut(name)})" if name is not None else ""


def cut(value: object) -> str:
    """A shortened text for a thing that has no valid name."""
    return value[:LONGEST_NAME] if isinstance(value, str) and value.isprintable() else "?"


def _without(said: Any, paths: set[Path]) -> Any:
    """A copy without what is at these places."""
    here = {path[0] for path in paths if len(path) == 1}
    below = {
        path[0]: {each[1:] for each in paths if len(each) > 1 and each[0] == path[0]}
        for path in paths
        if len(path) > 1
    }
    if isinstance(said, Mapping):
        return {
            key: _without(each, below[key]) if key in below else each
            for key, each in said.items()
            if key not in here
        }
    if isinstance(said, Sequence) and not isinstance(said, str):
        return [
            _without(each, below[at]) if at in below else each
            for at, each in enumerate(said)
            if at not in here
        ]
    return said
