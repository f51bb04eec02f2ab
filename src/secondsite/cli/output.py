"""Prints tables for people, JSON for scripts, and errors with what to do next."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from ..domain import errors, shell
from ..domain.lifecycle import DrillState, State, Verb
from ..wire.common.base import Problem, Shape
from ..wire.rest import JobAccepted
from . import tables

PIPE_COLUMNS = 240
"""Width without a terminal: whatever reads a pipe wants whole lines."""


def _width(stream: Any) -> int | None:
    return None if stream.isatty() or "COLUMNS" in os.environ else PIPE_COLUMNS


def _table_width() -> int | None:
    """The width of tables; None in a pipe, unless COLUMNS is set."""
    return console.width if console.is_terminal or "COLUMNS" in os.environ else None


console = Console(highlight=False, width=_width(sys.stdout))
complaints = Console(stderr=True, highlight=False, width=_width(sys.stderr))

Column = tuple[str, Callable[[Any], object]]


def _any_of(*kinds: type[Verb | State | DrillState]) -> re.Pattern[str]:
    codes = (each.value for kind in kinds for each in kind if "_" in each.value)
    # A part of a machine's name may look like this.
    return re.compile(rf"(?<![\w-])(?:{'|'.join(codes)})(?![\w-])")


_VERBS, _STATES = _any_of(Verb), _any_of(State, DrillState)

_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters except tab and newline (ESC begins a terminal's sequences), and those that change the
direction of text."""

GOOD = {"protected", "succeeded", "healthy", "connected", "running"}
BAD = {
    "failed",
    "critical",
    "away",
    "failover failed",
    "cancel failed",
    "disable failed",
    "cleanup failed",
}


def plain(text: str) -> str:
    """The text without control characters of terminals: much of what is shown was written by others, in a
    guest or at another site."""
    return _STEERING.sub("\N{REPLACEMENT CHARACTER}", text)


def say(text: str) -> None:
    """Print one sentence on standard output, never wrapped, so that a command in it can be copied."""
    console.print(plain(text), markup=False, soft_wrap=True)


def warn(text: str) -> None:
    """Print one sentence on standard error."""
    complaints.print(plain(text), markup=False, soft_wrap=True)


def show_json(value: Shape | Sequence[Shape] | dict[str, Any]) -> None:
    """Print a value as JSON on standard output."""
    if isinstance(value, Shape):
        print(json.dumps(value.model_dump(mode="json"), indent=2))
    elif isinstance(value, dict):
        print(json.dumps(value, indent=2, default=str))
    else:
        print(json.dumps([each.model_dump(mode="json") for each in value], indent=2))


def show_table(rows: Sequence[Any], columns: Sequence[Column], empty: str) -> None:
    """Print a table without empty columns or, if there are no rows, the sentence that says what to do."""
    if not rows:
        say(empty)
        return
    cells = [[cell(value(row)) for row in rows] for _, value in columns]
    kept = [at for at, column in enumerate(cells) if any(each.plain not in ("", "-") for each in column)]
    headers = [columns[at][0] for at in kept]
    shown = list(zip(*(cells[at] for at in kept), strict=True))
    for line in tables.lines(headers, shown, _table_width()):
        console.print(line, soft_wrap=True)


def show_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Print name and value, one per line; empty values are left out."""
    kept = [(name, cell(value)) for name, value in facts if value not in (None, "", (), [])]
    for line in tables.pairs(kept):
        console.print(line, soft_wrap=True)


def show_deleted(noun: str, name: str, as_json: bool) -> None:
    """Print that something was deleted."""
    if as_json:
        show_json({"deleted": {noun: name}})
    else:
        say(f"{noun} {name} deleted")


def show_accepted(job_id: str, as_json: bool) -> None:
    """Print the job that a command did not wait for."""
    if as_json:
        show_json(JobAccepted(job_id=job_id))
    else:
        say(f"accepted; follow it with: secondsite job follow {job_id[:10]}")


def show_note(note: Shape, sentences: Sequence[str], do: str, as_json: bool) -> None:
    """Print on standard error what was not as it should be although the command went on, and what to do."""
    if as_json:
        print(json.dumps({"note": note.model_dump(mode="json")}), file=sys.stderr)
        return
    complaints.print("[bold yellow]note[/]: ", end="")
    complaints.print(as_typed("\n  ".join(sentences)), markup=False, soft_wrap=True)
    _say_what_to_do(do)


def show_error(error: errors.SecondsiteError, as_json: bool) -> None:
    """Print on standard error what happened, and what to do."""
    if as_json:
        print(json.dumps({"error": Problem.of(error).model_dump()}), file=sys.stderr)
        return
    complaints.print(f"[bold red]error[/] ({error.code}): ", end="")
    complaints.print(as_typed(error.message), markup=False, soft_wrap=True)
    _say_what_to_do(error.do)


def _say_what_to_do(do: str) -> None:
    complaints.print("  do: ", end="", style="bold")
    complaints.print(as_typed(do), markup=False, soft_wrap=True)


def about(name: str, text: str) -> str:
    """Advice with the machine's name in place of MACHINE, so that it can be typed as it is."""
    return shell.about(name, text)


def as_typed(text: str) -> str:
    """The verbs as they are typed here, and the states in words: planned-failover, not planned_failover;
    failed over, not failed_over."""
    spoken = _STATES.sub(lambda found: words(found.group()), plain(text))
    return _VERBS.sub(lambda found: found.group().replace("_", "-"), spoken)


def words(code: str) -> str:
    """A state in words: failed over, not failed_over."""
    return code.replace("_", " ")


def cell(value: object) -> Text:
    """What a table shows for a value: good and bad words in their colour, a dash for nothing."""
    text = "-" if value is None else plain(str(value))
    return Text(text, style="green" if text in GOOD else "red" if text in BAD else "")


def clock(at: datetime | None) -> str:
    """An instant in UTC."""
    return "-" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def percent(fraction: float | None) -> str:
    return "-" if fraction is None else f"{fraction:.0%}"
