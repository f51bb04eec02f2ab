"""The events that processes log, read from the source: a call is `log.LEVEL("noun.happened", field=...)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
LEVELS = {each: each for each in ("debug", "info", "warning", "error", "critical")} | {"exception": "error"}
"""A logger's methods, and the level of the line that each logs."""


@dataclass(frozen=True, slots=True, order=True)
class LogEvent:
    """One call: the event, its level, the room that logs it, and the names of its fields. `name` is None
    for a call whose first argument is not a literal."""

    name: str | None
    level: str
    room: str
    fields: Sequence[str]


def found() -> Iterator[LogEvent]:
    """Every call, in the order of the source."""
    for path in sorted(SOURCE.rglob("*.py")):
        room = "/".join(path.relative_to(SOURCE).parts[:-1])
        for node in ast.walk(ast.parse(path.read_text(), str(path))):
            if isinstance(node, ast.Call) and (level := _level(node.func)) is not None:
                fields = tuple(
                    sorted(each.arg for each in node.keywords if each.arg not in (None, "exc_info"))
                )
                yield LogEvent(_literal(node.args), level, room, fields)


def _level(called: ast.expr) -> str | None:
    """The level of a call of a logger; None for other calls."""
    if not isinstance(called, ast.Attribute) or not isinstance(called.value, ast.Name):
        return None
    return LEVELS.get(called.attr) if called.value.id == "log" else None


def _literal(arguments: Sequence[ast.expr]) -> str | None:
    first = arguments[0] if arguments else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def render() -> str:
    """The reference page of log events, as Markdown."""
    calls = sorted(found(), key=lambda each: (each.name or "", each.room))
    rows = dict.fromkeys(
        f"| `{each.name}` | {each.level} | {each.room} | {_listed(each.fields)} |" for each in calls
    )
    return (
        "# Log events\n\nVault and appliances write one JSON object per line to standard error: `event`, "
        "`level`, "
        "`timestamp` (UTC) and the fields below. An event is `noun.happened`. Libraries add lines of their "
        "own.\n\n"
        "| event | level | room | fields |\n| --- | --- | --- | --- |\n" + "\n".join(rows) + "\n"
    )


def _listed(fields: Sequence[str]) -> str:
    return ", ".join(f"`{field}`" for field in fields) or "-"
