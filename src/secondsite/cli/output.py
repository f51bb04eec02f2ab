"""Tables for people, JSON for scripts, errors with what to do next."""

import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from ..domain import errors
from ..domain.lifecycle import Verb
from ..wire.base import Problem, Shape

console = Console(highlight=False)
complaints = Console(stderr=True, highlight=False)

Column = tuple[str, Callable[[Any], object]]

_VERBS = re.compile(
    "|".join(sorted((verb.value for verb in Verb if "_" in verb.value), key=len, reverse=True))
)

GOOD = {"protected", "succeeded", "healthy", "connected", "running"}
UNBROKEN = {"id", "name", "state", "verb", "health", "site", "machine"}
BAD = {"failed", "critical", "failover_failed", "cancel_failed", "disable_failed", "cleanup_failed"}


def show_json(value: Shape | Sequence[Shape] | dict[str, Any]) -> None:
    """Plain JSON on standard output."""
    if isinstance(value, Shape):
        print(value.model_dump_json(indent=2))
    elif isinstance(value, dict):
        print(json.dumps(value, indent=2, default=str))
    else:
        print(json.dumps([each.model_dump(mode="json") for each in value], indent=2))


def show_table(rows: Sequence[Any], columns: Sequence[Column], empty: str) -> None:
    """A table, or the sentence that says what to do when there is nothing to show."""
    if not rows:
        console.print(empty)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for header, _ in columns:
        table.add_column(header, overflow="fold", no_wrap=header in UNBROKEN)
    for row in rows:
        table.add_row(*(_cell(value(row)) for _, value in columns))
    console.print(table)


def show_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Name and value, one a line; empty values are left out."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts:
        if value not in (None, "", (), []):
            table.add_row(name, _cell(value))
    console.print(table)


def show_error(error: errors.SecondsiteError, as_json: bool) -> None:
    """What happened and what to do, on standard error."""
    if as_json:
        print(json.dumps({"error": Problem.of(error).model_dump()}), file=sys.stderr)
        return
    complaints.print(f"[bold red]error[/] ({error.code}): ", end="")
    complaints.print(with_dashes(error.message), markup=False, soft_wrap=True)
    complaints.print("  do: ", end="", style="bold")
    complaints.print(with_dashes(error.do), markup=False, soft_wrap=True)


def with_dashes(text: str) -> str:
    """The verbs as they are typed here: planned-failover, not planned_failover."""
    return _VERBS.sub(lambda found: found.group().replace("_", "-"), text)


def _cell(value: object) -> str:
    text = "-" if value is None else str(value)
    if text in GOOD:
        return f"[green]{text}[/]"
    return f"[red]{text}[/]" if text in BAD else text.replace("[", "\\[")


def size(count: float | None) -> str:
    """Bytes as people read them."""
    if count is None:
        return "-"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(count) < 1024 or unit == "TiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError


def span(seconds: float | None) -> str:
    """Seconds as people read them."""
    if seconds is None:
        return "-"
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def clock(at: datetime | None) -> str:
    """An instant in UTC."""
    return "-" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def percent(fraction: float | None) -> str:
    return "-" if fraction is None else f"{fraction:.0%}"
