"""The commands of the program, and whether a line can be typed: it is parsed, and nothing runs."""

import functools
import shlex
from typing import Any, cast

import typer.main

from secondsite.cli import app
from secondsite.entry import commands as _with_processes  # noqa: F401 - registers 'init', 'run', 'enroll'


def nouns() -> dict[str, Any]:
    """The groups of commands, by noun."""
    return {name: found for name, found in _all().items() if hasattr(found, "commands")}


def alone() -> dict[str, Any]:
    """The commands that are about all nouns."""
    return {name: found for name, found in _all().items() if not hasattr(found, "commands")}


@functools.cache
def _all() -> dict[str, Any]:
    """Made once: it takes a tenth of a second."""
    found: dict[str, Any] = cast(Any, typer.main.get_command(app.app)).commands
    return found


def command(noun: str, name: str):
    """The command object, or None."""
    group = nouns().get(noun)
    return group.commands.get(name) if group else None


def parse(line: str) -> None:
    """Parses `secondsite ...` without running it; raises what the parser raises."""
    words = shlex.split(line.partition(" > ")[0], comments=True)
    assert words[0] == "secondsite", line
    if len(words) == 2 and words[1].startswith("--"):
        return
    if words[1] in alone():
        alone()[words[1]].make_context(words[1], words[2:])
        return
    found = command(words[1], words[2])
    assert found is not None, f"there is no command 'secondsite {words[1]} {words[2]}'"
    if "--help" not in words:
        found.make_context(words[2], words[3:])


def parse_part(line: str) -> None:
    """The same for a line that leaves something out with '...': its command and its options are known."""
    words = shlex.split(line)
    found = alone().get(words[1]) or command(words[1], words[2])
    assert found is not None, line
    known = {option for each in found.params for option in each.opts}
    assert {word for word in words if word.startswith("--")} <= known, line
