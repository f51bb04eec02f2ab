"""Explains why a shape does not accept a value that a person gave, in plain words instead of the
library's."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pydantic

from ..domain import errors
from ..wire.common.base import SITE_NAME

WHAT = {
    "missing": "it is needed, and not there",
    "extra_forbidden": "there is no such field",
    "json_invalid": "it is no JSON",
    "string_pattern_mismatch": "it is not written as it has to be",
}
NAMES = ("name", "script")
NAME = "it has letters, digits, '.', '_' and '-', begins with a letter or digit, and is no path"


SHORT_NAME = "Use a-z, 0-9 and '-', at most 63, and begin with a letter or digit"


def spoken(found: Any) -> str:
    """One validation error without its place; for a name, what its pattern requires in words."""
    pattern = (found.get("ctx") or {}).get("pattern")
    return SHORT_NAME if pattern == SITE_NAME else str(found["msg"])


def first(error: pydantic.ValidationError) -> str:
    """The first validation error, with its place: 'groups, number 2: machines: it is needed, and not
    there'."""
    found = error.errors()[0]
    place = _place(found["loc"])
    last = found["loc"][-1] if place else None
    what = NAME if found["type"] == "string_pattern_mismatch" and last in NAMES else _what(found)
    return f"{place}: {what}" if place else what


def unreadable(file: Path, what: str, problem: Exception, command: str) -> errors.InvalidArgument:
    """The error for a file that `secondsite COMMAND` should have written, and that has other content or
    cannot be read."""
    made = f"Give the file that 'secondsite {command}' wrote."
    if isinstance(problem, OSError):
        return errors.InvalidArgument(f"{file} cannot be read: {problem.strerror}.", do=made)
    why = first(problem) if isinstance(problem, pydantic.ValidationError) else "it is no text in UTF-8"
    return errors.InvalidArgument(f"{file} is not {what}: {why}.", do=made)


def _place(path: Sequence[str | int]) -> str:
    """The place in words; people count from one."""
    place = ""
    for part in path:
        if isinstance(part, int):
            place += f", number {part + 1}"
        else:
            place += f": {part}" if place else part
    return place


def _what(found: Any) -> str:
    return WHAT.get(found["type"], str(found["msg"]).removeprefix("Value error, "))
