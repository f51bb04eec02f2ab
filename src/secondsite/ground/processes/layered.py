"""Settings that come from several places: what was written once, a file of the people, and the environment.

Of a home, in this order, the later ones win: NAME.json, which `init` or `enroll` wrote and people may edit;
NAME.toml beside it, for whoever keeps many hosts alike; and variables SECONDSITE_NAME_SETTING."""

import json
import os
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Setting:
    """`source`: the file, or the variable, that said it last."""

    value: Any
    source: str


def read(
    home: Path,
    name: str,
    known: Collection[str],
    fixed: Collection[str],
    environ: Mapping[str, str] = os.environ,
) -> dict[str, Setting]:
    """What is said of each setting. `known`: all that there are; `fixed`: those that only the JSON file may
    say. Raises FileNotFoundError without that file, ValueError for what cannot be read, or is not known."""
    written = home / f"{name}.json"
    said = {key: Setting(value, str(written)) for key, value in _object(written).items()}
    for key, setting in (*_of_file(home / f"{name}.toml"), *_of_variables(name, environ)):
        if key in fixed:
            raise ValueError(f"{setting.source}: '{key}' is said by {written} alone")
        if key not in known:
            raise ValueError(f"{setting.source}: there is no setting '{key}'")
        said[key] = setting
    return said


def values(said: Mapping[str, Setting]) -> dict[str, Any]:
    return {key: setting.value for key, setting in said.items()}


def _object(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text())
    if not isinstance(found, dict):
        raise ValueError(f"{path} is no object")
    return found


def _of_file(path: Path) -> Iterator[tuple[str, Setting]]:
    try:
        found = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return
    except ValueError as problem:
        raise ValueError(f"{path}: {problem}") from problem
    for key, value in found.items():
        yield key, Setting(value, str(path))


def _of_variables(name: str, environ: Mapping[str, str]) -> Iterator[tuple[str, Setting]]:
    prefix = f"SECONDSITE_{name.upper()}_"
    for variable, text in sorted(environ.items()):
        if variable.startswith(prefix):
            yield variable.removeprefix(prefix).lower(), Setting(_value(text), variable)


def _value(text: str) -> Any:
    """As a TOML file says it, and otherwise the text itself: 0.0.0.0 needs no quotes."""
    try:
        found = tomllib.loads(f"value = {text}")
    except ValueError:
        return text
    value = found.pop("value")
    return value if not found and isinstance(value, str | int | float | bool | list | dict) else text
